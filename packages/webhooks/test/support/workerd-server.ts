// A Worker in workerd, Cloudflare's own runtime: the built package and one script, with a KV namespace behind it.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { BuiltPackage } from './built-package.ts';
import { startChild } from './child-server.ts';
import type { ChildServer } from './child-server.ts';
import { freePort } from './ports.ts';
import { runtimeBinary } from './runtime-binaries.ts';

/** Answers workerd's KV binding, which is an HTTP client, from a map: Cloudflare's own store is not in the binary. */
const keyValueService = `
const values = new Map();
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const key = decodeURIComponent(pathname.slice(1));
    if (request.method === 'PUT') {
      const ttl = Number(searchParams.get('expiration_ttl') ?? 0);
      if (ttl !== 0 && ttl < 60) return new Response('ttl', { status: 400 });
      values.set(key, await request.text());
      return new Response(null);
    }
    const value = values.get(key);
    return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
  },
};
`;

/** `kvUrl` reads and writes what is in the KV namespace. */
export type WorkerServer = ChildServer & { readonly url: string; readonly kvUrl: string };

/** `script` is a file in the package's folder. `env` are its texts, `kv` its namespaces: all of them hold the same. */
export async function startWorker(
  built: BuiltPackage,
  script: string,
  { env, kv }: { env: Readonly<Record<string, string>>; kv: readonly string[] },
): Promise<WorkerServer> {
  const [port, kvPort] = [await freePort(), await freePort()];
  const modules = await modulesOf(built, script);
  const texts = Object.entries(env).map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`);
  const namespaces = kv.map((name) => `(name = ${quoted(name)}, kvNamespace = "kv")`);
  const socket = (name: string, at: number) =>
    `(name = "${name}", address = "127.0.0.1:${at}", http = (), service = "${name}")`;
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "kv", worker = .kv)],
  sockets = [${socket('kv', kvPort)}, ${socket('main', port)}]
);
const main :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  bindings = [${[...texts, ...namespaces].join(', ')}],
  compatibilityDate = "2026-01-01"
);
const kv :Workerd.Worker = (
  modules = [(name = "kv.mjs", esModule = ${quoted(keyValueService)})],
  compatibilityDate = "2026-01-01"
);
`;
  const file = join(built.folder, `${script}.capnp`);
  await writeFile(file, config);
  // It says nothing when it listens; through its control channel it does.
  const child = await startChild(runtimeBinary('workerd'), ['serve', '--control-fd=1', file], {
    cwd: built.folder,
    env: process.env,
    ready: `"socket":"main"`,
  });
  return { ...child, url: `http://127.0.0.1:${port}`, kvUrl: `http://127.0.0.1:${kvPort}` };
}

/** workerd takes modules by name; a bare specifier is the name itself. */
async function modulesOf({ folder, modules }: BuiltPackage, script: string): Promise<string[]> {
  const exported = JSON.parse(await readFile(join(modules, '../package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>;
  };
  const files = (await readdir(modules, { recursive: true })).filter((name) => name.endsWith('.js'));
  const lines = [`(name = "main.mjs", esModule = embed ${quoted(script)})`];
  for (const name of files) {
    lines.push(
      `(name = ${quoted(`dist/${name}`)}, esModule = embed ${quoted(relative(folder, join(modules, name)))})`,
    );
    for (const specifier of specifiersOf(exported.exports, `./dist/${name}`)) {
      const again = `export * from '/dist/${name}';`;
      lines.push(`(name = ${quoted(specifier)}, esModule = ${quoted(again)})`);
    }
  }
  return lines;
}

/** The specifiers under which package.json exports a file. */
function specifiersOf(exported: Record<string, string | { default: string }>, file: string): string[] {
  return Object.entries(exported).flatMap(([path, to]) => {
    const target = typeof to === 'string' ? to : to.default;
    const [start = '', end] = target.split('*');
    if (end === undefined) return target === file ? [path.replace('.', '@posthorn/webhooks')] : [];
    if (!file.startsWith(start) || !file.endsWith(end)) return [];
    const middle = file.slice(start.length, file.length - end.length);
    return [path.replace('.', '@posthorn/webhooks').replace('*', middle)];
  });
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
