// Publishes to a NATS JetStream and waits until the stream has it. JetStream knows repeats by the message id, for as long
// as the stream's duplicate window.
import { isIP, type Socket } from 'node:net';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { type Broker, createBroker, type Publication } from './broker.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import { accepted, type Connector, refused } from './connector.ts';
import { openSocket } from './guarded-socket.ts';
import type { ServerUrl } from './server-url.ts';

const schema = configuration({
  /** nats://user@host:4222, or tls:// for TLS. */
  url: line,
  password: Type.Optional(secretLine),
  /** Instead of a user and a password. */
  token: Type.Optional(secretLine),
  subject: template,
});
type NatsConfig = Static<typeof schema>;

const ports = { 'nats:': 4222, 'tls:': 4222 };
const connectMaxMs = 5_000;
// Its class is not exported. It says so of every subject that nobody answers for.
const unheardName = 'JetStreamNotEnabled';
const subjectPattern = /^[^\s.*>]+(?:\.[^\s.*>]+)*$/;

const broker: Omit<Broker<NatsConfig, NatsConnection>, 'open'> = {
  kind: 'nats',
  schema,
  ports,
  placeName: 'subject',
  placeOf: ({ subject }) => subject,
  placeProblem: (subject) =>
    subjectPattern.test(subject) ? undefined : 'the subject that came out cannot be published to',
  close: (connection) => void connection.close().catch(() => {}),
  isUsable: (connection) => !connection.isClosed(),
  publish,
  async refusalOf(error) {
    const { errors } = await import('@nats-io/transport-node');
    return error instanceof errors.AuthorizationError ? error.message : undefined;
  },
};

export function createNats(context: ActionContext): Connector<NatsConfig> {
  return createBroker(context, { ...broker, open: (...given) => openConnection(context, ...given) });
}

async function openConnection(
  { guard }: ActionContext,
  { host, port, protocol, username }: ServerUrl,
  { password, token }: NatsConfig,
  signal: AbortSignal,
): Promise<NatsConnection> {
  const socket = await openSocket(guard, { host, port }, signal);
  try {
    return await connectOver(socket, {
      servers: `${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
      ...(username === '' ? {} : { user: username, pass: password ?? '' }),
      ...(token === undefined ? {} : { token }),
      ...(protocol === 'tls:' ? { tls: tlsFor(host) } : {}),
      reconnect: false,
      // Other servers of a cluster have not been looked at.
      ignoreClusterUpdates: true,
      timeout: connectMaxMs,
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * The library dials by itself, and leaves the socket of a server that never says anything open. How it makes transports is
 * one setting for all connections, so that the socket comes with the options of each.
 */
async function connectOver(socket: Socket, options: NodeConnectionOptions): Promise<NatsConnection> {
  const { NatsConnectionImpl, setTransportFactory } = await import(
    '@nats-io/transport-node/lib/nats-base-client.js'
  );
  const { NodeTransport } = await import('@nats-io/transport-node/lib/node_transport.js');
  class GuardedTransport extends NodeTransport {
    override dial(): Promise<Socket> {
      return Promise.resolve(Reflect.get(this.options, 'socket') as Socket);
    }
  }
  setTransportFactory({ factory: () => new GuardedTransport() });
  return NatsConnectionImpl.connect(Object.assign(options, { socket }));
}

/** Handed on to node:tls, whose options the library's own type does not name. */
function tlsFor(host: string): NonNullable<NodeConnectionOptions['tls']> {
  return (isIP(host) === 0 ? { servername: host } : { host }) as object;
}

async function publish(connection: NatsConnection, { place, delivery }: Publication<NatsConfig>) {
  const { jetstream, JetStreamApiError, JetStreamError } = await import('@nats-io/jetstream');
  const { headers } = await import('@nats-io/transport-node');
  const { messageId, eventType, contentType, payload, idempotencyKey, timeoutMs } = delivery;
  const given = headers();
  for (const [name, value] of [
    ['posthorn-message-id', messageId],
    ['posthorn-event-type', eventType],
    ['content-type', contentType],
  ] as const) {
    given.set(name, value);
  }
  try {
    const options = { msgID: idempotencyKey, headers: given, timeout: timeoutMs, retries: 1 };
    const { stream, seq, duplicate } = await jetstream(connection).publish(place, payload, options);
    return accepted(duplicate ? `${stream} has it already` : `${stream} ${seq}`);
  } catch (error) {
    if (error instanceof Error && error.name === unheardName) return refused('no stream takes this subject');
    if (error instanceof JetStreamError || error instanceof JetStreamApiError) return refused(error.message);
    throw error;
  }
}
