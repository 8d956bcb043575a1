// Brokers: Redis, NATS, RabbitMQ, Mosquitto, MariaDB and Kafka's protocol by real servers, SQS by one that checks signatures.
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import { connect as connectAmqp } from 'amqplib';
import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Request, sign } from 'aws4';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describeConnectors, type Expectations, type Received } from './support/connector-conformance.ts';
import { startMockKafka } from './support/mock-kafka.ts';
import { startRecorder } from './support/recorder.ts';
import { freePort, programPath, startService, whereInstalled } from './support/services.ts';
import { waitFor } from './support/wait.ts';

const password = 'SECRETBROKER';
const kinds: Expectations[] = [];

whereInstalled('redis-server', 'redis-server', () =>
  kinds.push({
    kind: 'redis',
    forOperators: true,
    hasKey: false,
    knowsRepeats: true,
    async start() {
      const service = await startService({
        program: 'redis-server',
        command: (folder, port) => ({
          args: ['--port', String(port), '--bind', '127.0.0.1', '--requirepass', password, '--dir', folder],
        }),
      });
      const redis = new Redis({ port: service.port, host: '127.0.0.1', password });
      await redis.set('text', 'is no stream');
      const config = (host: string, port: number, stream = 'orders') => ({
        url: `redis://${host}:${port}/0`,
        password,
        stream,
      });
      return {
        config: config('127.0.0.1', service.port),
        refused: config('127.0.0.1', service.port, 'text'),
        secrets: [password],
        at: (host, port) => config(host, port),
        received: async () =>
          (await redis.xrange('orders', '-', '+')).map(([, fields]) => ({ text: fields.join(' ') })),
        stop: async () => {
          redis.disconnect();
          await service.stop();
        },
      };
    },
  }),
);

whereInstalled('nats-server', 'nats-server', () =>
  kinds.push({
    kind: 'nats',
    forOperators: true,
    hasKey: false,
    knowsRepeats: true,
    async start() {
      const service = await startService({
        program: 'nats-server',
        command: (folder, port) => ({
          args: [
            '-a',
            '127.0.0.1',
            '-p',
            String(port),
            '-js',
            '-sd',
            folder,
            '--user',
            'hooks',
            '--pass',
            password,
          ],
        }),
      });
      const connection = await connectNats({
        servers: `127.0.0.1:${service.port}`,
        user: 'hooks',
        pass: password,
      });
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: 'ORDERS', subjects: ['orders.>'] });
      const config = (host: string, port: number, subject = 'orders.{{ eventType }}') => ({
        url: `nats://hooks@${host}:${port}`,
        password,
        subject,
      });
      return {
        config: config('127.0.0.1', service.port),
        refused: config('127.0.0.1', service.port, 'elsewhere.{{ eventType }}'),
        secrets: [password],
        at: (host, port) => config(host, port),
        // What the stream holds: a repeat is published, and not stored.
        received: async () => {
          const { state } = await manager.streams.info('ORDERS');
          const stored: Received[] = [];
          for (let seq = state.first_seq; seq <= state.last_seq && seq > 0; seq += 1) {
            const message = await manager.streams.getMessage('ORDERS', { seq });
            stored.push({ text: message?.string() ?? '' });
          }
          return stored;
        },
        stop: async () => {
          await connection.close();
          await service.stop();
        },
      };
    },
  }),
);

whereInstalled('mosquitto', 'mosquitto', () =>
  kinds.push({
    kind: 'mqtt',
    forOperators: true,
    hasKey: true,
    async start() {
      const service = await startService({
        program: 'mosquitto',
        prepare: async (folder, port) => {
          const users = join(folder, 'users');
          const acl = join(folder, 'acl');
          await writeFile(users, `hooks:${password}\n`);
          await writeFile(acl, 'user hooks\ntopic readwrite orders/#\n');
          await Promise.all([chmod(users, 0o600), chmod(acl, 0o600)]);
          execFileSync(programPath('mosquitto_passwd') ?? '', ['-U', users]);
          const settings = [
            `listener ${port} 127.0.0.1`,
            `user root`,
            `password_file ${users}`,
            `acl_file ${acl}`,
            'allow_anonymous false',
          ];
          await writeFile(join(folder, 'mosquitto.conf'), settings.join('\n'));
        },
        command: (folder) => ({ args: ['-c', join(folder, 'mosquitto.conf')] }),
      });
      const got: Received[] = [];
      const client = await connectAsync(`mqtt://127.0.0.1:${service.port}`, {
        protocolVersion: 5,
        username: 'hooks',
        password,
      });
      await client.subscribeAsync('orders/#', { qos: 1 });
      client.on('message', (_topic, payload, packet) => {
        const key = packet.properties?.userProperties?.idempotencyKey;
        got.push({ text: payload.toString(), key: typeof key === 'string' ? key : undefined });
      });
      const config = (host: string, port: number, topic = 'orders/{{ eventType }}') => ({
        url: `mqtt://hooks@${host}:${port}`,
        password,
        topic,
      });
      return {
        config: config('127.0.0.1', service.port),
        refused: config('127.0.0.1', service.port, 'forbidden/{{ eventType }}'),
        secrets: [password],
        at: (host, port) => config(host, port),
        received: () => got,
        stop: async () => {
          await client.endAsync(true);
          await service.stop();
        },
      };
    },
  }),
);

function endNameServer(port: number): boolean {
  const { status } = spawnSync(programPath('epmd') ?? '', ['-port', String(port), '-kill'], {
    stdio: 'ignore',
  });
  return status === 0;
}

whereInstalled('rabbitmq-server', 'rabbitmq-server', () =>
  kinds.push({
    kind: 'rabbitmq',
    forOperators: true,
    hasKey: true,
    async start() {
      const distribution = await freePort();
      const epmd = await freePort();
      const service = await startService({
        program: 'rabbitmq-server',
        prepare: (folder, port) =>
          writeFile(
            join(folder, 'rabbitmq.conf'),
            `listeners.tcp.1 = 127.0.0.1:${port}\ndefault_user = hooks\ndefault_pass = ${password}\n`,
          ),
        command: (folder, port) => ({
          args: [],
          env: {
            RABBITMQ_NODENAME: `posthorn${port}@localhost`,
            RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
            RABBITMQ_NODE_PORT: String(port),
            RABBITMQ_DIST_PORT: String(distribution),
            // A name server of Erlang of its own, which is ended with it.
            ERL_EPMD_PORT: String(epmd),
            RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
            RABBITMQ_MNESIA_BASE: folder,
            RABBITMQ_LOG_BASE: folder,
            RABBITMQ_PID_FILE: join(folder, 'pid'),
            RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1',
          },
        }),
        isReady: (port) =>
          connectAmqp({ hostname: '127.0.0.1', port, username: 'hooks', password }).then(
            (connection) => connection.close().then(() => true),
            () => false,
          ),
        timeoutMs: 120_000,
      });
      const connection = await connectAmqp({
        hostname: '127.0.0.1',
        port: service.port,
        username: 'hooks',
        password,
      });
      const channel = await connection.createChannel();
      await channel.assertQueue('orders');
      const got: Received[] = [];
      await channel.consume('orders', (message) => {
        if (message)
          got.push({ text: message.content.toString(), key: String(message.properties.messageId) });
      });
      const config = (host: string, port: number, routingKey = 'orders') => ({
        url: `amqp://hooks@${host}:${port}`,
        password,
        routingKey,
      });
      return {
        config: config('127.0.0.1', service.port),
        refused: config('127.0.0.1', service.port, 'nobody'),
        secrets: [password],
        at: (host, port) => config(host, port),
        received: () => got,
        stop: async () => {
          await connection.close();
          await service.stop();
          // It obeys once it has heard that its node is gone.
          await waitFor(() => endNameServer(epmd), { what: 'the end of epmd' });
        },
      };
    },
  }),
);

// The mock cluster of librdkafka, which kcat runs, and a kcat that reads from it.
whereInstalled('kcat', 'kcat', () =>
  kinds.push({
    kind: 'kafka',
    forOperators: true,
    hasKey: true,
    refusesNothing: true,
    async start() {
      const cluster = await startMockKafka();
      const config = (host: string, port: number) => ({
        brokers: [`kafka://${host}:${port}`],
        topic: 'orders',
        key: '{{ payload.marker }}',
      });
      return {
        config: config('127.0.0.1', cluster.port),
        secrets: [],
        at: (host, port) => config(host, port),
        received: cluster.read,
        stop: cluster.stop,
      };
    },
  }),
);

whereInstalled('mariadbd', 'mariadb-server', () =>
  kinds.push({
    kind: 'mysql',
    forOperators: true,
    hasKey: true,
    async start() {
      const service = await startService({
        program: 'mariadbd',
        prepare: async (folder) => {
          execFileSync(
            programPath('mariadb-install-db') ?? '',
            [
              '--no-defaults',
              `--datadir=${folder}/data`,
              '--user=root',
              '--auth-root-authentication-method=normal',
            ],
            { stdio: 'ignore' },
          );
        },
        command: (folder, port) => ({
          args: [
            '--no-defaults',
            '--user=root',
            `--datadir=${folder}/data`,
            `--socket=${folder}/socket`,
            `--pid-file=${folder}/pid`,
            `--port=${port}`,
            '--bind-address=127.0.0.1',
          ],
        }),
      });
      const root = await createConnection({ host: '127.0.0.1', port: service.port, user: 'root' });
      for (const statement of [
        'create database shop',
        `create user hooks@'127.0.0.1' identified by '${password}'`,
        `create user hooks@localhost identified by '${password}'`,
        "grant all on shop.* to hooks@'127.0.0.1'",
        'grant all on shop.* to hooks@localhost',
        `create table shop.orders (id varchar(20), message varchar(100), raw json, changed_at datetime(3),
           primary key (message))`,
      ]) {
        await root.query(statement);
      }
      const config = (host: string, port: number) => ({
        url: `mysql://hooks@${host}:${port}/shop?tls=none`,
        password,
        table: 'orders',
        columns: { id: 'payload.id', message: 'id', raw: 'payload', changed_at: 'timestamp' },
        key: ['message'],
        newerBy: 'changed_at',
      });
      return {
        config: config('127.0.0.1', service.port),
        refused: { ...config('127.0.0.1', service.port), table: 'nowhere' },
        secrets: [password],
        at: (host, port) => config(host, port),
        received: async () => {
          const [rows] = await root.query<RowDataPacket[]>(
            'select message, cast(raw as char) as raw from shop.orders',
          );
          return rows.map((row) => ({ text: String(row.raw), key: String(row.message) }));
        },
        stop: async () => {
          await root.end();
          await service.stop();
        },
      };
    },
  }),
);

kinds.push({
  kind: 'sqs',
  forOperators: false,
  hasKey: true,
  async start() {
    const secretAccessKey = 'SECRETACCESSKEY/x';
    const recorder = await startRecorder();
    recorder.answer = ({ headers, body }) => {
      const { authorization, ...given } = headers;
      const names = /SignedHeaders=([^,]*)/.exec(authorization ?? '')?.[1]?.split(';') ?? [];
      const signed = Object.fromEntries(names.map((name) => [name, String(given[name])]));
      // The other implementation signs the length of a body that it is given; this one did not.
      const expected = sign(
        {
          method: 'POST',
          path: '/',
          service: 'sqs',
          region: 'eu-west-1',
          headers: signed,
          extraHeadersToIgnore: { 'content-length': true },
          body: body.toString(),
        } as Request,
        { accessKeyId: 'AKID', secretAccessKey },
      );
      const isRight = expected.headers?.Authorization === authorization;
      const message = JSON.parse(body.toString()) as { QueueUrl: string };
      if (!isRight) return { status: 403, body: '{"__type":"SignatureDoesNotMatch"}' };
      if (message.QueueUrl.includes('nowhere'))
        return { status: 400, body: '{"__type":"QueueDoesNotExist"}' };
      return { status: 200, body: '{"MessageId":"1"}' };
    };
    const config = (host: string, port: number, queue = 'orders.fifo') => ({
      queueUrl: `http://${host}:${port}/1234/${queue}`,
      region: 'eu-west-1',
      accessKeyId: 'AKID',
      secretAccessKey,
    });
    return {
      config: config('127.0.0.1', recorder.port),
      refused: config('127.0.0.1', recorder.port, 'nowhere.fifo'),
      secrets: [secretAccessKey],
      at: (host, port) => config(host, port),
      received: () =>
        recorder.requests.map(({ body }) => {
          const message = JSON.parse(body.toString()) as {
            MessageBody: string;
            MessageDeduplicationId: string;
          };
          return { text: message.MessageBody, key: message.MessageDeduplicationId };
        }),
      stop: recorder.stop,
    };
  },
});

describeConnectors(kinds);
