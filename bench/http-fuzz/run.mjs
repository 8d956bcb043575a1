// @ts-check
// One run: a process, its sources, a sender that behaves, and many that do not.
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Fleet } from '../crash/fleet.mjs';
import { randomFrom } from '../crash/random.mjs';
import { startBystander } from './bystander.mjs';
import { contentCases } from './content-cases.mjs';
import { crowdOfIdlers, crowdOfLargeBodies } from './crowds.mjs';
import { openDoors } from './doors.mjs';
import { framingCases } from './framing-cases.mjs';
import { oneOf } from './ground.mjs';
import { Judge } from './judge.mjs';
import { lineCases } from './line-cases.mjs';
import { watchMemory } from './memory.mjs';
import { providerCases } from './provider-cases.mjs';
import { exchange } from './wire.mjs';

const atOnce = 12;
const calmMs = 3_000;
const crowdEveryMs = 5_000;
const errorLevel = 50;
const answerMaxMs = 30_000;
const database = 'http_fuzz';
/** @type {Record<string, import('./ground.mjs').Case>} */
const allCases = { ...lineCases, ...framingCases, ...contentCases, ...providerCases };

/**
 * @param {{ folder: string, main: string, postgres: import('../crash/postgres.mjs').Postgres }} parts
 * @param {import('./options.mjs').Options} options
 */
export async function fuzz({ folder, main, postgres }, options) {
  await mkdir(folder, { recursive: true });
  await postgres.createDatabase(database);
  const databaseUrl = postgres.urlOf(database);
  const fleet = new Fleet({ main, databaseUrl, folder });
  const sink = createServer((incoming, outgoing) => incoming.resume().on('end', () => outgoing.end()));
  const judge = new Judge();
  try {
    await new Promise((resolve) => sink.listen(0, '127.0.0.1', () => resolve(undefined)));
    await fleet.start(1);
    const member = fleet.members[0];
    if (!member) throw new Error('there is no process');
    const address = /** @type {import('node:net').AddressInfo} */ (sink.address());
    const doors = await openDoors(member.url, address.port);
    const bystander = startBystander(member.url, doors.bystander, options.seed);
    const memory = watchMemory(() => member.child?.pid ?? 0);
    await pause(calmMs);
    const calm = bystander.sent.length;
    await misbehave({ port: member.port, doors, judge }, options);
    await bystander.stop();
    memory.stop();
    await judgeLog(judge, join(folder, 'posthorn-0.log'));
    const code = await fleet.term(member);
    if (code !== 0) judge.violate('the process ends when it is told to, and not before', `exit code ${code}`);
    for (const what of fleet.unexpected)
      judge.violate('the process ends when it is told to, and not before', what);
    const { sent } = bystander;
    await judge.judgeDatabase(databaseUrl, { hidden: doors.hidden.id, bystander: doors.bystander.id, sent });
    return { judge, rss: memory.rss, calm: sent.slice(0, calm), busy: sent.slice(calm) };
  } finally {
    await fleet.close();
    sink.closeAllConnections();
    sink.close();
  }
}

/** @typedef {{ port: number, doors: Awaited<ReturnType<typeof openDoors>>, judge: Judge }} Field */

/** @param {Field} field @param {import('./options.mjs').Options} options */
async function misbehave(field, options) {
  const { port, doors, judge } = field;
  const untilMs = Date.now() + options.seconds * 1000;
  const names = Object.keys(allCases).filter(
    (name) => options.cases.length === 0 || options.cases.some((part) => name.startsWith(part)),
  );
  if (names.length === 0) throw new Error(`no case begins with ${options.cases.join(', ')}`);
  let next = 0;
  const work = async () => {
    while (Date.now() < untilMs) {
      next += 1;
      await sendOne(field, { seed: options.seed, n: next, names });
    }
  };
  const workers = Promise.all(Array.from({ length: atOnce }, work));
  const crowds = async () => {
    for (let n = 0; Date.now() < untilMs; n += 1) {
      await crowdOfLargeBodies(port, doors.crowded, `crowd-${n}`, judge);
      await pause(Math.min(crowdEveryMs, Math.max(0, untilMs - Date.now())));
    }
  };
  await Promise.all([
    workers,
    ...(options.cases.length > 0 ? [] : [crowds(), crowdOfIdlers(port, doors.crowded, workers)]),
  ]);
}

/** @param {Field} field @param {{ seed: number, n: number, names: readonly string[] }} which */
async function sendOne({ port, doors, judge }, { seed, n, names }) {
  const random = randomFrom((seed ^ Math.imul(n, 0x9e3779b1)) >>> 0);
  random();
  const name = oneOf(random, names);
  const id = `f-${n}`;
  const { door, hidden, observed } = doors;
  const made = /** @type {import('./ground.mjs').Case} */ (allCases[name])({
    random,
    id,
    door,
    hidden,
    observed,
  });
  // What must be answered is waited for, however busy the machine is.
  const patience = made.expected === 'stored' ? { patienceMs: answerMaxMs } : {};
  judge.hear(name, id, made, await exchange(port, { ...made, ...patience }));
}

/** What the program takes for a mistake of its own. @param {Judge} judge @param {string} path */
async function judgeLog(judge, path) {
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line === '') continue;
    const entry = line.startsWith('{') ? JSON.parse(line) : { level: errorLevel, msg: line };
    if (entry.level < errorLevel) continue;
    judge.violate('no mistake of ours in the log', JSON.stringify(entry).slice(0, 1_500));
  }
}
