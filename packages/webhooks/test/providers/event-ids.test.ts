// An id that two events share makes the second one a copy of the first, and nobody ever hears of it.
import { describe, expect, it } from 'vitest';
import type { ConditionalField, IdField } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { providers } from '../../src/providers/all.ts';

/** The parts that are joined although one of them may be missing. */
function joinedInPart(field: IdField | ConditionalField | undefined): readonly string[] {
  if (field === undefined || typeof field === 'string') return [];
  if ('when' in field) return joinedInPart(field.take);
  if ('first' in field) return field.first.flatMap(joinedInPart);
  const own = field.complete === true ? [] : [JSON.stringify(field.all)];
  return [...own, ...field.all.flatMap(joinedInPart)];
}

function idsOf(name: string, bodies: readonly unknown[]): (string | undefined)[] {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`there is no row ${name}`);
  return bodies.map((body) => {
    const isForm = body instanceof URLSearchParams;
    const headers = { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' };
    const text = isForm ? body.toString() : JSON.stringify(body);
    const [event] = readEvents(provider, { method: 'POST', headers, body: text });
    return event?.id;
  });
}

const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams(fields);
const mandrillForm = (event: unknown) => form({ mandrill_events: JSON.stringify([event]) });

describe('the id of an event', () => {
  it.each([...providers.values()].map((row) => [row.name, row] as const))(
    'is never made of what is left of one: %s',
    (_, { event }) => {
      expect(joinedInPart(event.id)).toEqual([]);
    },
  );

  it.each<[string, string, unknown, unknown]>([
    [
      'vonage',
      'calls that were answered',
      { uuid: 'call-1', status: 'answered' },
      { uuid: 'call-2', status: 'answered' },
    ],
    [
      'vonage',
      'digits of one call',
      { uuid: 'c', dtmf: { digits: '1' } },
      { uuid: 'c', dtmf: { digits: '2' } },
    ],
    [
      'bird',
      'conversations',
      { type: 'conversation.created', conversation: { id: 'a' } },
      { type: 'conversation.created', conversation: { id: 'b' } },
    ],
    [
      'freshchat',
      'conversations that were resolved',
      { action: 'conversation_resolution', data: { resolve: { conversation: { conversation_id: 'a' } } } },
      { action: 'conversation_resolution', data: { resolve: { conversation: { conversation_id: 'b' } } } },
    ],
    [
      'mandrill',
      'mails that came in within a second',
      mandrillForm({ event: 'inbound', ts: 1, msg: { email: 'a@example.com' } }),
      mandrillForm({ event: 'inbound', ts: 1, msg: { email: 'b@example.com' } }),
    ],
    [
      'mandrill',
      'addresses that were rejected within a second',
      mandrillForm({ type: 'blacklist', action: 'add', ts: 1, reject: { email: 'a@example.com' } }),
      mandrillForm({ type: 'blacklist', action: 'add', ts: 1, reject: { email: 'b@example.com' } }),
    ],
    [
      'postmark',
      'bounces of one message',
      { RecordType: 'Bounce', ID: 1, MessageID: 'm', Email: 'a@example.com' },
      { RecordType: 'Bounce', ID: 2, MessageID: 'm', Email: 'b@example.com' },
    ],
    [
      'postmark',
      'a suppression and its end',
      {
        RecordType: 'SubscriptionChange',
        MessageID: null,
        Recipient: 'a',
        ChangedAt: '2020-02-01T10:53:34Z',
      },
      {
        RecordType: 'SubscriptionChange',
        MessageID: null,
        Recipient: 'a',
        ChangedAt: '2020-02-02T10:53:34Z',
      },
    ],
    [
      'brevo',
      'recipients of one message',
      { event: 'delivered', 'message-id': 'm', id: 1, ts_event: 1, email: 'a@example.com' },
      { event: 'delivered', 'message-id': 'm', id: 1, ts_event: 1, email: 'b@example.com' },
    ],
    [
      'mailchannels',
      'recipients of one request',
      [{ event: 'delivered', request_id: 'r', timestamp: 1, recipients: ['a@example.com'] }],
      [{ event: 'delivered', request_id: 'r', timestamp: 1, recipients: ['b@example.com'] }],
    ],
    [
      'mailgun',
      'recipients of a message that came in',
      form({ 'Message-Id': 'm', recipient: 'a@example.com' }),
      form({ 'Message-Id': 'm', recipient: 'b@example.com' }),
    ],
    [
      'mailgun',
      'what became of one message',
      form({ event: 'delivered', 'Message-Id': 'm', recipient: 'a@example.com', timestamp: '1' }),
      form({ event: 'opened', 'Message-Id': 'm', recipient: 'a@example.com', timestamp: '2' }),
    ],
    [
      'pipedrive',
      'changes of one deal, in version 1',
      { event: 'updated.deal', meta: { id: 5, timestamp_micro: 1 } },
      { event: 'updated.deal', meta: { id: 5, timestamp_micro: 2 } },
    ],
    [
      'plivo',
      'questions in one call',
      form({ CallUUID: 'c', Event: 'Redirect', CallStatus: 'in-progress', Digits: '1' }),
      form({ CallUUID: 'c', Event: 'Redirect', CallStatus: 'in-progress', Digits: '2' }),
    ],
    [
      'meta',
      'a message and its end',
      { object: 'instagram', entry: [{ id: '1', messaging: [{ message: { mid: 'm', text: 'hi' } }] }] },
      { object: 'instagram', entry: [{ id: '1', messaging: [{ message: { mid: 'm', is_deleted: true } }] }] },
    ],
    [
      'figma',
      'comments within a second',
      { webhook_id: '1', event_type: 'FILE_COMMENT', file_key: 'f', timestamp: 't', comment_id: '1' },
      { webhook_id: '1', event_type: 'FILE_COMMENT', file_key: 'f', timestamp: 't', comment_id: '2' },
    ],
    [
      'microsoft-teams',
      'messages of two conversations within a millisecond',
      { type: 'message', id: '1', conversation: { id: 'a' } },
      { type: 'message', id: '1', conversation: { id: 'b' } },
    ],
    [
      'travis-ci',
      'a build and its repetition',
      form({ payload: JSON.stringify({ id: 1, state: 'passed', finished_at: '2023-11-14T22:13:20Z' }) }),
      form({ payload: JSON.stringify({ id: 1, state: 'passed', finished_at: '2023-11-14T23:13:20Z' }) }),
    ],
    [
      'gumroad',
      'ends of one subscription',
      form({ resource_name: 'subscription_ended', subscription_id: '1' }),
      form({ resource_name: 'subscription_ended', subscription_id: '1' }),
    ],
  ])('differs: %s, %s', (name, _, first, second) => {
    const [one, two] = idsOf(name, [first, second]);
    expect(one === undefined || one !== two, `both have the id ${one}`).toBe(true);
  });

  it('is still the same when it comes again', () => {
    const again = (name: string, body: unknown) => {
      const [one, two] = idsOf(name, [body, body]);
      expect(one).toBe(two);
      return one;
    };
    expect(again('vonage', { uuid: 'c', status: 'answered' })).toBe('c:answered');
    expect(again('vonage', { message_uuid: 'm', text: 'hi' })).toBe('m');
    expect(again('postmark', { RecordType: 'Bounce', ID: 1, MessageID: 'm' })).toBe('Bounce:1');
    expect(again('postmark', { MessageID: 'm', From: 'a@example.com' })).toBe('m');
    expect(again('plivo', form({ CallUUID: 'c', Event: 'Hangup', CallStatus: 'completed' }))).toBe(
      'c:Hangup:completed',
    );
    expect(again('pipedrive', { meta: { id: 'u', entity_id: 5 } })).toBe('u');
  });
});
