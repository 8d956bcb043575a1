// Duplicates among all processes that share a Redis (or Valkey, KeyDB, Dragonfly): one key for each event, which expires.
import type { DedupeStore } from '../receiver/dedupe.ts';

/** `ioredis`, `redis` (node-redis), or a function that sends one command to whatever client you have. */
export type RedisCommands =
  | { call(command: string, ...values: string[]): Promise<unknown> }
  | { sendCommand(words: string[]): Promise<unknown> }
  | ((words: readonly string[]) => Promise<unknown>);

export type RedisDedupeOptions = {
  /** Before every key (default `webhooks:`). */
  readonly prefix?: string;
};

const done = 'done';
// Compared and deleted in one step, so that nobody can claim it in between.
const releaseScript = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0";

export function redisDedupe(
  client: RedisCommands,
  { prefix = 'webhooks:' }: RedisDedupeOptions = {},
): DedupeStore {
  const send = senderOf(client);
  return {
    async claim(key, seconds, holder) {
      const name = prefix + key;
      const set = await send(['SET', name, holder, 'EX', whole(seconds), 'NX']);
      // Asked for what a claim gives: clients say in several ways that there was nothing to set.
      if (String(set) === 'OK') return 'claimed';
      const held = String(await send(['GET', name]));
      // A client that lost the answer to its command sends it again, and finds what it has set.
      if (held === holder) return 'claimed';
      // Gone in between: its time ran out, and the next copy will find it free.
      return held === done ? 'done' : 'busy';
    },
    async done(key, seconds) {
      await send(['SET', prefix + key, done, 'EX', whole(seconds)]);
    },
    async release(key, holder) {
      await send(['EVAL', releaseScript, '1', prefix + key, holder]);
    },
  };
}

function senderOf(client: RedisCommands): (words: string[]) => Promise<unknown> {
  if (typeof client === 'function') return client;
  // ioredis has a sendCommand too, which takes something else.
  if ('call' in client) return ([command = '', ...values]) => client.call(command, ...values);
  return (words) => client.sendCommand(words);
}

function whole(seconds: number): string {
  return String(Math.max(1, Math.ceil(seconds)));
}
