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

export function redisDedupe(
  client: RedisCommands,
  { prefix = 'webhooks:' }: RedisDedupeOptions = {},
): DedupeStore {
  const send = senderOf(client);
  return {
    async claim(key, seconds) {
      const name = prefix + key;
      const set = await send(['SET', name, 'busy', 'EX', whole(seconds), 'NX']);
      if (set !== null) return 'claimed';
      // Gone in between: its time ran out, and the next copy will find it free.
      return String(await send(['GET', name])) === 'done' ? 'done' : 'busy';
    },
    async done(key, seconds) {
      await send(['SET', prefix + key, 'done', 'EX', whole(seconds)]);
    },
    async release(key) {
      await send(['DEL', prefix + key]);
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
