// Appends to a Redis stream. A message that is there already is not appended again: what was appended is remembered for a
// week beside the stream, by the same step that appends.
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import {
  accepted,
  type ActionDelivery,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { vettedAddress } from './guarded-socket.ts';
import { readServerUrl, type ServerUrl } from './server-url.ts';
import { SessionPool } from './session-pool.ts';
import { templateData } from './templates.ts';

const streamLengthMax = 1_000_000_000;

const schema = configuration({
  /** redis://user@host:6379/0, or rediss:// for TLS. */
  url: line,
  password: Type.Optional(secretLine),
  stream: template,
  /** Older entries are dropped beyond about so many. */
  lengthMax: Type.Optional(Type.Integer({ minimum: 1, maximum: streamLengthMax })),
});
type RedisConfig = Static<typeof schema>;

const ports = { 'redis:': 6379, 'rediss:': 6379 };
const rememberedSeconds = 7 * 86_400;

// The mark is set last: an entry that could not be appended is not remembered.
const appendScript = `
if redis.call('exists', KEYS[2]) == 1 then return false end
local entry
if ARGV[2] == '' then
  entry = redis.call('xadd', KEYS[1], '*', unpack(ARGV, 3))
else
  entry = redis.call('xadd', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
end
redis.call('set', KEYS[2], entry, 'EX', ARGV[1])
return entry`;

export function createRedis(context: ActionContext): Connector<RedisConfig> {
  const { templates, guard, allowSubnets } = context;
  const rules = { ports, allowSubnets };
  const sessions = new SessionPool<RedisConfig, Redis>({
    async open({ url, password }, signal) {
      const server = readServerUrl(url, rules);
      if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
      const address = await vettedAddress(guard, server);
      return openRedis(server, address, password, signal);
    },
    close: (redis) => redis.disconnect(),
    isUsable: (redis) => redis.status === 'ready',
  });

  return {
    kind: 'redis',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ url, stream }) {
      const server = readServerUrl(url, rules);
      return verdict(typeof server === 'object' ? `${server.shown} ${stream}` : '', [
        problemOf('url', typeof server === 'string' ? server : databaseProblem(server)),
        problemOf('stream', await templates.problemOf(stream)),
      ]);
    },
    async deliver(delivery, config, signal) {
      const stream = await templates.render(config.stream, templateData(delivery));
      const parameters = [rememberedSeconds, config.lengthMax ?? '', ...fieldsOf(delivery)];
      const mark = `{${stream}}:posthorn:${delivery.idempotencyKey}`;
      try {
        return await sessions.use(config, signal, async (redis) => {
          const entry = await redis.eval(appendScript, 2, stream, mark, ...parameters);
          return accepted(typeof entry === 'string' ? `entry ${entry}` : 'it is there already');
        });
      } catch (error) {
        if (error instanceof Error && error.name === 'ReplyError') return refused(error.message);
        throw error;
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}

function fieldsOf({ messageId, eventType, contentType, atMs, payload }: ActionDelivery) {
  const timestamp = new Date(atMs).toISOString();
  const texts = ['id', messageId, 'eventType', eventType, 'timestamp', timestamp, 'contentType', contentType];
  return [...texts, 'payload', Buffer.from(payload)];
}

function databaseProblem({ path, parameters }: ServerUrl): string | undefined {
  if ([...parameters].length > 0) return 'takes no parameters';
  return /^\d{0,3}$/.test(path) ? undefined : 'must end in the number of a database, such as /0';
}

function tlsFor(host: string) {
  const name = isIP(host) === 0 ? { servername: host } : { host };
  return { rejectUnauthorized: true, minVersion: 'TLSv1.2', ...name } as const;
}

async function openRedis(
  { host, port, username, path, protocol }: ServerUrl,
  address: string,
  password: string | undefined,
  signal: AbortSignal,
): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const redis = new Redis({
    host: address,
    port,
    db: Number(path),
    ...(username === '' ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(protocol === 'rediss:' ? { tls: tlsFor(host) } : {}),
    lazyConnect: true,
    // The schedule of the endpoint is what tries again.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
  });
  // Without a listener it would end the process; while connecting it says more than the error of `connect`.
  let lastError: unknown;
  redis.on('error', (error) => {
    lastError = error;
  });
  const giveUp = () => redis.disconnect();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    signal.throwIfAborted();
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw lastError ?? error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
