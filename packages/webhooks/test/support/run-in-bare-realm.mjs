// Loads built modules in a realm that has only the globals every web runtime has; signs, verifies and receives there.
// Usage: node --experimental-vm-modules run-in-bare-realm.mjs <folder of built modules>
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createContext, SourceTextModule } from 'node:vm';

const folder = process.argv[2];
const { crypto, TextDecoder, TextEncoder, URLSearchParams, Response, atob, btoa } = globalThis;
const signing = createContext({ crypto, TextEncoder, atob, btoa });
const receiving = createContext({ crypto, TextDecoder, TextEncoder, URLSearchParams, Response, atob, btoa });

async function run(context, source) {
  const loaded = new Map();
  const load = async (path) => {
    if (!loaded.has(path)) {
      loaded.set(path, new SourceTextModule(await readFile(path, 'utf8'), { context, identifier: path }));
    }
    return loaded.get(path);
  };
  const link = async (specifier, { identifier }) => {
    if (!/^\.{1,2}\//.test(specifier)) throw new Error(`the package imports ${specifier}`);
    return load(resolve(dirname(identifier), specifier));
  };
  const story = new SourceTextModule(source, { context, identifier: resolve(folder, 'story.js') });
  await story.link(link);
  await story.evaluate();
  return { ...story.namespace };
}

const signed = await run(
  signing,
  `import { generateEd25519Secret, generateHmacSecret, publicKeyOf, sign, verify } from './index.js';
   export const globals = [typeof process, typeof Buffer, typeof require, typeof Headers].join();
   export const verdicts = [];
   const privateKey = await generateEd25519Secret();
   const shared = generateHmacSecret();
   const body = Uint8Array.of(1, 255, 3);
   const timestamp = Math.floor(Date.now() / 1000);
   const headers = await sign({ id: 'msg_1', timestamp, body, secrets: [shared, privateKey] });
   for (const secrets of [shared, await publicKeyOf(privateKey), generateHmacSecret()]) {
     const verdict = await verify({ headers, body, secrets });
     verdicts.push(verdict.ok ? 'passed' : verdict.reason);
   }`,
);

const received = await run(
  receiving,
  `import { memoryDedupe } from './dedupe/memory.js';
   import { signRequest } from './provider/index.js';
   import { stripe } from './providers/stripe.js';
   import { createReceiver } from './receiver/index.js';
   export const received = [];
   const seen = [];
   const receiver = createReceiver({ dedupe: memoryDedupe(), onRejected: () => {} });
   receiver.source('billing', stripe, { secrets: 'secret' }).on('*', (event) => void seen.push(event.id));
   const url = 'https://example.com/billing';
   for (const secret of ['secret', 'another']) {
     const draft = await signRequest(stripe, { url, secret, body: '{"id":"evt_1","type":"a"}' });
     const headers = { get: (name) => draft.headers[name] ?? null };
     const { status } = await receiver.fetch({ method: 'POST', url, headers, body: draft.body });
     received.push([status, ...seen.splice(0)].join(' '));
   }`,
);

process.stdout.write(JSON.stringify({ ...signed, ...received }));
