// Lists of attempts and of deliveries under every filter the official client has, forwards and back: compared with what
// the same filter makes of the whole list in memory.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryState } from '../src/store/tables.ts';
import { request, startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { insertAttempt, insertDelivery } from './support/delivery-rows.ts';

interface Sample {
  message: string;
  attempt: string;
  eventType: string;
  channel: string;
  tag: string;
  state: DeliveryState;
  responseStatus: number | null;
  at: Date;
}

const states = [
  'succeeded',
  'exhausted',
  'cancelled',
  'retrying',
  'succeeded',
  'exhausted',
  'pending',
] as const;
const responses = [200, 503, null, 404, 299] as const;
const samplesCount = 21;
const startMs = Date.now() - 3_600_000;
const timeOf = (index: number) => new Date(startMs + index * 60_000);

let test: TestApi;
let app: string;
let endpoint: string;
const samples: Sample[] = [];

beforeAll(async () => {
  test = await startTestApi();
  app = (await test.client.application.create({ name: 'Acme' })).id;
  const url = 'http://127.0.0.1:9/hook';
  endpoint = (await test.client.endpoint.create(app, { url })).id;
  for (let i = 0; i < samplesCount; i += 1) samples.unshift(await makeSample(i));
});
afterAll(() => test.stop());

async function makeSample(index: number): Promise<Sample> {
  const facts = {
    eventType: `type.${index % 2}`,
    channel: `c${index % 3}`,
    tag: `t${index % 4}`,
    state: states[index % states.length]!,
    responseStatus: responses[index % responses.length]!,
    at: timeOf(index),
  };
  const { eventType, channel, tag } = facts;
  const message = { eventType, channels: [channel, 'all'], tags: [tag], payload: { index } };
  const { id } = await test.client.message.create(app, message);
  await test.db.pool.query('update posthorn.message set created_at = $2 where id = $1', [id, facts.at]);
  const key = { applicationId: app, messageId: id, endpointId: endpoint };
  await insertDelivery(test, key, facts.state, { nextInMs: 3_600_000 });
  const status = facts.responseStatus;
  const attempt = await insertAttempt(test, key, {
    outcome: status === null ? 'unreachable' : status < 300 ? 'accepted' : 'rejected',
    response_status: status,
    started_at: facts.at,
  });
  return { ...facts, message: id, attempt };
}

interface WireList {
  data: { id: string }[];
  iterator: string | null;
  prevIterator: string | null;
  done: boolean;
}

async function page(path: string, query: string): Promise<WireList> {
  const answer = await request(test, 'GET', `/api/v1/app/${app}${path}?limit=5&${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body as unknown as WireList;
}

/** The ids of all pages to the end, and of all pages on the way back. */
async function walk(path: string, query: string): Promise<{ there: string[]; back: string[] }> {
  const there: string[] = [];
  let at = await page(path, query);
  there.push(...at.data.map(({ id }) => id));
  while (!at.done) {
    at = await page(path, `${query}&iterator=${at.iterator}`);
    there.push(...at.data.map(({ id }) => id));
  }
  const back = at.data.map(({ id }) => id);
  // Going back, `done` says that nothing is before this page.
  for (let done = at.prevIterator === null; !done; done = at.done) {
    at = await page(path, `${query}&iterator=${at.prevIterator}`);
    back.unshift(...at.data.map(({ id }) => id));
  }
  return { there, back };
}

type Filter = [query: string, fits: (sample: Sample) => boolean];
const accepted = ({ responseStatus: status }: Sample) => status !== null && status < 300;
const after = timeOf(4);
const before = timeOf(16);

const common: Filter[] = [
  ['', () => true],
  ['order=descending', () => true],
  ['channel=c1', ({ channel }) => channel === 'c1'],
  ['tag=t2', ({ tag }) => tag === 't2'],
  ['event_types=type.1', ({ eventType }) => eventType === 'type.1'],
  ['event_types=type.0,type.1&channel=all', () => true],
  ['event_types=type.0&event_types=type.9', ({ eventType }) => eventType === 'type.0'],
  [`after=${after.toISOString()}&before=${before.toISOString()}`, ({ at }) => at > after && at < before],
  [
    `before=${before.toISOString()}&channel=c0&event_types=type.0`,
    ({ at, channel, eventType }) => at < before && channel === 'c0' && eventType === 'type.0',
  ],
  ['tag=nobody', () => false],
];

const ofAttempts: Filter[] = [
  ['status=0', accepted],
  ['status=2&tag=t1', (sample) => !accepted(sample) && sample.tag === 't1'],
  ['status=1', () => false],
  ['status_code_class=0', ({ responseStatus }) => responseStatus === null],
  ['status_code_class=200', accepted],
  [
    'status_code_class=500&event_types=type.1',
    (one) => one.responseStatus === 503 && one.eventType === 'type.1',
  ],
  ['with_msg=true&with_content=true&status=0', accepted],
];

const ofDeliveries: Filter[] = [
  ['status=0', ({ state }) => state === 'succeeded'],
  ['status=1', ({ state }) => state === 'pending'],
  ['status=2&channel=c2', ({ state, channel }) => state === 'exhausted' && channel === 'c2'],
  ['status=3', ({ state }) => state === 'retrying'],
  ['status=4', ({ state }) => state === 'cancelled'],
  ['status=0&expanded_statuses=false', ({ state }) => state === 'succeeded' || state === 'cancelled'],
  ['status=4&expanded_statuses=false', ({ state }) => state === 'cancelled'],
];

describe('attempts of an endpoint', () => {
  it.each([...common, ...ofAttempts])('under "%s"', async (query, fits) => {
    const expected = samples.filter(fits).map(({ attempt }) => attempt);
    expect(await walk(`/attempt/endpoint/${endpoint}`, query)).toEqual({ there: expected, back: expected });
  });
});

describe('messages of an endpoint', () => {
  it.each([...common, ...ofDeliveries])('under "%s"', async (query, fits) => {
    const expected = samples.filter(fits).map(({ message }) => message);
    expect(await walk(`/endpoint/${endpoint}/msg`, query)).toEqual({ there: expected, back: expected });
  });
});
