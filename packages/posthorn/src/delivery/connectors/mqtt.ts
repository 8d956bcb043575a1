// Publishes to an MQTT broker with quality of service 1: it is done when the broker has it, and may come twice.
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { MqttClient } from 'mqtt';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { type Broker, createBroker, type Publication } from './broker.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import { accepted, type Connector } from './connector.ts';
import { openSocket } from './guarded-socket.ts';
import type { ServerUrl } from './server-url.ts';

const schema = configuration({
  /** mqtt://user@host:1883, or mqtts:// for TLS. */
  url: line,
  password: Type.Optional(secretLine),
  topic: template,
  retain: Type.Optional(Type.Boolean()),
  /** 5 unless the broker knows only 4 (which is MQTT 3.1.1). */
  version: Type.Optional(Type.Union([Type.Literal(4), Type.Literal(5)])),
});
type MqttConfig = Static<typeof schema>;

const ports = { 'mqtt:': 1883, 'mqtts:': 8883 };
const topicMaxBytes = 65_535;
const keepAliveSeconds = 20;
// What a broker says about who connects begins here, in both versions.
const refusalCodesFrom = 1;

const broker: Omit<Broker<MqttConfig, MqttClient>, 'open'> = {
  kind: 'mqtt',
  schema,
  ports,
  placeName: 'topic',
  placeOf: ({ topic }) => topic,
  placeProblem(topic) {
    const isTopic = topic !== '' && !/[#+\0]/.test(topic) && Buffer.byteLength(topic) <= topicMaxBytes;
    return isTopic ? undefined : 'the topic that came out cannot be published to';
  },
  close: (client) => void client.end(true),
  isUsable: (client) => client.connected,
  publish,
  refusalOf(error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code !== 'number' || code < refusalCodesFrom) return undefined;
    return `${(error as Error).message} (${code})`;
  },
};

export function createMqtt(context: ActionContext): Connector<MqttConfig> {
  return createBroker(context, { ...broker, open: (...given) => openClient(context, ...given) });
}

async function publish(client: MqttClient, { place, config, delivery }: Publication<MqttConfig>) {
  const { messageId, eventType, contentType, payload, idempotencyKey } = delivery;
  const { retain = false, version = 5 } = config;
  const userProperties = { messageId, eventType, idempotencyKey };
  await client.publishAsync(place, Buffer.from(payload), {
    qos: 1,
    retain,
    ...(version === 5 ? { properties: { contentType, userProperties } } : {}),
  });
  return accepted('acknowledged');
}

async function openClient(
  { guard }: ActionContext,
  server: ServerUrl,
  { password, version = 5 }: MqttConfig,
  signal: AbortSignal,
): Promise<MqttClient> {
  const { MqttClient: Client } = await import('mqtt');
  const socket = await openSocket(guard, server, signal);
  const stream = server.protocol === 'mqtts:' ? secured(socket, server.host) : socket;
  const client = new Client(() => stream, {
    protocolVersion: version,
    ...(server.username === '' ? {} : { username: server.username }),
    ...(password === undefined ? {} : { password }),
    clean: true,
    keepalive: keepAliveSeconds,
    // The schedule of the endpoint is what tries again.
    reconnectPeriod: 0,
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      client.end(true);
      socket.destroy();
      reject(error);
    };
    // Later errors are told to whoever publishes.
    client.on('error', fail);
    client.once('connect', () => resolve(client));
    client.once('close', () => fail(new Error('the broker closed the connection')));
  });
}

function secured(socket: Socket, host: string) {
  const name = isIP(host) === 0 ? { servername: host } : { host };
  return connectTls({ socket, rejectUnauthorized: true, minVersion: 'TLSv1.2', ...name });
}
