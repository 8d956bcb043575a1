// @ts-check
// The story of a wall that shows what people write, told against a running Posthorn: Meta's events come in at a source, in
// signed requests with several events each, and reach every page that is open; a page that was away misses nothing.
// Exits with 0 when the counts at the end are right, with 1 and the reason when not.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findPosthorn } from '../signup/find-posthorn.mjs';
import { findFreePort } from '../signup/listen.mjs';
import { describeLatency } from './latency.mjs';
import { createPageReader } from './page-reader.mjs';
import { createPosthornApi } from './posthorn-api.mjs';
import { createProvider } from './provider.mjs';
import { startWall } from './wall.mjs';
import { waitFor } from './wait-for.mjs';

const requestCount = 100;
const requestEveryMs = 40;
// In turns: the gateway takes both forms apart in the same way.
const eventsPerRequest = [1, 3];
const repeatEvery = 10;
const awayFrom = 40;
const awayUntil = 60;
const waitMaxMs = 60_000;
const statsEveryMs = 250;
const sourcePath = '/ingest/api/v1/source/social-example';
const endpointPath = `${sourcePath}/endpoint/wall`;
const logFolder = process.env.SOCIAL_DATA_DIR || fileURLToPath(new URL('data', import.meta.url));

/**
 * @typedef {import('./provider.mjs').FeedEvent} FeedEvent
 * @typedef {ReturnType<typeof createProvider>} Provider
 * @typedef {ReturnType<typeof createPosthornApi>} Call
 * @typedef {ReturnType<typeof openPage>} Page
 */

/** @param {string} line */
const say = (line) => console.log(`\n${line}`);
/** @param {string} line */
const note = (line) => console.log(`   ${line}`);

try {
  await tellStory();
} catch (error) {
  process.exitCode = 1;
  console.error(`\nfailed: ${error instanceof Error ? error.message : String(error)}`);
}

async function tellStory() {
  const posthorn = await findPosthorn(process.env);
  console.log(`Posthorn is at ${posthorn.serverUrl}`);
  const call = createPosthornApi(posthorn);
  const port = await findFreePort();
  const { provider, sourceId } = await makeSource(call);

  say('2. The wall becomes an endpoint of the source, and two pages open');
  await call('PUT', endpointPath, {
    url: `http://127.0.0.1:${port}/webhooks/meta`,
    eventTypes: ['page.feed'],
  });
  const { key: secret } = await call('GET', `${endpointPath}/secret`);
  const wall = await startWall({ secret, port, logPath: join(logFolder, 'wall.jsonl'), say: note });
  const stayed = openPage(wall.url);
  const left = openPage(wall.url);
  try {
    await Promise.all([stayed.reader.open(), left.reader.open()]);
    note(`${wall.url} shows the same in your browser`);
    const sent = await sendAll(provider, left);
    await untilShown({ call, sourceId, sent, pages: [stayed, left] });
    check(sent, { stayed, left });
  } finally {
    await Promise.all([stayed.reader.close(), left.reader.close()]);
    await wall.stop();
  }
}

/** @param {Call} call */
async function makeSource(call) {
  say('1. A source for Meta, and Meta asks whether its URL is ours');
  const [appSecret, verifyToken] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const { id, ingestUrl } = await call('PUT', sourcePath, {
    type: 'meta',
    name: 'Social example',
    config: { secret: appSecret, settings: { verifyToken } },
    // Meta gives a follower no id, only a comment: what comes again is known by its bytes.
    deduplicateBy: 'body',
  });
  const provider = createProvider({ callbackUrl: ingestUrl, appSecret, verifyToken });
  expect(await provider.subscribe(), 'the challenge was not answered');
  expect(!(await provider.subscribe('a guess')), 'a wrong verify token was answered');
  note('its challenge came back, and not to somebody with another verify token');
  return { provider, sourceId: id };
}

/** Counts how often each event was shown, and when first. @param {string} wallUrl */
function openPage(wallUrl) {
  /** @type {Map<string, number>} */
  const shownAtMs = new Map();
  /** @type {Map<string, number>} */
  const times = new Map();
  const reader = createPageReader(`${wallUrl}/events`, ({ about }) => {
    if (!shownAtMs.has(about)) shownAtMs.set(about, performance.now());
    times.set(about, (times.get(about) ?? 0) + 1);
  });
  return { reader, shownAtMs, times };
}

/** @param {Provider} provider @param {Page} left */
async function sendAll(provider, left) {
  say(`3. ${requestCount} requests, one every ${requestEveryMs} ms; every tenth is sent again`);
  /** @type {Map<string, number>} */
  const sentAtMs = new Map();
  /** @type {Promise<void>[]} */
  const answers = [];
  let repeats = 0;
  const sentAtSeconds = Math.floor(Date.now() / 1000);
  const startedAtMs = performance.now();
  for (let n = 0; n < requestCount; n += 1) {
    await pause(startedAtMs + n * requestEveryMs - performance.now());
    if (n === awayFrom) await goAway(left);
    if (n === awayUntil) await comeBack(left);
    const events = newEvents(eventsPerRequest[n % eventsPerRequest.length] ?? 1);
    for (const event of events) sentAtMs.set(nameOf(event), performance.now());
    answers.push(taken(provider.send(events, { sentAtSeconds })));
    if (n % repeatEvery !== repeatEvery - 1) continue;
    await answers.at(-1);
    // Once with the same bytes, which Posthorn knows; once under a new time, as Meta does it, which the wall knows.
    answers.push(taken(provider.send(events, { sentAtSeconds: sentAtSeconds + (repeats % 2) })));
    repeats += 1;
  }
  await Promise.all(answers);
  const forged = await provider.send(newEvents(1), { sentAtSeconds, secret: 'not-the-app-secret' });
  expect(forged === 401, `a forged request was answered ${forged}`);
  note(`${sentAtMs.size} events, ${repeats} requests repeated; one that was forged is answered 401`);
  return { sentAtMs, repeats };
}

/** @param {Page} page */
async function goAway({ reader, times }) {
  await reader.close();
  note(`the second page loses its connection, after ${times.size} events and number ${reader.lastEventId()}`);
}

/** @param {Page} page */
async function comeBack({ reader, times }) {
  const before = times.size;
  await reader.open();
  await waitFor('the missed events', waitMaxMs, () => times.size > before);
  note(`it comes back with Last-Event-ID, and gets what it missed`);
}

/** What fails is heard where all answers are awaited. @param {Promise<number>} answer */
function taken(answer) {
  const done = answer.then((status) => expect(status === 200, `a request was answered ${status}`));
  done.catch(() => {});
  return done;
}

/** @param {number} count @returns {FeedEvent[]} */
function newEvents(count) {
  return Array.from({ length: count }, (_, index) => {
    const at = { from: { id: randomUUID(), name: `Visitor ${randomBytes(2).toString('hex')}` } };
    const rest = { ...at, created_time: Math.floor(Date.now() / 1000) };
    if (index === 2) return { item: 'page', verb: 'follow', ...rest };
    const message = 'Do you have this in <b>blue</b>?';
    return { item: 'comment', verb: 'add', comment_id: randomUUID(), post_id: '1', message, ...rest };
  });
}

/** As the wall names it. @param {FeedEvent} event */
function nameOf({ comment_id: commentId, from }) {
  return commentId ?? from.id;
}

/**
 * Until Posthorn has nothing left to deliver: what is on the pages then is all that they will ever show.
 *
 * @param {{ call: Call, sourceId: string, sent: { sentAtMs: Map<string, number> }, pages: Page[] }} parts
 */
async function untilShown({ call, sourceId, sent, pages }) {
  const { id } = await call('GET', endpointPath);
  const isDone = async () => {
    const { pending, sending } = await call('GET', `/api/v1/app/${sourceId}/endpoint/${id}/stats`);
    return pending + sending === 0;
  };
  await waitFor('all deliveries to be done', waitMaxMs, isDone, statsEveryMs);
  await waitFor('the pages to show everything', waitMaxMs, () =>
    pages.every(({ times }) => [...sent.sentAtMs.keys()].every((name) => times.has(name))),
  );
}

/** @param {{ sentAtMs: Map<string, number>, repeats: number }} sent @param {{ stayed: Page, left: Page }} pages */
function check({ sentAtMs, repeats }, { stayed, left }) {
  const names = [...sentAtMs.keys()];
  const [a, b] = [stayed, left].map(({ times }) => ({
    shown: names.filter((name) => times.has(name)).length,
    twice: names.filter((name) => (times.get(name) ?? 0) > 1).length,
  }));
  const durationsMs = names.map((name) => (stayed.shownAtMs.get(name) ?? NaN) - (sentAtMs.get(name) ?? NaN));
  note(`from Meta's request to the page that stayed: ${describeLatency(durationsMs)}`);
  const counts = `${names.length} events sent in ${requestCount} requests and ${repeats} repetitions; the page that stayed shows ${a?.shown}, the one that was away ${b?.shown}; ${(a?.twice ?? 0) + (b?.twice ?? 0)} twice`;
  const isRight = a?.shown === names.length && b?.shown === names.length && a.twice + b.twice === 0;
  expect(isRight, `the counts are wrong: ${counts}`);
  say(`Checked: ${counts}.`);
}

/** @param {boolean} holds @param {string} otherwise */
function expect(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
