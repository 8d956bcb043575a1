// Publishes to RabbitMQ and waits until the broker has it. A message that no queue takes is refused.
import { isIP } from 'node:net';
import type { ChannelModel, ConfirmChannel, SocketOptions } from 'amqplib';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { type Broker, createBroker, type Publication } from './broker.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import { accepted, type Connector, refused } from './connector.ts';
import { vettedAddress } from './guarded-socket.ts';
import type { ServerUrl } from './server-url.ts';

const schema = configuration({
  /** amqp://user@host:5672/vhost, or amqps:// for TLS. */
  url: line,
  password: Type.Optional(secretLine),
  /** The default exchange unless given: then the routing key is the name of a queue. */
  exchange: Type.Optional(line),
  routingKey: template,
});
type RabbitConfig = Static<typeof schema>;

interface Session {
  connection: ChannelModel;
  channel: ConfirmChannel;
  isBroken: boolean;
}

const ports = { 'amqp:': 5672, 'amqps:': 5671 };
const routingKeyMaxBytes = 255;
const heartbeatSeconds = 30;
const closeMaxMs = 500;

const broker: Omit<Broker<RabbitConfig, Session>, 'open'> = {
  kind: 'rabbitmq',
  schema,
  ports,
  placeName: 'routingKey',
  placeOf: ({ routingKey }) => routingKey,
  placeProblem: (routingKey) =>
    Buffer.byteLength(routingKey) > routingKeyMaxBytes
      ? `the routing key that came out is longer than ${routingKeyMaxBytes} bytes`
      : undefined,
  shownPlace: ({ exchange = '', routingKey }) => `${exchange} ${routingKey}`,
  close: closeSession,
  isUsable: ({ isBroken }) => !isBroken,
  publish,
  refusalOf(error) {
    // What the broker says of who connects.
    const isSaid = error instanceof Error && /\b(ACCESS-REFUSED|NOT[_-]ALLOWED)\b/.test(error.message);
    return isSaid ? error.message : undefined;
  },
};

export function createRabbitMq(context: ActionContext): Connector<RabbitConfig> {
  return createBroker(context, { ...broker, open: (...given) => openSession(context, ...given) });
}

async function openSession(
  { guard }: ActionContext,
  { host, port, protocol, username, path }: ServerUrl,
  { password }: RabbitConfig,
  signal: AbortSignal,
): Promise<Session> {
  const { connect } = await import('amqplib');
  const hostname = await vettedAddress(guard, { host, port });
  signal.throwIfAborted();
  // Handed on to node:net and node:tls.
  const socketOptions = {
    signal,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
  } as SocketOptions;
  const connection = await connect(
    {
      protocol: protocol.slice(0, -1),
      hostname,
      port,
      username: username === '' ? 'guest' : username,
      password: password ?? 'guest',
      vhost: path === '' ? '/' : path,
      heartbeat: heartbeatSeconds,
    },
    socketOptions,
  );
  const session = { connection, isBroken: false };
  const broken = () => {
    session.isBroken = true;
  };
  connection.on('error', broken).on('close', broken);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', broken).on('close', broken);
    return Object.assign(session, { channel });
  } catch (error) {
    closeSession(session);
    throw error;
  }
}

function closeSession({ connection }: Pick<Session, 'connection'>): void {
  void connection.close().catch(() => {});
  const { stream } = connection.connection as unknown as { stream: { destroy(): void } };
  setTimeout(() => stream.destroy(), closeMaxMs).unref();
}

async function publish({ channel }: Session, { place, config, delivery }: Publication<RabbitConfig>) {
  const { messageId, eventType, contentType, atMs, payload, idempotencyKey } = delivery;
  let returned = '';
  let closedBy: { code?: unknown; message: string } | undefined;
  const onReturn = ({ fields }: { fields: { replyText?: string } }) => {
    returned = fields.replyText ?? 'NO_ROUTE';
  };
  // The broker closes a channel with the reason, such as an exchange that is not there.
  const onError = (error: Error & { code?: unknown }) => {
    closedBy = error;
  };
  channel.on('return', onReturn).on('error', onError);
  try {
    channel.publish(config.exchange ?? '', place, Buffer.from(payload), {
      mandatory: true,
      persistent: true,
      messageId: idempotencyKey,
      type: eventType,
      contentType,
      timestamp: Math.floor(atMs / 1_000),
      headers: { 'posthorn-message-id': messageId },
    });
    await channel.waitForConfirms();
    return returned === '' ? accepted('confirmed') : refused(`no queue takes it (${returned})`);
  } catch (error) {
    if (typeof closedBy?.code !== 'number') throw error;
    return refused(closedBy.message);
  } finally {
    channel.off('return', onReturn).off('error', onError);
  }
}
