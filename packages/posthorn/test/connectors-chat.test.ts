// Slack, Discord, Teams, Telegram and PagerDuty, at receivers that speak like them.
import { describeConnectors, type Rig } from './support/connector-conformance.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';

/** A receiver that takes everything below `/ok`, and refuses the rest. */
async function startService(): Promise<Recorder> {
  const recorder = await startRecorder();
  recorder.answer = ({ path }) =>
    path.includes('/ok') ? { status: 200, body: 'ok' } : { status: 403, body: `no: ${path}` };
  return recorder;
}

const base = (host: string, port: number) => `http://${host}:${port}`;

/** For the services whose webhook URL is the secret. */
async function chatRig(): Promise<Rig> {
  const recorder = await startService();
  const secret = 'T0SECRETPATH';
  const text = '{{ eventType }} {{ payload.marker }}';
  const url = (host: string, port: number, path: string) => `${base(host, port)}/${path}/${secret}`;
  return {
    config: { url: url('127.0.0.1', recorder.port, 'ok'), text },
    refused: { url: url('127.0.0.1', recorder.port, 'no'), text },
    secrets: [secret],
    at: (host, port) => ({ url: url(host, port, 'ok'), text }),
    received: () => recorder.requests.map(({ body }) => ({ text: body.toString() })),
    stop: recorder.stop,
  };
}

describeConnectors([
  ...['slack', 'discord', 'teams'].map((kind) => ({
    kind,
    forOperators: false,
    hasKey: false,
    start: chatRig,
  })),
  {
    kind: 'telegram',
    forOperators: false,
    hasKey: false,
    async start() {
      const recorder = await startService();
      const botToken = '12345:AAsecretTOKEN';
      const config = (apiUrl: string) => ({
        botToken,
        chatId: '42',
        text: '{{ payload.marker }}',
        apiUrl,
      });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [botToken],
        at: (host, port) => config(base(host, port)),
        received: () => recorder.requests.map(({ body }) => ({ text: body.toString() })),
        stop: recorder.stop,
      };
    },
  },
  {
    kind: 'pagerduty',
    forOperators: false,
    hasKey: true,
    async start() {
      const recorder = await startService();
      const routingKey = 'R0UTINGSECRET';
      const config = (apiUrl: string) => ({ routingKey, summary: 'for {{ payload.marker }}', apiUrl });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [routingKey],
        at: (host, port) => config(base(host, port)),
        received: () =>
          recorder.requests.map(({ body }) => ({
            text: body.toString(),
            key: (JSON.parse(body.toString()) as { dedup_key: string }).dedup_key,
          })),
        stop: recorder.stop,
      };
    },
  },
]);
