// @ts-check
// The story of a sign-up service, told against a running Posthorn: a user signs up and the receiver learns of it; the
// receiver goes away, another user signs up, the receiver comes back, and the retry arrives.
// Exits with 0 when all of it happened, with 1 and the reason when not.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChat } from './chat.mjs';
import { findPosthorn } from './find-posthorn.mjs';
import { findFreePort } from './listen.mjs';
import { startReceiver } from './receiver.mjs';
import { createSignupService } from './service.mjs';

/**
 * @typedef {import('./service.mjs').User} User
 * @typedef {ReturnType<typeof createSignupService>} Service
 * @typedef {Awaited<ReturnType<typeof startChat>>} Chat
 * @typedef {Awaited<ReturnType<typeof startReceiver>>} Receiver
 */

const waitMaxMs = 60_000;
const lookEveryMs = 50;
const dataFolder = process.env.SIGNUP_DATA_DIR || fileURLToPath(new URL('data', import.meta.url));
const storePath = join(dataFolder, 'users.jsonl');

/** @param {string} line */
const say = (line) => console.log(`\n${line}`);
/** @param {string} line */
const note = (line) => console.log(`   ${line}`);

try {
  await tellStory();
} catch (error) {
  process.exitCode = 1;
  console.error(`\nfailed: ${explain(error)}`);
}

async function tellStory() {
  const posthorn = await findPosthorn(process.env);
  console.log(`Posthorn is at ${posthorn.serverUrl}`);
  const service = createSignupService(posthorn);
  const chat = await startChat();
  try {
    await tellParts(service, chat);
  } finally {
    await chat.stop();
  }
}

/** @param {Service} service @param {Chat} chat */
async function tellParts(service, chat) {
  say('1. The service registers the receiver for user.created');
  const port = await findFreePort();
  const callbackUrl = `http://127.0.0.1:${port}/webhooks`;
  const secret = await service.register(callbackUrl);
  note(`${callbackUrl}, signed with ${secret.slice(0, 10)}…`);
  const start = () => startReceiver({ port, secret, storePath, chatUrl: chat.url, log: note });

  const ada = await whileUp(start, () => firstUser(service, chat));
  const { grace, messageId } = await userWithoutReceiver(service);
  await whileUp(start, async (receiver) => {
    await retryArrives({ service, chat, grace, messageId });
    for (const user of [ada, grace]) checkOnce(user, receiver, chat);
  });
  say(`Done: two users signed up, each was stored once (${storePath}) and announced once.`);
}

/**
 * @template T
 * @param {() => Promise<Receiver>} start
 * @param {(receiver: Receiver) => Promise<T>} work
 */
async function whileUp(start, work) {
  const receiver = await start();
  try {
    return await work(receiver);
  } finally {
    await receiver.stop();
  }
}

/** @param {Service} service @param {Chat} chat */
async function firstUser(service, chat) {
  const ada = newUser('Ada');
  say('2. Ada signs up');
  const messageId = await service.signUp(ada);
  note(`Posthorn accepted ${messageId}`);
  await untilAnnounced(chat, ada);
  await untilDelivered(service, messageId);
  return ada;
}

/** @param {Service} service */
async function userWithoutReceiver(service) {
  const grace = newUser('Grace');
  say('3. The receiver is down, and Grace signs up');
  const messageId = await service.signUp(grace);
  note(`Posthorn accepted ${messageId}`);
  const { attempts, nextAttemptAt } = await waitFor('a failed attempt', async () => {
    const history = await service.history(messageId);
    return history.attempts.length > 0 && history.nextAttemptAt ? history : undefined;
  });
  noteAttempts(attempts);
  note(`Posthorn tries again at ${nextAttemptAt?.toISOString()}`);
  return { grace, messageId };
}

/** @param {{ service: Service, chat: Chat, grace: User, messageId: string }} parts */
async function retryArrives({ service, chat, grace, messageId }) {
  say('4. The receiver comes back, and so does the message');
  await untilAnnounced(chat, grace);
  const { attempts } = await untilDelivered(service, messageId);
  noteAttempts(attempts);
}

/** @param {string} name @returns {User} */
function newUser(name) {
  const id = `user_${randomUUID()}`;
  return { id, name, email: `${name.toLowerCase()}.${id.slice(-6)}@example.com` };
}

/** @param {Chat} chat @param {User} user */
async function untilAnnounced(chat, user) {
  const post = await waitFor(`the announcement of ${user.name}`, () => postsOf(chat, user)[0]);
  note(`chat: ${post}`);
}

/** @param {Service} service @param {string} messageId */
function untilDelivered(service, messageId) {
  return waitFor(`${messageId} to be delivered`, async () => {
    const history = await service.history(messageId);
    return history.delivered ? history : undefined;
  });
}

/** @param {Chat} chat @param {User} user */
function postsOf(chat, user) {
  return chat.posts.filter((post) => post.includes(user.email));
}

/** @param {User} user @param {Receiver} receiver @param {Chat} chat */
function checkOnce(user, receiver, chat) {
  const stored = receiver.count(user.id);
  const announced = postsOf(chat, user).length;
  if (stored === 1 && announced === 1) return;
  throw new Error(`${user.name} was stored ${stored} times and announced ${announced} times`);
}

/** @param {import('svix').MessageAttemptOut[]} attempts */
function noteAttempts(attempts) {
  for (const [index, attempt] of attempts.entries()) {
    const answer =
      attempt.responseStatusCode === 0 ? attempt.response : `status ${attempt.responseStatusCode}`;
    note(`attempt ${index + 1}: ${attempt.statusText}, ${answer}`);
  }
}

/**
 * @template T
 * @param {string} what
 * @param {() => T | undefined | Promise<T | undefined>} look
 * @returns {Promise<T>}
 */
async function waitFor(what, look) {
  const deadlineMs = performance.now() + waitMaxMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited ${waitMaxMs / 1000} s for ${what}`);
    await pause(lookEveryMs);
  }
}

/** What Posthorn answered says more than that it refused. @param {unknown} error */
function explain(error) {
  if (!(error instanceof Error)) return String(error);
  return 'body' in error ? `Posthorn refused: ${JSON.stringify(error.body)}` : error.message;
}
