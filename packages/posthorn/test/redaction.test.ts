// What is recorded of attempts holds no secret of the endpoint's configuration, in whatever form it comes back.
import { expect, test } from 'vitest';
import { createRedaction, secretTextsIn } from '../src/delivery/redaction.ts';

const token = 'SECRET/"token"é';
const config = {
  url: 'https://chat.test/hooks/T0PATH?k=QUERYKEY',
  headers: { a: `Bearer ${token}` },
  name: 'shown',
};
const redaction = createRedaction(secretTextsIn(config, ['url', 'headers']));

const bodyOf = (responseBody: Uint8Array, responseTruncated = false) =>
  redaction.result({
    outcome: { kind: 'rejected', status: 400 },
    durationMs: 1,
    responseTruncated,
    responseBody,
  }).responseBody;

test.each([
  ['as it stands', `got ${token}!`],
  ['in JSON', JSON.stringify({ got: token })],
  ['encoded', `?token=${encodeURIComponent(token)}`],
  ['part of a URL', 'POST /hooks/T0PATH'],
  ['the query of a URL', 'with ?k=QUERYKEY'],
])('a secret is left out: %s', (_what, text) => {
  for (const redacted of [redaction.text(text), String(bodyOf(Buffer.from(text)))]) {
    expect(redacted).toContain('***');
    expect(redacted).not.toMatch(/SECRET|token"é|T0PATH|QUERYKEY/);
  }
});

test('a secret is left out of a body that is no text, and the rest stays byte by byte', () => {
  const body = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(`${token}é`), Buffer.from([0xc3])]);
  const expected = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from('***é'), Buffer.from([0xc3])]);
  expect(bodyOf(body)).toEqual(expected);
});

test('the beginning of a secret is left out of a body that was cut there', () => {
  expect(String(bodyOf(Buffer.from('you sent Bearer SECRET/"to'), true))).toBe('you sent ***');
  expect(String(bodyOf(Buffer.from('you sent Bear'), true))).toBe('you sent Bear');
});
