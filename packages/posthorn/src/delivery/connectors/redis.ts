// Appends to a Redis stream. A message that is there already is not appended again: what was appended is remembered for a
// week beside the stream, by the same step that appends.
import { isIP } from 'node:net';
import type { Redis } from 'ioredis';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { type Broker, createBroker, type Publication } from './broker.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import { accepted, type ActionDelivery, type Connector } from './connector.ts';
import { vettedAddress } from './guarded-socket.ts';
import type { ServerUrl } from './server-url.ts';

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

const broker: Omit<Broker<RedisConfig, Redis>, 'open'> = {
  kind: 'redis',
  schema,
  ports,
  urlProblem: databaseProblem,
  placeName: 'stream',
  placeOf: ({ stream }) => stream,
  close: (redis) => redis.disconnect(),
  isUsable: (redis) => redis.status === 'ready',
  publish,
  refusalOf: (error) => (error instanceof Error && error.name === 'ReplyError' ? error.message : undefined),
};

export function createRedis(context: ActionContext): Connector<RedisConfig> {
  return createBroker(context, {
    ...broker,
    async open(server, { password }, signal) {
      const address = await vettedAddress(context.guard, server);
      return openRedis(server, address, password, signal);
    },
  });
}

async function publish(redis: Redis, { place, config, delivery }: Publication<RedisConfig>) {
  const mark = `{${place}}:posthorn:${delivery.idempotencyKey}`;
  const parameters = [rememberedSeconds, config.lengthMax ?? '', ...fieldsOf(delivery)];
  const entry = await redis.eval(appendScript, 2, place, mark, ...parameters);
  return accepted(typeof entry === 'string' ? `entry ${entry}` : 'it is there already');
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
