import type { Handshake, Provider } from '../provider/provider.ts';

/** The first event of a subscription asks for its own code, and takes no other status than 200. */
const validation: Handshake = {
  on: 'verified',
  async answer(request) {
    if (request.header('aeg-event-type') !== 'SubscriptionValidation') return undefined;
    const code = request.value('body:0.data.validationCode');
    if (code === undefined) return undefined;
    const body = JSON.stringify({ validationResponse: code });
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  },
};

/** CloudEvents ask with OPTIONS, as their webhook specification says (section 4). */
const permission: Handshake = {
  on: 'verified',
  async answer(request) {
    const origin = request.method === 'OPTIONS' ? request.header('webhook-request-origin') : undefined;
    if (origin === undefined || !/^[A-Za-z0-9.:-]{1,253}$/.test(origin)) return undefined;
    const rate = request.header('webhook-request-rate');
    return {
      status: 200,
      headers: {
        'webhook-allowed-origin': origin,
        ...(rate !== undefined && /^\d{1,9}$/.test(rate) ? { 'webhook-allowed-rate': rate } : {}),
      },
      body: '',
    };
  },
};

export const azureEventGrid: Provider<'azure-event-grid'> = {
  name: 'azure-event-grid',
  title: 'Azure Event Grid',
  docs: 'https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema',
  grade: 'A',
  secret: { name: 'the value of `code` in the query of the endpoint URL', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'query:code' }],
  handshakes: [validation, permission],
  event: {
    batch: 'body:',
    type: { first: ['item:eventType', 'item:type', 'body:type'] },
    id: { first: ['item:id', 'body:id'] },
    time: { at: { first: ['item:eventTime', 'item:time', 'body:time'] }, unit: 'rfc3339' },
    order: { first: ['item:subject', 'body:subject'] },
  },
  retry: { retries: true, timeoutSeconds: 30, spanSeconds: 86_400 },
  answer: { status: 200 },
};
