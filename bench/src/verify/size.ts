// What a verifier adds to a program that is bundled, beside other libraries.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export interface Size {
  bundle: string;
  minifiedBytes: number;
  gzipBytes: number;
}

const row = (
  file: string,
  name: string,
) => `export { createProviderVerifier } from '@posthorn/webhooks/provider';
  export { ${name} } from '@posthorn/webhooks/providers/${file}';`;

const sources: Readonly<Record<string, string>> = {
  'createVerifier (Standard Webhooks)': "export { createVerifier } from '@posthorn/webhooks';",
  'createProviderVerifier and github': row('github', 'github'),
  'createProviderVerifier and stripe': row('stripe', 'stripe'),
  'createProviderVerifier and every provider': row('all', 'providers'),
  'createReceiver and stripe': `export { createReceiver } from '@posthorn/webhooks/receiver';
    export { stripe } from '@posthorn/webhooks/providers/stripe';`,
  'theirs: standardwebhooks': "export { Webhook } from 'standardwebhooks';",
  // Node's own crypto does the work.
  'theirs: @octokit/webhooks-methods': "export { verify } from '@octokit/webhooks-methods';",
  'theirs: stripe': "export { default } from 'stripe';",
};

/** As for a browser: what only Node has is left out of every bundle. */
export async function measureSizes(): Promise<Size[]> {
  const sizes: Size[] = [];
  for (const [bundle, contents] of Object.entries(sources)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: import.meta.dirname },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      external: ['node:*', 'crypto', 'events', 'http', 'https', 'child_process', 'util'],
      write: false,
      logLevel: 'silent',
    });
    const bytes = outputFiles[0]?.contents ?? new Uint8Array();
    sizes.push({ bundle, minifiedBytes: bytes.length, gzipBytes: gzipSync(bytes, { level: 9 }).length });
  }
  return sizes;
}
