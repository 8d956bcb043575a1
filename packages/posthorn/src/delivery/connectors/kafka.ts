// Produces to a Kafka topic and waits until all replicas that are in sync have it. Every broker that Kafka names is looked
// at before it is connected to.
import { isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory, Producer, SASLOptions } from 'kafkajs';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import {
  accepted,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { vettedAddress } from './guarded-socket.ts';
import { readServerUrl, type ServerUrl, type ServerUrlRules, tlsProblem } from './server-url.ts';
import { SessionPool } from './session-pool.ts';
import { templateData } from './templates.ts';

const brokersMax = 10;

const schema = configuration({
  /** kafka://user@host:9092, or kafkas:// for TLS. */
  brokers: Type.Array(line, { minItems: 1, maxItems: brokersMax }),
  password: Type.Optional(secretLine),
  mechanism: Type.Optional(
    Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')]),
  ),
  topic: template,
  /** Messages with the same key keep their order. */
  key: Type.Optional(template),
});
type KafkaConfig = Static<typeof schema>;

const ports = { 'kafka:': 9092, 'kafkas:': 9092 };
const connectMaxMs = 10_000;
const topicPattern = /^[\w.-]{1,249}$/;
const allReplicas = -1;

export function createKafka(context: ActionContext): Connector<KafkaConfig> {
  const { templates, allowSubnets } = context;
  const rules = { ports, allowSubnets };
  const sessions = new SessionPool<KafkaConfig, Session>({
    open: (config, signal) => openSession(context, rules, config, signal),
    close: closeSession,
    isUsable: ({ sockets }) => [...sockets].every((socket) => !socket.destroyed),
  });

  return {
    kind: 'kafka',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ brokers, topic, key }) {
      const servers = brokers.map((broker) => readServerUrl(broker, rules));
      const shown = servers.map((server) => (typeof server === 'object' ? server.shown : ''));
      const schemes = new Set(servers.map((server) => (typeof server === 'object' ? server.protocol : '')));
      return verdict(`${shown.join(' ')} ${topic}`, [
        ...servers.map((server) =>
          problemOf('brokers', typeof server === 'string' ? server : tlsProblem(server)),
        ),
        problemOf('brokers', schemes.size > 1 ? 'must all begin with the same scheme' : undefined),
        problemOf('topic', await templates.problemOf(topic)),
        problemOf('key', await templates.problemOf(key ?? '')),
      ]);
    },
    async deliver(delivery, config, signal) {
      const data = templateData(delivery);
      const topic = await templates.render(config.topic, data);
      if (!topicPattern.test(topic)) throw new UnfitError('the topic that came out is not the name of one');
      const { messageId, eventType, contentType, payload, idempotencyKey } = delivery;
      const message = {
        key: config.key === undefined ? messageId : await templates.render(config.key, data),
        value: Buffer.from(payload),
        headers: { messageId, eventType, contentType, idempotencyKey },
      };
      try {
        return await sessions.use(config, signal, async ({ producer }) => {
          const [placed] = await producer.send({ topic, messages: [message], acks: allReplicas });
          return accepted(`partition ${placed?.partition}, offset ${placed?.baseOffset}`);
        });
      } catch (error) {
        const said = refusalOf(error);
        if (said === undefined) throw error;
        return refused(said);
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}

interface Session {
  producer: Producer;
  sockets: Set<Socket>;
}

async function openSession(
  { guard }: ActionContext,
  rules: ServerUrlRules,
  { brokers, password, mechanism = 'plain' }: KafkaConfig,
  signal: AbortSignal,
): Promise<Session> {
  const { Kafka, logLevel, Partitioners } = await import('kafkajs');
  const servers = brokers.map((broker) => serverOf(broker, rules));
  const isSecure = servers[0]?.protocol === 'kafkas:';
  const sockets = new Set<Socket>();
  const kafka = new Kafka({
    clientId: 'posthorn',
    brokers: servers.map(({ host, port }) => `${host}:${port}`),
    ssl: isSecure,
    ...(servers[0]?.username ? { sasl: saslOf(mechanism, servers[0].username, password ?? '') } : {}),
    connectionTimeout: connectMaxMs,
    // The schedule of the endpoint is what tries again.
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
    socketFactory: guardedSockets(guard, sockets, isSecure),
  });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const session = { producer, sockets };
  const giveUp = () => closeSession(session);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await producer.connect();
    return session;
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function closeSession({ producer, sockets }: Session): void {
  void producer.disconnect().catch(() => {});
  for (const socket of sockets) socket.destroy();
}

function serverOf(broker: string, rules: ServerUrlRules): ServerUrl {
  const server = readServerUrl(broker, rules);
  if (typeof server === 'string') throw new UnfitError(`one of the brokers ${server}`);
  return server;
}

function saslOf(mechanism: string, username: string, password: string): SASLOptions {
  return { mechanism, username, password } as SASLOptions;
}

/** Connects to the address that was judged, of the brokers in the configuration and of all that they name. */
function guardedSockets(
  guard: ActionContext['guard'],
  sockets: Set<Socket>,
  isSecure: boolean,
): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const socket = new Socket();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    vettedAddress(guard, { host, port }).then(
      (address) => socket.destroyed || socket.connect({ host: address, port, noDelay: true }),
      (error: Error) => socket.destroy(error),
    );
    if (!isSecure) return socket.once('connect', onConnect);
    const name = isIP(host) === 0 ? { servername: host } : { host };
    const secured = connectTls(
      { socket, rejectUnauthorized: true, minVersion: 'TLSv1.2', ...name },
      onConnect,
    );
    socket.on('error', (error) => secured.destroy(error));
    return secured;
  };
}

/** What a broker said, unless it says to come back. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, retriable, cause } = error as Error & { retriable?: boolean; cause?: unknown };
  if (name === 'KafkaJSNumberOfRetriesExceeded' || name === 'KafkaJSNonRetriableError') {
    return refusalOf(cause) ?? undefined;
  }
  const isSaid = name === 'KafkaJSProtocolError' || name === 'KafkaJSSASLAuthenticationError';
  return isSaid && retriable !== true ? error.message : undefined;
}
