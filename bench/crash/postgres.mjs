// @ts-check
// The PostgreSQL of a run: a durable one of our own, that can be killed, frozen and asked directly.
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const backTimeoutMs = 120_000;

/**
 * @typedef {object} Postgres
 * @property {string} url to the database `posthorn`
 * @property {(database: string) => string} urlOf
 * @property {(database: string) => Promise<void>} createDatabase
 * @property {() => Promise<number>} killAll SIGKILL to every process of the server at once; how many there were
 * @property {(signal: 'SIGSTOP' | 'SIGCONT') => Promise<void>} signalAll
 * @property {() => Promise<void>} untilBack
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} dataDir
 * @param {Record<string, string>} [settings]
 * @returns {Promise<Postgres>}
 */
export async function startPostgres(dataDir, settings = {}) {
  const { startEmbeddedPostgres } = await import('../../packages/posthorn/dist/embedded/cluster.js');
  const server = await startEmbeddedPostgres({
    dataDir,
    log: quiet,
    settings: { max_connections: '200', ...settings },
  });
  const urlOf = (/** @type {string} */ database) => {
    const url = new URL(server.url);
    url.pathname = `/${database}`;
    return url.href;
  };
  const untilBack = async () => {
    const deadline = Date.now() + backTimeoutMs;
    for (;;) {
      try {
        await ask(server.url, 'select 1');
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(100);
      }
    }
  };
  /** @type {number[]} */
  let stopped = [];
  return {
    url: server.url,
    urlOf,
    // Where the run before ended with PostgreSQL killed, it may still be on its way back.
    async createDatabase(name) {
      await untilBack();
      await ask(server.url, `create database ${name}`);
    },
    // Until none is left: one that was just made would wait for ever for a lock of those that are gone, and PostgreSQL
    // does not start beside it. It happened at the last of 392 faults.
    async killAll() {
      const killed = new Set();
      for (let pids = await serverPids(dataDir); pids.length > 0; pids = await processesIn(dataDir)) {
        for (const pid of pids) {
          killed.add(pid);
          signal(pid, 'SIGKILL');
        }
      }
      return killed.size;
    },
    async signalAll(name) {
      // The first is the one that makes new ones: once it stands still, the rest is complete.
      if (name === 'SIGSTOP') {
        const [first] = await serverPids(dataDir);
        if (first) signal(first, name);
        stopped = await serverPids(dataDir);
      }
      for (const pid of stopped.toReversed()) signal(pid, name);
    },
    untilBack,
    stop: () => server.stop(),
  };
}

/**
 * One statement on a connection of its own.
 * @param {string} url
 * @param {string} text
 * @param {unknown[]} [values]
 * @returns {Promise<any[]>}
 */
export async function ask(url, text, values = []) {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 3_000,
    query_timeout: 60_000,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** The server's process and its children, the server first. @param {string} dataDir */
async function serverPids(dataDir) {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const postmaster = Number.parseInt(text, 10);
  if (!(postmaster > 1)) return [];
  const pids = [postmaster];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent === postmaster) pids.push(Number(name));
  }
  return pids;
}

/** Every process that works in the folder, as all of a server's do. @param {string} folder */
async function processesIn(folder) {
  const pids = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => '');
    const stat = cwd === folder ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : '';
    // What is dead and not yet fetched by its parent cannot be killed again.
    if (stat !== '' && !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')) pids.push(Number(name));
  }
  return pids;
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}
