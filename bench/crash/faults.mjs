// @ts-check
// Carries out the planned faults and keeps a record of when each really began and ended.
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './postgres.mjs';

/**
 * @typedef {object} FaultRecord
 * @property {string} kind
 * @property {number} startMs Unix milliseconds
 * @property {number} [pid] of the process that was killed or frozen
 * @property {number} endMs a kill: the same moment; an outage: when it works again
 * @property {number} [resumedMs] a kill: how long until no delivery was leased to the dead process
 * @property {string} [note]
 * @typedef {object} Stage
 * @property {import('./fleet.mjs').Fleet} fleet
 * @property {import('./postgres.mjs').Postgres} postgres
 * @property {import('./pg-proxy.mjs').PgProxy} proxy
 * @property {string} databaseUrl the direct way
 * @property {string} [diskFolder] on the small disk
 * @property {FaultRecord[]} record
 * @property {number} loadShare how much of the load is done, where the faults wait for it; otherwise 1
 */

const resumeLookMs = 500;
const resumeMaxMs = 60_000;
const slowStopMs = 20_000;
const chooseMaxMs = 30_000;
const lastOneShare = 5;
/** The last fault comes when this share of the load is done; a load that stands still is not waited for. */
const lastFaultAt = 0.97;
const loadWaitMaxMs = 60_000;

/**
 * Resolves when every fault is over and every process is back. On a machine that is slow to start processes the faults
 * come later than planned, in the same order.
 * @param {Stage} stage
 * @param {readonly import('./schedule.mjs').PlannedFault[]} faults
 */
export async function runFaults(stage, faults) {
  const startedAt = Date.now();
  let lateMs = 0;
  const lastAtMs = faults.at(-1)?.atMs ?? 1;
  const underWay = [];
  for (const fault of faults) {
    await pause(Math.max(0, startedAt + lateMs + fault.atMs - Date.now()));
    lateMs += await waitForLoad(stage, fault.atMs / lastAtMs);
    const { kind, target, lastsMs } = fault;
    if (kind !== 'kill' && kind !== 'freeze' && kind !== 'term') {
      underWay.push(runDatabaseFault(stage, fault));
      continue;
    }
    const member = await choose(stage.fleet, target);
    lateMs = Math.max(lateMs, Date.now() - startedAt - fault.atMs);
    if (member) underWay.push(processFaults[kind](stage, member, lastsMs));
  }
  await Promise.all(underWay);
}

/** Resolves with how long it took until the load was as far as the faults. @param {Stage} stage @param {number} share */
async function waitForLoad(stage, share) {
  const startedAt = Date.now();
  while (stage.loadShare < share * lastFaultAt && Date.now() - startedAt < loadWaitMaxMs) await pause(50);
  return Date.now() - startedAt;
}

/** @param {Stage} stage @param {Pick<import('./schedule.mjs').PlannedFault, 'kind' | 'lastsMs'>} fault */
export async function runDatabaseFault(stage, fault) {
  /** @type {FaultRecord} */
  const record = { kind: fault.kind, startMs: Date.now(), endMs: Number.POSITIVE_INFINITY };
  stage.record.push(record);
  await databaseFaults[fault.kind]?.(stage, fault.lastsMs);
  await stage.postgres.untilBack();
  record.endMs = Date.now();
}

/**
 * The first process that is up, from `target` on. Mostly one that is not the last, so that the load goes on; every
 * fifth fault does not care.
 * @param {import('./fleet.mjs').Fleet} fleet
 * @param {number} target
 */
async function choose({ members }, target) {
  const least = members.length > 1 && target % lastOneShare !== 0 ? 2 : 1;
  const deadline = Date.now() + chooseMaxMs;
  for (;;) {
    const up = members.filter(({ state }) => state === 'up');
    if (up.length >= least || (up.length > 0 && Date.now() > deadline)) {
      return members
        .map((_, step) => members[(target + step) % members.length])
        .find((member) => member?.state === 'up');
    }
    if (Date.now() > deadline + chooseMaxMs) return undefined;
    await pause(50);
  }
}

/** @type {Record<'kill' | 'freeze' | 'term', (stage: Stage, member: import('./fleet.mjs').Member, lastsMs: number) => Promise<void>>} */
export const processFaults = {
  async kill(stage, member, lastsMs) {
    const watching = recordKill(stage, await stage.fleet.kill(member));
    await pause(lastsMs);
    await stage.fleet.launch(member);
    await watching;
  },
  async freeze(stage, member, lastsMs) {
    member.state = 'frozen';
    const startMs = Date.now();
    stage.fleet.signal(member, 'SIGSTOP');
    /** @type {FaultRecord} */
    const record = { kind: 'freeze', pid: member.child?.pid ?? 0, startMs, endMs: Number.POSITIVE_INFINITY };
    stage.record.push(record);
    await pause(lastsMs);
    stage.fleet.signal(member, 'SIGCONT');
    record.endMs = Date.now();
    if (member.state === 'frozen') member.state = 'up';
  },
  async term(stage, member, lastsMs) {
    const startMs = Date.now();
    const pid = member.child?.pid ?? 0;
    const code = await stage.fleet.term(member);
    const endMs = Date.now();
    // One that could not finish in time gave up, or was killed.
    const kind = endMs - startMs > slowStopMs || code === null ? 'kill' : 'term';
    stage.record.push({
      kind,
      pid,
      startMs: kind === 'kill' ? endMs : startMs,
      endMs,
      note: `SIGTERM, exit code ${code}`,
    });
    await pause(lastsMs);
    await stage.fleet.launch(member);
  },
};

/** @type {Record<string, (stage: Stage, lastsMs: number) => Promise<unknown>>} */
const databaseFaults = {
  pg_kill: ({ postgres }) => postgres.killAll(),
  async pg_freeze({ postgres }, lastsMs) {
    await postgres.signalAll('SIGSTOP');
    await pause(lastsMs);
    await postgres.signalAll('SIGCONT');
  },
  proxy_stall: ({ proxy }, lastsMs) => during(proxy, 'stall', lastsMs),
  proxy_slow: ({ proxy }, lastsMs) => during(proxy, 'slow', lastsMs),
  // Statements have their effect, their answers are lost, and then the connections.
  async proxy_mute({ proxy }, lastsMs) {
    proxy.set('mute');
    await pause(lastsMs);
    proxy.resetAll();
    proxy.set('pass');
  },
  async proxy_reset({ proxy }) {
    proxy.resetAll();
  },
  async disk_full({ diskFolder }, lastsMs) {
    const ballast = `${diskFolder}/ballast`;
    for (let part = 0; part < 400; part += 1) {
      const full = await writeFile(`${ballast}-${part}`, Buffer.alloc(4 * 1024 * 1024)).then(
        () => false,
        () => true,
      );
      if (full) break;
    }
    await pause(lastsMs);
    for (let part = 0; part < 400; part += 1) await rm(`${ballast}-${part}`, { force: true });
  },
};

/** @param {import('./pg-proxy.mjs').PgProxy} proxy @param {import('./pg-proxy.mjs').Mode} mode @param {number} lastsMs */
async function during(proxy, mode, lastsMs) {
  proxy.set(mode);
  await pause(lastsMs);
  proxy.set('pass');
}

/** A process that has just died; resolves when nothing is leased to it any more. @param {Stage} stage @param {number} pid */
export function recordKill(stage, pid) {
  /** @type {FaultRecord} */
  const record = { kind: 'kill', pid, startMs: Date.now(), endMs: Date.now() };
  stage.record.push(record);
  return watchResume(stage, pid, record);
}

/**
 * How long the dead process's deliveries stayed leased to it, without the time in which PostgreSQL was away.
 * @param {Stage} stage
 * @param {number} pid
 * @param {FaultRecord} record
 */
async function watchResume({ databaseUrl }, pid, record) {
  let awayMs = 0;
  let askedAt = Date.now();
  while (Date.now() - record.startMs < resumeMaxMs) {
    try {
      const rows = await ask(
        databaseUrl,
        `select 1 from posthorn.process p where p.pid = $1 and exists (
          select from posthorn.delivery d where d.lease_owner = p.id and d.state = 'delivering')`,
        [pid],
      );
      if (rows.length === 0) break;
    } catch {
      awayMs += Date.now() - askedAt;
    }
    askedAt = Date.now();
    await pause(resumeLookMs);
  }
  record.resumedMs = Date.now() - record.startMs - awayMs;
}
