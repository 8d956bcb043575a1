// What a case works with: fresh servers, bodies, targets, and the two ways of loading them.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from './child.ts';
import { type Bench, type LoadOptions, type LoadResult, runLoad, type Server } from './load.ts';
import type { Options } from './options.ts';
import { type Posthorn, startPosthorn, token } from './posthorn.ts';
import { summariseProfiles } from './profile.ts';
import { type Body, idDigits, type Target } from './protocol.ts';

const eventType = 'invoice.paid';
const connections = 64;
const rampMs = 1_000;
const drainMaxMs = 60_000;
// Enough to keep both servers busy, and little enough that nothing overflows from memory into the database.
const underWayMax = 256;
const profileLinesMax = 25;
// A process whose leases were void, or which did not know of one, would send again within this time.
const lateLookMs = 25_000;
// A linear congruential generator (Numerical Recipes); its top six bits choose a letter.
const paddingMultiplier = 1_664_525;
const paddingIncrement = 1_013_904_223;
const paddingShift = 26;

export interface Stage {
  bench: Bench;
  options: Options;
  folder: string;
  /** Messages a second that one endpoint was delivered at most, once a case has measured it. */
  measuredMaximum?: number;
  profile?: string[];
}

export interface PosthornServer extends Server {
  posthorn: Posthorn;
}

/** An empty database, a new Posthorn on it, and its end. */
export async function withPosthorn<T>(
  stage: Stage,
  use: (server: PosthornServer) => Promise<T>,
  leavesWork = false,
): Promise<T> {
  const { postgres } = stage.bench;
  await postgres.reset();
  const profileDir = stage.options.profile ? mkdtempSync(join(stage.folder, 'profile-')) : undefined;
  const posthorn = await startPosthorn({ databaseUrl: postgres.url, profileDir });
  let result: T;
  try {
    result = await use({ name: 'posthorn', port: posthorn.port, pid: posthorn.pid, posthorn });
    if (!posthorn.isRunning()) throw new Error(`Posthorn ended during the case:\n${posthorn.log()}`);
  } finally {
    await posthorn.stop(leavesWork && profileDir === undefined ? 'SIGKILL' : 'SIGTERM');
  }
  if (profileDir !== undefined) {
    stage.profile = profileLines(profileDir);
    rmSync(profileDir, { recursive: true, force: true });
  }
  return result;
}

function profileLines(profileDir: string): string[] {
  const { functions, places } = summariseProfiles(profileDir, profileLinesMax);
  return [...places, ...functions].map(
    ({ percent, selfMs, name }) =>
      `${percent.toFixed(1).padStart(5)} % ${selfMs.toFixed(0).padStart(7)} ms  ${name}`,
  );
}

/** The relay, forwarding each message to this many endpoints of the sink. */
export async function withRelay<T>(
  { bench }: Stage,
  fanOut: number,
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const child = startChild('relay', [String(bench.sinkPort), String(fanOut)]);
  try {
    const { port } = await child.next('listening');
    return await use({ name: 'relay', port, pid: child.pid });
  } finally {
    child.end();
  }
}

/** The URL of an endpoint at the sink: one that answers at once, one that takes 20 ms, or one that never answers. */
export function sinkUrl(
  { bench }: Stage,
  number: number,
  kind: 'answers' | 'slow' | 'hangs' = 'answers',
): string {
  const path = { answers: 'e', slow: 'd', hangs: 'h' }[kind];
  return `http://127.0.0.1:${bench.sinkPort}/${path}/${number}`;
}

export function publishTarget(path: string, endpoints: readonly number[]): Target {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
  ];
  return { head: `${lines.join('\r\n')}\r\n`, endpoints };
}

export const messagePath = (application: string) => `/api/v1/app/${application}/msg`;

/** A message whose payload has this many bytes; `bare`: the payload alone. */
export function messageBody(payloadBytes: number, messagesPerRequest = 1, form?: 'bare'): Body {
  const start = form === 'bare' ? '' : `{"eventType":"${eventType}","payload":`;
  const opened = '{"id":"';
  const between = '","padding":"';
  const padding = payloadBytes - opened.length - idDigits - between.length - '"}'.length;
  const isBatch = messagesPerRequest > 1;
  return {
    open: isBatch ? '{"messages":[' : '',
    before: start + opened,
    after: `${between}${paddingText(Math.max(0, padding))}"${form === 'bare' ? '}' : '}}'}`,
    close: isBatch ? ']}' : '',
    messagesPerRequest,
  };
}

// The same letters every time, in an order that PostgreSQL cannot compress.
function paddingText(length: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let text = '';
  for (let state = 1; text.length < length; ) {
    state = (Math.imul(state, paddingMultiplier) + paddingIncrement) >>> 0;
    text += letters.charAt(state >>> paddingShift);
  }
  return text;
}

type Choice = Pick<LoadOptions, 'targets' | 'body'> & Partial<LoadOptions>;

/** As fast as it delivers: what arrives makes room for what is published, so that the rate could go on for ever. */
export function atMaximum(stage: Stage, server: Server, choice: Choice): Promise<LoadResult> {
  const { windowMs } = stage.options;
  return runLoad(stage.bench, server, { connections, rampMs, windowMs, drainMaxMs, underWayMax, ...choice });
}

/** As fast as it accepts, whatever becomes of it. */
export function overloaded(stage: Stage, server: Server, choice: Choice): Promise<LoadResult> {
  return atMaximum(stage, server, { ...choice, underWayMax: 0 });
}

export function atRate(
  stage: Stage,
  server: Server,
  ratePerSecond: number,
  choice: Choice,
): Promise<LoadResult> {
  return atMaximum(stage, server, { ...choice, underWayMax: 0, ratePerSecond });
}

/** Half of what one endpoint gets at most, unless the command line says otherwise. */
export async function halfOfMaximum(stage: Stage, server: Server, choice: Choice): Promise<number> {
  const { ratePerSecond } = stage.options;
  if (ratePerSecond !== undefined) return ratePerSecond;
  if (stage.measuredMaximum === undefined) {
    await atMaximum(stage, server, choice);
    stage.measuredMaximum = (await atMaximum(stage, server, choice)).deliveredPerSecond;
  }
  return stage.measuredMaximum / 2;
}

/** What arrives again when all has arrived: a load ends as soon as it has what it waits for. */
export async function arrivedAfterAll({ bench }: Stage): Promise<number> {
  const begun = bench.sink.next('begun');
  bench.sink.tell({ kind: 'begin', load: bench.nextLoad() });
  await begun;
  bench.progress.during('waiting for what should not come', lateLookMs);
  await pause(lateLookMs);
  const taken = bench.sink.next('taken');
  bench.sink.tell({ kind: 'take' });
  return (await taken).strays;
}
