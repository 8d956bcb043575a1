// The kinds that call an API over HTTP: a templated request, GitHub, GitLab, Inngest, Temporal.
import { describeConnectors } from './support/connector-conformance.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';

/** A receiver that takes everything below `/ok`, and refuses the rest. */
async function startService(): Promise<Recorder> {
  const recorder = await startRecorder();
  recorder.answer = ({ path, headers }) =>
    path.startsWith('/ok') ? { status: 200 } : { status: 422, body: JSON.stringify(headers) };
  return recorder;
}

const base = (host: string, port: number) => `http://${host}:${port}`;
const bodies = (recorder: Recorder) => recorder.requests.map(({ body }) => ({ text: body.toString() }));

describeConnectors([
  {
    kind: 'api',
    forOperators: false,
    hasKey: true,
    async start() {
      const recorder = await startService();
      const key = 'Bearer sk_live_SECRET';
      const config = (url: string) => ({
        method: 'PUT',
        url: `${url}/orders/{{ payload.id }}`,
        headers: { authorization: key, 'x-type': '{{ eventType }}' },
        json: { id: '{{ payload.id }}', note: 'for {{ payload.marker }}' },
      });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: ['sk_live_SECRET'],
        at: (host, port) => config(base(host, port)),
        received: () =>
          recorder.requests.map(({ body, headers }) => ({
            text: body.toString(),
            key: String(headers['idempotency-key']),
          })),
        stop: recorder.stop,
      };
    },
  },
  {
    kind: 'github',
    forOperators: false,
    hasKey: false,
    async start() {
      const recorder = await startService();
      const token = 'ghp_SECRETTOKEN';
      const config = (apiUrl: string) => ({ repository: 'acme/site', token, apiUrl });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [token],
        at: (host, port) => config(base(host, port)),
        received: () => bodies(recorder),
        stop: recorder.stop,
      };
    },
  },
  {
    kind: 'gitlab',
    forOperators: false,
    hasKey: false,
    async start() {
      const recorder = await startService();
      const triggerToken = 'glptt-SECRET';
      const config = (baseUrl: string) => ({
        project: 'acme/site',
        triggerToken,
        variables: { MARKER: '{{ payload.marker }}' },
        baseUrl,
      });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [triggerToken],
        at: (host, port) => config(base(host, port)),
        received: () => bodies(recorder),
        stop: recorder.stop,
      };
    },
  },
  {
    kind: 'inngest',
    forOperators: false,
    hasKey: true,
    async start() {
      const recorder = await startService();
      const eventKey = 'evt_SECRETKEY';
      const config = (apiUrl: string) => ({ eventKey, apiUrl });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [eventKey],
        at: (host, port) => config(base(host, port)),
        received: () =>
          recorder.requests.map(({ body }) => ({
            text: body.toString(),
            key: (JSON.parse(body.toString()) as { id: string }).id,
          })),
        stop: recorder.stop,
      };
    },
  },
  {
    kind: 'temporal',
    forOperators: false,
    hasKey: true,
    knowsRepeats: true,
    async start() {
      const recorder = await startService();
      const apiKey = 'temporal_SECRETKEY';
      const started = new Set<string>();
      recorder.answer = ({ path }) => {
        if (!path.startsWith('/ok')) return { status: 400, body: '{"code":3,"message":"no such namespace"}' };
        if (started.has(path)) return { status: 409, body: '{"code":6,"message":"already started"}' };
        started.add(path);
        return { status: 200, body: '{"runId":"r1","started":true}' };
      };
      const config = (url: string) => ({
        url,
        apiKey,
        taskQueue: 'orders',
        workflowType: 'Fulfil{{ payload.id }}',
      });
      return {
        config: config(`${base('127.0.0.1', recorder.port)}/ok`),
        refused: config(`${base('127.0.0.1', recorder.port)}/no`),
        secrets: [apiKey],
        at: (host, port) => config(base(host, port)),
        received: () =>
          recorder.requests.map(({ path, body }) => {
            const { input } = JSON.parse(body.toString()) as { input: { payloads: { data: string }[] } };
            const text = Buffer.from(input.payloads[0]?.data ?? '', 'base64').toString();
            return { text, key: decodeURIComponent(path) };
          }),
        stop: recorder.stop,
      };
    },
  },
]);
