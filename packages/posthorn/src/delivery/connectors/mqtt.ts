// Publishes to an MQTT broker with quality of service 1: it is done when the broker has it, and may come twice.
import { isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { MqttClient } from 'mqtt';
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
import { openSocket } from './guarded-socket.ts';
import { readServerUrl, type ServerUrl, tlsProblem } from './server-url.ts';
import { SessionPool } from './session-pool.ts';
import { templateData } from './templates.ts';

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

export function createMqtt(context: ActionContext): Connector<MqttConfig> {
  const { templates, allowSubnets } = context;
  const rules = { ports, allowSubnets };
  const sessions = new SessionPool<MqttConfig, MqttClient>({
    open: (config, signal) => {
      const server = readServerUrl(config.url, rules);
      if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
      return openClient(context, server, config, signal);
    },
    close: (client) => void client.end(true),
    isUsable: (client) => client.connected,
  });

  return {
    kind: 'mqtt',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ url, topic }) {
      const server = readServerUrl(url, rules);
      return verdict(typeof server === 'object' ? `${server.shown} ${topic}` : '', [
        problemOf('url', typeof server === 'string' ? server : tlsProblem(server)),
        problemOf('topic', await templates.problemOf(topic)),
      ]);
    },
    async deliver(delivery, config, signal) {
      const topic = await templates.render(config.topic, templateData(delivery));
      const isTopic = topic !== '' && !/[#+\0]/.test(topic) && Buffer.byteLength(topic) <= topicMaxBytes;
      if (!isTopic) throw new UnfitError('the topic that came out cannot be published to');
      try {
        return await sessions.use(config, signal, (client) => publish(client, topic, config, delivery));
      } catch (error) {
        const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
        if (typeof code !== 'number' || code < refusalCodesFrom) throw error;
        return refused(`${(error as Error).message} (${code})`);
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}

async function publish(
  client: MqttClient,
  topic: string,
  { retain = false, version = 5 }: MqttConfig,
  { messageId, eventType, contentType, payload, idempotencyKey }: ActionDelivery,
) {
  const userProperties = { messageId, eventType, idempotencyKey };
  await client.publishAsync(topic, Buffer.from(payload), {
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
