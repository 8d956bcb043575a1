// Loads built modules in a realm that has only the globals every web runtime has, then signs and verifies there.
// Usage: node --experimental-vm-modules run-in-bare-realm.mjs <folder of built modules>
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createContext, SourceTextModule } from 'node:vm';

const folder = process.argv[2];
const { crypto, TextEncoder, atob, btoa } = globalThis;
const context = createContext({ crypto, TextEncoder, atob, btoa });
const loaded = new Map();

async function load(path) {
  if (!loaded.has(path)) {
    loaded.set(path, new SourceTextModule(await readFile(path, 'utf8'), { context, identifier: path }));
  }
  return loaded.get(path);
}

async function link(specifier) {
  if (!specifier.startsWith('./')) throw new Error(`the package imports ${specifier}`);
  return load(resolve(folder, specifier));
}

const story = new SourceTextModule(
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
  { context, identifier: resolve(folder, 'story.js') },
);
await story.link(link);
await story.evaluate();
process.stdout.write(JSON.stringify({ ...story.namespace }));
