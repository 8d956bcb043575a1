// What rows may say beyond a template: content and keys that are computed, signatures in the body, headers of one's choice.
import { createHmac, createSign } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Provider, Scheme } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { genericHmac } from '../../src/providers/generic-hmac.ts';
import { MissingContent } from '../../src/provider/content.ts';
import { ProviderRequest } from '../../src/provider/request.ts';
import { refuse } from '../../src/verdict.ts';
import { publicPem, rsaKeys } from '../support/provider-keys.ts';

const secret = 'a-secret-of-the-engine';
const nowMs = 1_700_000_000_000;
const mac = (content: string) => createHmac('sha256', secret).update(content).digest('hex');

function rowOf(scheme: Scheme, more: Partial<Provider> = {}): Provider {
  return {
    name: 'row',
    title: 'Row',
    docs: 'https://example.com/',
    grade: 'A',
    secret: { name: 'secret', madeBy: 'you' },
    schemes: [scheme],
    event: { type: 'body:type' },
    retry: { retries: false },
    ...more,
  };
}

const hmac = { kind: 'signature', algorithm: 'hmac-sha256', key: 'text' } as const;

it('tries each content that a function makes, and signs the first', async () => {
  const row = rowOf({
    ...hmac,
    signature: { at: 'header:x-signature', encoding: 'hex' },
    content: (request) => [`first:${request.text()}`, `second:${request.text()}`],
  });
  const draft = await signRequest(row, { secret, body: '{}' });
  expect(draft.headers['x-signature']).toBe(mac('first:{}'));
  for (const [name, ok] of Object.entries({ first: true, second: true, third: false })) {
    const headers = { 'x-signature': mac(`${name}:{}`) };
    expect(await verifyRequest(row, { headers, body: '{}' }, { secrets: secret })).toMatchObject({ ok });
  }
});

it('says what a function misses in the request', async () => {
  const row = rowOf({
    ...hmac,
    signature: { at: 'header:x-signature', encoding: 'hex' },
    content(request) {
      if (request.url === undefined) throw new MissingContent('url');
      return [request.url];
    },
  });
  const received = { headers: { 'x-signature': mac('https://example.com/') }, body: '' };
  const verdict = await verifyRequest(row, received, { secrets: secret });
  expect(verdict).toMatchObject({ ok: false, reason: 'missing-context' });
  const withUrl = { ...received, url: 'https://example.com/' };
  expect(await verifyRequest(row, withUrl, { secrets: secret })).toMatchObject({ ok: true });
});

it('keeps the pairs that a caller gave beside the signature', async () => {
  const row = rowOf({
    ...hmac,
    signature: {
      at: 'header:x-signature',
      separator: ',',
      pairs: { separator: '=', take: 's' },
      encoding: 'hex',
    },
    content: '{pair:env}.{timestamp}',
    timestamp: { at: 'pair:t', unit: 'seconds', toleranceSeconds: 60 },
  });
  const draft = await signRequest(row, { secret, body: '', nowMs, headers: { 'X-Signature': 'env=live' } });
  expect(draft.headers['x-signature']).toBe(`env=live,t=1700000000,s=${mac('live.1700000000')}`);
  expect(await verifyRequest(row, draft, { secrets: secret, now: () => nowMs })).toMatchObject({ ok: true });
});

it('writes a signature and its time into a JSON body, a form and the query', async () => {
  const body = rowOf({
    ...hmac,
    signature: { at: 'body:signed.by', encoding: 'hex' },
    content: '{timestamp}',
    timestamp: { at: 'body:signed.at', unit: 'seconds', toleranceSeconds: 60 },
  });
  const drawn = await signRequest(body, { secret, body: '{"a":1}', nowMs });
  expect(JSON.parse(Buffer.from(drawn.body).toString())).toEqual({
    a: 1,
    signed: { at: '1700000000', by: mac('1700000000') },
  });
  const form = rowOf({ ...hmac, signature: { at: 'form:sig', encoding: 'hex' }, content: '{form:a}' });
  const filled = await signRequest(form, { secret, body: 'a=1' });
  expect(Buffer.from(filled.body).toString()).toBe(`a=1&sig=${mac('1')}`);
  const query = rowOf({ ...hmac, signature: { at: 'query:sig', encoding: 'hex' }, content: '{body}' });
  const called = await signRequest(query, { secret, body: 'b' });
  expect(called.url).toBe(`https://example.com/?sig=${mac('b')}`);
});

const published = (keys: () => Promise<readonly string[]>): Provider =>
  rowOf(
    {
      kind: 'signature',
      algorithm: 'rsa-sha256',
      key: 'spki',
      signature: { at: 'header:x-signature', encoding: 'base64' },
      content: '{body}',
      keys,
    },
    { secret: { name: 'none', madeBy: 'nobody' } },
  );
const byRsa = {
  headers: { 'x-signature': createSign('sha256').update('b').sign(rsaKeys.privateKey, 'base64') },
  body: 'b',
};

it('verifies with published keys without any secret', async () => {
  const row = published(async () => [publicPem(rsaKeys)]);
  expect(await verifyRequest(row, byRsa, { secrets: [] })).toMatchObject({ ok: true });
  expect(await verifyRequest(row, { ...byRsa, body: 'c' }, { secrets: [] })).toMatchObject({
    ok: false,
    reason: 'mismatch',
  });
});

it('says when the keys cannot be read, or are none of its own', async () => {
  const refused = rowOf({
    kind: 'signature',
    algorithm: 'rsa-sha256',
    key: 'spki',
    signature: { at: 'header:x-signature', encoding: 'base64' },
    content: '{body}',
    keys: async () => refuse('unknown-key', 'another host'),
  });
  expect(await verifyRequest(refused, byRsa, { secrets: secret })).toMatchObject({ reason: 'unknown-key' });
  const broken = published(() => Promise.reject(new TypeError('a bug')));
  await expect(verifyRequest(broken, byRsa, { secrets: [] })).rejects.toThrow('a bug');
});

it('reads a token from the header that a setting names', async () => {
  const row = rowOf(
    { kind: 'token', at: 'header:authorization', headerSetting: 'header' },
    { settings: [{ name: 'header', help: 'the header', optional: true }] },
  );
  const settings = { header: 'X-Own' };
  const own = await signRequest(row, { secret, body: '', settings });
  expect(own.headers['x-own']).toBe(secret);
  expect(await verifyRequest(row, own, { secrets: secret, settings })).toMatchObject({ ok: true });
  expect(await verifyRequest(row, own, { secrets: secret })).toMatchObject({
    reason: 'missing-header',
    detail: 'authorization is missing',
  });
});

it('reads a token from the place that a setting names, and from no other', async () => {
  const row = rowOf(
    { kind: 'token', at: 'header:authorization', placeSetting: 'place' },
    { settings: [{ name: 'place', help: 'the place', optional: true }] },
  );
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const requests = {
    'header:X-Own': { headers: { 'x-own': secret }, body: '' },
    'query:token': { headers: {}, body: '', url: `https://example.com/in?token=${secret}` },
    'payload:token': { headers: {}, body: JSON.stringify({ token: secret }) },
    'payload:a.token': { headers: {}, body: JSON.stringify({ a: { token: secret } }) },
    'payload:form': { headers: form, body: `form=${secret}` },
    // What is no place stands for none.
    [`const:${secret}`]: { headers: { authorization: secret }, body: '' },
  };
  for (const [place, request] of Object.entries(requests)) {
    const verdicts = await Promise.all(
      Object.values(requests).map((each) =>
        verifyRequest(row, each, { secrets: secret, settings: { place } }),
      ),
    );
    const accepted = Object.values(requests).filter((_, index) => verdicts[index]?.ok);
    expect(accepted, place).toEqual([request]);
  }
});

it('tries each of several signatures of any sender, with a prefix or without', async () => {
  const settings = { header: 'X-Signature' };
  const body = '{"a":1}';
  const signature = createHmac('sha256', secret).update(body).digest();
  const [hex, base64] = [signature.toString('hex'), signature.toString('base64')];
  const judged = async (sent: string, changed: Record<string, string> = {}) => {
    const request = { headers: { 'x-signature': sent }, body };
    const options = { secrets: secret, settings: { ...settings, ...changed } };
    return verifyRequest(genericHmac, request, options);
  };
  for (const right of [hex, `sha256=${hex}`, base64, `sha256=00,sha256=${hex}`]) {
    expect(await judged(right), right).toMatchObject({ ok: true });
  }
  for (const wrong of ['00', `sha1=${hex}`, `sha256=sha256=${hex}`, `${'x,'.repeat(16)}${hex}`]) {
    expect(await judged(wrong), wrong).toMatchObject({ reason: 'mismatch' });
  }
  expect(await judged(hex, { algorithm: 'sha1' })).toMatchObject({ reason: 'mismatch' });
  expect(await judged(hex, { algorithm: 'none' })).toMatchObject({ reason: 'misconfigured' });
  expect(await judged(hex, { header: '' })).toMatchObject({ reason: 'misconfigured' });
});

it('reads events that a function finds, and the type that is the name of a key', () => {
  const row = rowOf(
    { kind: 'unsigned', advice: 'none' },
    {
      event: {
        batch: (request) => request.text()?.split('|'),
        type: (request, item) => (item === request.text() ? undefined : String(item)),
        id: { all: ['const:only', 'header:x-missing'], join: '.' },
      },
    },
  );
  expect(readEvents(row, { headers: {}, body: 'a|b' })).toEqual([
    { type: 'a', payload: 'a' },
    { type: 'b', payload: 'b' },
  ]);
  expect(readEvents(row, { headers: {}, body: 'a' })).toEqual([{ type: 'unknown', payload: 'a' }]);
});

it('reads no form with more fields than any provider sends', () => {
  const row = rowOf({ kind: 'unsigned', advice: 'none' }, { event: { type: 'form:last' } });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const typeOf = (fields: number) =>
    readEvents(row, { headers, body: `${'a=1&'.repeat(fields - 1)}last=yes` })[0]?.type;
  expect(typeOf(2_000)).toBe('yes');
  expect(typeOf(2_001)).toBe('unknown');
});

it('reads times with a fraction', () => {
  const row = rowOf(
    { kind: 'unsigned', advice: 'none' },
    { event: { type: 'body:type', time: { at: 'body:at', unit: 'seconds' } } },
  );
  const timeOf = (at: unknown) =>
    readEvents(row, { headers: {}, body: JSON.stringify({ at }) })[0]?.timeSeconds;
  expect([1529006854.329574, '1.5', '1.', '.5', '1.5.5', '1e3'].map(timeOf)).toEqual([
    1529006854.329574,
    1.5,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

it('reads every value of a header, in whatever case its name comes, and none when there is too much of it', () => {
  const values = (headers: Readonly<Record<string, string | readonly string[] | undefined>>) =>
    new ProviderRequest({ headers }, new Uint8Array()).headerValues('x-a');
  expect(values({ 'X-A': '1', 'x-b': '2', 'x-a': ['3', '4'], 'X-a': undefined })).toEqual(['1', '3', '4']);
  expect(values({ 'x-aa': '1', x: '2' })).toEqual([]);
  expect(values({ 'x-a': 'y'.repeat(8_192) })).toHaveLength(1);
  expect(values({ 'x-a': 'y'.repeat(8_193) })).toEqual([]);
  expect(values({ 'X-A': ['1', 'y'.repeat(8_193)] })).toEqual([]);
  expect(values({ 'x-a': Array<string>(128).fill('1') })).toHaveLength(128);
  expect(values({ 'x-a': Array<string>(129).fill('1') })).toEqual([]);
  expect(values({ 'x-a': Array<string>(100).fill('1'), 'X-A': Array<string>(29).fill('1') })).toEqual([]);
});
