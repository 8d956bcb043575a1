// The rules of support/architecture.ts: kept by the sources, and seen to fail, each on a planted violation.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findViolations } from './support/architecture.ts';

const product = 'packages/posthorn/src/';
const filesPlausibleMin = 20;

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Our own TypeScript files below `folder`, by path from the repository root, with forward slashes. */
function readSources(folder: string): [string, string][] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry): [string, string][] => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : readSources(path);
    return entry.name.endsWith('.ts') ? [[path, readFileSync(join(root, path), 'utf8')]] : [];
  });
}

test('the sources keep the rules', () => {
  const files = new Map(['packages', 'examples'].flatMap((folder) => readSources(folder)));
  const visited = [...files.keys()];
  // An empty listing breaks no rule: these say that the right files were read.
  expect(visited).toEqual(expect.arrayContaining([`${product}main.ts`, `${product}lib/clock.ts`]));
  expect(visited).toContain('packages/webhooks/src/index.ts');
  expect(visited).toContain('packages/posthorn/test/architecture.test.ts');
  expect(visited.filter((file) => file.startsWith(product)).length).toBeGreaterThanOrEqual(filesPlausibleMin);
  expect(findViolations(files)).toEqual([]);
});

/** rule, path below packages/posthorn/src (or from the root), source */
const planted: readonly (readonly [string, string, string])[] = [
  ['layer', 'core/retry.ts', "import { claim } from '../store/deliveries.ts';"],
  ['layer', 'core/retry.ts', "import type { Tables } from '../store/tables.ts';"],
  ['layer', 'core/retry.ts', "type T = import('../store/tables.ts').Tables;"],
  ['layer', 'lib/loop.ts', "import { settle } from '../core/settle.ts';"],
  ['layer', 'store/messages.ts', "import { send } from '../delivery/send.ts';"],
  ['layer', 'delivery/send.ts', "import { problem } from '../api/problem.ts';"],
  ['layer', 'delivery/send.ts', "import { read } from '../gateway/read.ts';"],
  ['layer', 'delivery/send.ts', "const late = await import('../api/problem.ts');"],
  ['layer', 'delivery/send.ts', "import '../config.ts';"],
  ['layer', 'api/messages.ts', "import { wake } from '../delivery/dispatch.ts';"],
  ['layer', 'api/messages.ts', "import { read } from '../gateway/read.ts';"],
  ['layer', 'gateway/read.ts', "import { route } from '../api/route.ts';"],
  ['layer', 'gateway/read.ts', "import { wake } from '../delivery/dispatch.ts';"],
  ['layer', 'embedded/start.ts', "import { migrate } from '../store/migrate.ts';"],
  ['layer', 'cli/serve.ts', "import { route } from '../api/route.ts';"],
  ['layer', 'cli/serve.ts', "import { wake } from '../delivery/dispatch.ts';"],
  ['layer', 'cli/serve.ts', "import { read } from '../gateway/read.ts';"],
  ['layer', 'config-parsers.ts', "import { migrate } from './store/migrate.ts';"],
  ['layer', 'server.ts', "import { main } from './main.ts';"],
  ['node', 'core/retry.ts', "import { createHash } from 'node:crypto';"],
  ['node', 'delivery/send.ts', "import { performance as watch } from 'node:perf_hooks';"],
  ['node', 'cli/serve.ts', "import { env } from 'node:process';"],
  ['package', 'core/filter.ts', "import ipaddr from 'ipaddr.js';"],
  ['package', 'delivery/dispatch.ts', "import { Agent } from 'undici';"],
  ['package', 'api/messages.ts', "import { Agent } from 'undici/index.js';"],
  ['package', 'api/messages.ts', "import type { Pool } from 'pg';"],
  ['package', 'delivery/send.ts', "import pg from 'pg';"],
  ['package', 'delivery/send.ts', "import fastify from 'fastify';"],
  ['package', 'gateway/read.ts', "import fastify from 'fastify';"],
  ['package', 'delivery/send.ts', 'const name = "un"; await import(`${name}dici`);'],
  ['outside', 'delivery/send.ts', "import { sign } from '../../../webhooks/src/sign.ts';"],
  ['extension', 'delivery/send.ts', "import { plan } from './plan.js';"],
  ['unknown-layer', 'services/sender.ts', 'export const a = 1;'],
  ['clock', 'delivery/send.ts', 'const now = Date.now();'],
  ['clock', 'delivery/send.ts', 'const clock = { now: Date.now };'],
  ['clock', 'store/messages.ts', 'const now = new Date();'],
  ['clock', 'store/messages.ts', 'const now = Date();'],
  ['clock', 'core/retry.ts', "const now = globalThis.Date['now']();"],
  ['clock', 'lib/loop.ts', 'const startedAt = performance.now();'],
  ['clock', 'lib/loop.ts', 'const startedAt = process.hrtime.bigint();'],
  ['random', 'core/retry.ts', 'const jitter = Math.random();'],
  ['process', 'server.ts', 'const port = process.env.PORT;'],
  ['process', 'config.ts', "const port = process['env']['PORT'];"],
  ['process', 'server.ts', 'const { env } = process;'],
  ['process', 'cli/serve.ts', 'process.exit(1);'],
  ['process', 'cli/serve.ts', 'process.exitCode = 1;'],
  ['process', 'cli/serve.ts', 'const [, , command] = process.argv;'],
  ['process', 'delivery/send.ts', 'const owner = process.pid;'],
  ['process', 'delivery/send.ts', "process.on('SIGTERM', () => undefined);"],
  ['pure', 'core/retry.ts', "await fetch('http://127.0.0.1/');"],
  ['pure', 'core/retry.ts', 'setTimeout(() => undefined, 5);'],
  ['pure', 'core/secret.ts', 'const id = crypto.randomUUID();'],
  ['pure', 'core/secret.ts', 'const system = process.platform;'],
  ['grab-bag', 'delivery/utils.ts', 'export const a = 1;'],
  ['grab-bag', 'lib/helpers.ts', 'export const a = 1;'],
  ['grab-bag', 'core/types.ts', 'export const a = 1;'],
  ['barrel', 'delivery/index.ts', 'export const a = 1;'],
  ['barrel', 'delivery/send.ts', "export { plan } from './plan.ts';"],
  ['export-star', 'delivery/send.ts', "export * from './plan.ts';"],
  ['export-star', 'packages/webhooks/src/index.ts', "export * from './sign.ts';"],
  ['default-export', 'delivery/send.ts', 'export default 1;'],
  ['webhooks', 'packages/webhooks/src/sign.ts', "import { createHmac } from 'node:crypto';"],
  ['webhooks', 'packages/webhooks/src/sign.ts', "import { plan } from '../../posthorn/src/core/retry.ts';"],
  [
    'sleep',
    'packages/posthorn/test/a.test.ts',
    "import { setTimeout as pause } from 'node:timers/promises';",
  ],
  [
    'sleep',
    'packages/posthorn/test/a.test.ts',
    "const { setTimeout: pause } = await import('timers/promises');",
  ],
  ['sleep', 'packages/posthorn/test/a.test.ts', 'await new Promise((done) => setTimeout(done, 50));'],
  [
    'sleep',
    'packages/posthorn/test/a.test.ts',
    'await new Promise((done) => { setTimeout(() => done(1), 50); });',
  ],
  ['sleep', 'examples/signup/signup.test.ts', 'const pause = promisify(setTimeout);'],
];

test.each(planted)('%s: %s may not hold %s', (rule, path, source) => {
  const found = findViolations(new Map([[fromRoot(path), source]]));
  expect(found.map((violation) => violation.rule)).toEqual([rule]);
});

const permitted: readonly (readonly [string, string])[] = [
  ['core/address.ts', "import ipaddr from 'ipaddr.js'; import type { Rule } from './rule.ts';"],
  [
    'delivery/connectors/http.ts',
    "import { Agent } from 'undici'; import { sign } from '@posthorn/webhooks';",
  ],
  [
    'delivery/send.ts',
    "import { createHash } from 'node:crypto'; import { claim } from '../store/claim.ts';",
  ],
  ['delivery/settler.ts', "import type pg from 'pg';"],
  ['store/database.ts', "import pg from 'pg'; import { sql } from 'kysely';"],
  ['api/messages.ts', "import { Type } from 'typebox'; import type { FastifyInstance } from 'fastify';"],
  [
    'cli/serve.ts',
    "import { start } from '../server.ts'; import { Command } from 'commander'; process.on('SIGINT', stop);",
  ],
  [
    'main.ts',
    "import { run } from './cli/program.ts'; process.exitCode = await run(process.argv, process.env);",
  ],
  ['lib/clock.ts', 'export const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };'],
  ['lib/ids.ts', "import { randomBytes } from 'node:crypto'; const dice = Math.random();"],
  ['core/retry.ts', '/* Date.now() */ const text = "process.env"; const day = new Date(0); // Math.random()'],
  ['core/retry.ts', 'interface Lease { process: string } const x = plan.process + plan.fetch;'],
  ['packages/webhooks/src/index.ts', "export { sign } from './sign.ts';"],
  ['packages/webhooks/src/verify.ts', 'const now = Date.now();'],
  ['packages/posthorn/test/support/wait.ts', "import { setTimeout as pause } from 'node:timers/promises';"],
  [
    'packages/posthorn/test/a.test.ts',
    "await new Promise((done, fail) => setTimeout(() => fail(new Error('late')), 50));",
  ],
  [
    'packages/posthorn/test/a.test.ts',
    'const slow = createServer((_, response) => setTimeout(() => response.end(), 50));',
  ],
];

test.each(permitted)('%s may hold %s', (path, source) => {
  expect(findViolations(new Map([[fromRoot(path), source]]))).toEqual([]);
});

test('a cycle is found through three files, and reported once', () => {
  const files = new Map([
    [`${product}delivery/claim.ts`, "import { send } from './send.ts';"],
    [`${product}delivery/send.ts`, "import type { Settled } from './settle.ts';"],
    [`${product}delivery/settle.ts`, "import { claim } from './claim.ts'; import { plan } from './plan.ts';"],
    [`${product}delivery/plan.ts`, 'export const plan = 1;'],
  ]);
  const [cycle, ...others] = findViolations(files);
  expect(others).toEqual([]);
  expect(cycle).toMatchObject({ rule: 'cycle', file: `${product}delivery/claim.ts` });
  expect(cycle?.detail).toBe(
    ['claim', 'send', 'settle', 'claim'].map((name) => `${product}delivery/${name}.ts`).join(' -> '),
  );
});

function fromRoot(path: string): string {
  return path.startsWith('packages/') || path.startsWith('examples/') ? path : product + path;
}
