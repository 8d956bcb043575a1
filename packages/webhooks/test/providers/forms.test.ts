// Bodies that are forms, and batches within batches: what is read of them, and what is not.
import { expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { auth0 } from '../../src/providers/auth0.ts';
import { github } from '../../src/providers/github.ts';
import { slack } from '../../src/providers/slack.ts';

const formType = { 'content-type': 'application/x-www-form-urlencoded' };

function providerWith(event: Provider['event'], jsonField?: string): Provider {
  return { ...github, event, ...(jsonField === undefined ? {} : { jsonField }) };
}

function multipart(parts: readonly string[], boundary = 'b0undary') {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('');
  return {
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    body: `${body}--${boundary}--\r\n`,
  };
}

it('reads the JSON in the field of a form', () => {
  const body = new URLSearchParams({ payload: '{"action":"opened","number":1}' }).toString();
  const headers = { ...formType, 'x-github-event': 'pull_request' };
  expect(readEvents(github, { headers, body })).toEqual([
    { type: 'pull_request.opened', payload: { action: 'opened', number: 1 } },
  ]);
});

it('reads the fields of a form that has no such field', () => {
  const body = 'command=%2Fdeploy&trigger_id=13345224609.738474920.8088930838d88f008e0';
  expect(readEvents(slack, { headers: formType, body })).toEqual([
    {
      type: '/deploy',
      id: '13345224609.738474920.8088930838d88f008e0',
      payload: { command: '/deploy', trigger_id: '13345224609.738474920.8088930838d88f008e0' },
    },
  ]);
});

it('reads the JSON in the field of a multipart form', () => {
  const received = multipart([
    'Content-Disposition: form-data; name="id"\r\n\r\n7',
    'Content-Type: application/json\r\ncontent-disposition: form-data; name="json"\r\n\r\n{"type":\r\n"paid"}',
  ]);
  expect(readEvents(providerWith({ type: 'body:type' }, 'json'), received)).toEqual([
    { type: 'paid', payload: { type: 'paid' } },
  ]);
});

it.each([
  ['no boundary', 'multipart/form-data'],
  ['another boundary', 'multipart/form-data; boundary=other'],
])('finds nothing in a multipart form with %s', (_, type) => {
  const received = multipart(['Content-Disposition: form-data; name="json"\r\n\r\n{}']);
  const provider = providerWith({ type: 'body:type' }, 'json');
  const events = readEvents(provider, { ...received, headers: { 'content-type': type } });
  expect(events).toEqual([{ type: 'unknown', payload: undefined }]);
});

it('reads a JSON body as it is, although forms hold it in a field', () => {
  const events = readEvents(providerWith({ type: 'body:type' }, 'payload'), {
    headers: { 'content-type': 'application/json' },
    body: '{"type":"paid"}',
  });
  expect(events).toEqual([{ type: 'paid', payload: { type: 'paid' } }]);
});

it('takes the first path that leads to an array', () => {
  const provider = providerWith({ type: 'item:type', batch: ['body:events', 'body:'] });
  const read = (body: unknown) => readEvents(provider, { headers: {}, body: JSON.stringify(body) });
  expect(read({ events: [{ type: 'a' }, { type: 'b' }] }).map(({ type }) => type)).toEqual(['a', 'b']);
  expect(read([{ type: 'c' }]).map(({ type }) => type)).toEqual(['c']);
  expect(read({ events: [] })).toEqual([]);
  expect(read({ type: 'one' })).toEqual([{ type: 'one', payload: { type: 'one' } }]);
});

it('makes an event of each of several in an item, with the rest of the item', () => {
  const provider = providerWith({
    type: 'item:change.entities.0.name',
    batch: 'body:notes',
    nested: ['item:change.entities', 'item:other'],
  });
  const entities = [{ name: 'Customer' }, { name: 'Invoice' }];
  const notes = [
    { realm: '1', change: { at: 5, entities } },
    { realm: '2', change: { entities: [] } },
    { realm: '3', other: [{}] },
  ];
  const events = readEvents(provider, { headers: {}, body: JSON.stringify({ notes }) });
  expect(events).toEqual([
    { type: 'Customer', payload: { realm: '1', change: { at: 5, entities: [{ name: 'Customer' }] } } },
    { type: 'Invoice', payload: { realm: '1', change: { at: 5, entities: [{ name: 'Invoice' }] } } },
    { type: 'unknown', payload: { realm: '2', change: { entities: [] } } },
    { type: 'unknown', payload: { realm: '3', other: [{}] } },
  ]);
});

it('bounds what a batch becomes', () => {
  const provider = providerWith({ type: 'item:type', batch: 'body:notes', nested: ['item:several'] });
  const several = Array.from({ length: 6_000 }, () => ({}));
  const wide = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key${index}`, 0]));
  const read = (notes: unknown[]) => readEvents(provider, { headers: {}, body: JSON.stringify({ notes }) });
  expect(read([{ several }])).toHaveLength(6_000);
  expect(read([{ ...wide, several }])).toHaveLength(1);
  const notes = [{ several }, { several }];
  expect(read(notes)).toEqual([{ type: 'unknown', payload: { notes }, isWholeBatch: true }]);
});

it('never leaves out what comes after ten thousand events', () => {
  const provider = providerWith({ type: 'item:type', batch: 'body:' });
  const many = (count: number) => Array.from({ length: count }, () => ({ type: 'a' }));
  const read = (body: unknown) => readEvents(provider, { headers: {}, body: JSON.stringify(body) });
  expect(read(many(10_000))).toEqual(many(10_000).map((payload) => ({ type: 'a', payload })));
  expect(read(many(10_001))).toEqual([{ type: 'unknown', payload: many(10_001), isWholeBatch: true }]);
  const lines = (count: number) => readEvents(auth0, { headers: {}, body: '{"type":"s"}\n\n'.repeat(count) });
  expect(lines(10_000)).toHaveLength(10_000);
  expect(lines(10_001)).toEqual([{ type: 'unknown', payload: undefined, isWholeBatch: true }]);
});
