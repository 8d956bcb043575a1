// @ts-check
// One run: processes, receiver and producer up, faults under load, everything healed, quiet, checked.
import { fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runFaults } from './faults.mjs';
import { attemptTimeoutMs, Fleet, token, usualRetrySchedule } from './fleet.mjs';
import { journalsIn, judge } from './kept-run.mjs';
import { startPgProxy } from './pg-proxy.mjs';
import { planEndpoints, shares } from './plan.mjs';
import { ask } from './postgres.mjs';
import { call, endpointPath, register } from './register.mjs';

/**
 * @typedef {object} RunOptions
 * @property {string} folder of its own
 * @property {string} main Posthorn's main.js
 * @property {import('./postgres.mjs').Postgres} postgres
 * @property {string} database its name, new
 * @property {number} seed
 * @property {number} events
 * @property {number} processes
 * @property {readonly import('./schedule.mjs').PlannedFault[]} faults
 * @property {number} [perSecond] events; 0: as fast as possible. Unless given, they last as long as the faults
 * @property {import('./plan.mjs').Mix} [mix] event types
 * @property {(stage: import('./faults.mjs').Stage) => Promise<void>} [drive] makes faults of its own; the load ends with it
 * @property {boolean} [inbound] what is sent are requests of GitHub, to sources
 * @property {number} [copies] with `inbound`: of each request, at the same time; otherwise of some, a few
 * @property {number} [slowMs] every answer takes this long
 * @property {number} [quietMs] how long nothing may come at the end
 * @property {number} [stuckMs] how long the end may make no progress
 * @property {number} [lateMaxMs] how late a retry may be, where the run leaves no capacity free
 * @property {string} [diskFolder]
 * @property {boolean} [isPaced] faults wait for the load, so that they are spread over all of it
 * @property {readonly number[]} [retrySchedule] seconds before each attempt, where the usual ones do not do
 * @property {boolean} [healLate] endpoints keep their manners to the end
 * @property {(line: string) => void} [say]
 */

const tailMs = 2_000;
const lookMs = 250;
const lookShare = 10;
const reportEveryMs = 5_000;
const outstandingRequestsMax = 400;
const quiesceMaxMs = 1_800_000;
// Longer than the longest cool-down of an endpoint's breaker.
const stuckDefaultMs = 170_000;

/** @param {RunOptions} options @returns {Promise<import('./checker.mjs').Verdict & { record: import('./faults.mjs').FaultRecord[], ms: number }>} */
export async function runOnce(options) {
  const startedAt = Date.now();
  const { folder, postgres, database, main, seed, retrySchedule = usualRetrySchedule } = options;
  await mkdir(folder, { recursive: true });
  await postgres.createDatabase(database);
  const databaseUrl = postgres.urlOf(database);
  const proxy = await startPgProxy(Number(new URL(databaseUrl).port));
  const fleet = new Fleet({ main, databaseUrl: withPort(databaseUrl, proxy.port), folder, retrySchedule });
  const receiver = startChild('receiver.mjs');
  const producer = startChild('producer.mjs');
  /** @type {import('./faults.mjs').FaultRecord[]} */
  const record = [];
  try {
    const endpoints = planEndpoints(seed);
    const { producerPath, receiverPath } = journalsIn(folder);
    receiver.send({ endpoints, journalPath: receiverPath, seed, slowMs: options.slowMs ?? 0 });
    const { port } = await receiver.next('port');
    await fleet.start(options.processes);
    const inbound = options.inbound ?? false;
    const sources = await register(fleet.members[0]?.url ?? '', endpoints, { port, seed, inbound });

    /** @type {import('./faults.mjs').Stage} */
    const stage = {
      loadShare: options.isPaced ? 0 : 1,
      fleet,
      postgres,
      proxy,
      databaseUrl,
      record,
      ...optional('diskFolder', options.diskFolder),
    };
    const load = startLoad(options, fleet, producer, { journalPath: producerPath, sources });
    const switching = switchLater(options, fleet, endpoints);
    const [{ counts: sent }] = await Promise.all([
      watchLoad(options, load, producer, stage),
      makeFaults(options, stage, producer),
    ]);
    const switched = await switching;
    proxy.set('pass');
    const ended = await quiesce(options, { receiver, databaseUrl });
    await stopAll(fleet, receiver);
    const verdict = await judge(folder, databaseUrl, {
      seed,
      endpoints,
      database,
      record,
      switched,
      inbound,
      unexpected: fleet.unexpected,
      ended,
      unavailable: sent.unavailable,
      ...optional('lateMaxMs', options.lateMaxMs),
      retrySchedule,
      attemptTimeoutMs,
    });
    return { ...verdict, record, ms: Date.now() - startedAt };
  } finally {
    await fleet.close();
    receiver.kill();
    producer.kill();
    await proxy.stop();
  }
}

/** @param {string} address @param {number} port */
function withPort(address, port) {
  const url = new URL(address);
  url.port = String(port);
  return url.href;
}

/** @param {RunOptions} options @param {import('./faults.mjs').Stage} stage @param {Child} producer */
async function makeFaults({ faults, drive }, stage, producer) {
  await runFaults(stage, faults);
  if (!drive) return;
  await drive(stage).finally(() => producer.send('stop'));
}

/** @template T @param {string} name @param {T | undefined} value */
const optional = (name, value) => (value === undefined ? {} : { [name]: value });

/** @param {string} file */
function startChild(file) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    exited,
    send: (/** @type {any} */ message) => child.connected && child.send(message),
    kill: () => child.kill('SIGKILL'),
    /** The next message that has `field`. @param {string} field @returns {Promise<any>} */
    next(field) {
      return new Promise((resolve, reject) => {
        const listen = (/** @type {any} */ message) => {
          if (!(field in message)) return;
          child.off('message', listen);
          resolve(message);
        };
        child.on('message', listen);
        void exited.then((code) => reject(new Error(`${file} ended with ${code}`)));
      });
    },
  };
}

/** @typedef {ReturnType<typeof startChild>} Child */

/** @param {RunOptions} options @param {Fleet} fleet @param {Child} producer @param {{ journalPath: string, sources: import('./register.mjs').Sources | undefined }} to */
function startLoad(options, fleet, producer, to) {
  const lastsMs = loadMs(options);
  const perSecond = options.perSecond ?? options.events / (lastsMs / 1000);
  const { seed, events, mix = shares, copies = 0 } = options;
  const outstandingMax = Math.ceil(outstandingRequestsMax / Math.max(1, copies));
  const urls = fleet.members.map(({ url }) => url);
  const done = producer.next('done');
  producer.send({ seed, events, perSecond, urls, token, mix, copies, outstandingMax, ...to });
  return done;
}

/** @param {RunOptions} options */
const loadMs = ({ faults }) => (faults.at(-1)?.atMs ?? 0) + tailMs;

/** Disables the `switch` endpoint when half of the time is over, however often it takes. @param {RunOptions} options @param {Fleet} fleet @param {import('./plan.mjs').Endpoint[]} endpoints */
async function switchLater(options, fleet, endpoints) {
  const endpoint = endpoints.find(({ manner }) => manner === 'switch');
  if (!endpoint || !(options.mix ?? shares).some(([type]) => type === 'switch')) return undefined;
  await pause(loadMs(options) / 2);
  const askedMs = Date.now();
  for (let turn = 0; ; turn += 1) {
    const member = fleet.members[turn % fleet.members.length];
    try {
      await call(member?.url ?? '', endpointPath(endpoint), 'PATCH', { disabled: true });
      return { askedMs, doneMs: Date.now() };
    } catch (error) {
      if (Date.now() - askedMs > 60_000) throw error;
      await pause(lookMs);
    }
  }
}

/** Tells how far the load is, now and then. @param {RunOptions} options @param {Promise<any>} load @param {Child} producer @param {import('./faults.mjs').Stage} stage */
async function watchLoad({ say, events, isPaced }, load, producer, stage) {
  let saidAt = Date.now();
  const look = async () => {
    const answer = producer.next('counts').catch(() => undefined);
    producer.send('status');
    const counts = (await answer)?.counts;
    if (!counts) return;
    if (isPaced) stage.loadShare = counts.acked / events;
    if (Date.now() - saidAt < reportEveryMs) return;
    saidAt = Date.now();
    const { record } = stage;
    const kills = record.filter(({ kind }) => kind === 'kill').length;
    say?.(
      `sent ${counts.sent}, acknowledged ${counts.acked}, retried ${counts.retried}, ${kills} kills, ${record.length} faults`,
    );
  };
  const timer = setInterval(() => void look(), lookMs * 2);
  const done = await load.finally(() => clearInterval(timer));
  stage.loadShare = 1;
  return done;
}

/** Heals every endpoint, and waits for the last delivery; false when it gave up. @param {RunOptions} options @param {{ receiver: Child, databaseUrl: string }} parts */
async function quiesce(
  { quietMs = 3_000, stuckMs = stuckDefaultMs, healLate, say },
  { receiver, databaseUrl },
) {
  if (!healLate) receiver.send('heal');
  const startedAt = Date.now();
  let fewest = Number.POSITIVE_INFINITY;
  let progressAt = Date.now();
  let saidAt = 0;
  while (Date.now() - startedAt < quiesceMaxMs) {
    const askedAt = Date.now();
    const open = await openDeliveries(databaseUrl);
    const askMs = Date.now() - askedAt;
    if (open < fewest) {
      fewest = open;
      progressAt = Date.now();
    }
    const status = receiver.next('lastAt');
    receiver.send('status');
    const { lastAt, count } = await status;
    if (open === 0 && Date.now() - Math.max(lastAt, startedAt) > quietMs) return true;
    if (Date.now() - progressAt > stuckMs && Date.now() - lastAt > quietMs) return false;
    if (Date.now() - progressAt > stuckMs * 3) return false;
    if (Date.now() - saidAt > reportEveryMs) {
      say?.(`waiting for the rest: ${open} deliveries open, ${count} requests received`);
      saidAt = Date.now();
    }
    // Counting many rows must not keep the machine from sending them.
    await pause(Math.max(lookMs, askMs * lookShare));
  }
  return false;
}

/** @param {string} databaseUrl */
async function openDeliveries(databaseUrl) {
  const rows = await ask(
    databaseUrl,
    `select (select count(*) from posthorn.delivery where state in ('pending', 'retrying'))
      + (select count(*) from posthorn.delivery where state = 'delivering') as open`,
  );
  return Number(rows[0]?.open);
}

/** @param {Fleet} fleet @param {Child} receiver */
async function stopAll(fleet, receiver) {
  const codes = await Promise.all(fleet.members.map((member) => fleet.term(member)));
  codes.forEach((code, index) => {
    if (code !== 0) fleet.unexpected.push(`process ${index} answered SIGTERM with exit code ${code}`);
  });
  receiver.send('stop');
  await receiver.exited;
}
