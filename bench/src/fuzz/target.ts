// What the fuzzer calls: the readers of headers and requests that strangers send. Whatever they get, they answer: a throw
// is a finding, and so is a request that is taken for right under a secret that nobody knows.
import { decodeMessage } from '@posthorn/webhooks/cloudevents';
import { importMessageKey, verifyMessage } from '@posthorn/webhooks/http-signatures';
import type { MessageKey } from '@posthorn/webhooks/http-signatures';
import { diagnoseRefusal, readEvents, verifyRequest } from '@posthorn/webhooks/provider';
import type { ReceivedRequest } from '@posthorn/webhooks/provider';
import { readHttpRequest } from '../../../packages/posthorn/dist/cli/http-request.js';
import { judgeHandshakes, judgeReceiver, judgeStructuredField, judgeToken } from './answers.ts';
import { InputReader, writeInput } from './input.ts';
import { readPlanted } from './planted.ts';
import type { PlantedName } from './planted.ts';
import { fuzzedRows, fuzzNowMs } from './rows.ts';
import type { FuzzedRow } from './rows.ts';

const kinds = [
  'http-request',
  'http-signature',
  'cloudevent',
  'provider',
  'token',
  'structured-field',
  'handshake',
  'receiver',
  'planted',
  'provider',
] as const;
// One refusal in so many is also explained: that takes up to a hundred verifications.
const explainedEvery = 64;
const eventTypes = ['application/cloudevents+json', 'application/cloudevents-batch+json'];

export interface Target {
  run(input: Uint8Array): Promise<void>;
  /** Which of the readers it is for. */
  kindOf(input: Uint8Array): string;
  seeds: readonly Uint8Array[];
  /** Texts that mean something to the parsers. */
  words: readonly string[];
}

export async function createTarget(planted?: PlantedName): Promise<Target> {
  const rows = await fuzzedRows();
  const key = await importMessageKey('hmac-sha256', 'verify', Buffer.alloc(32, 9).toString('base64'));
  return {
    kindOf: (input) => kinds[(input[0] ?? 0) % kinds.length] ?? 'provider',
    async run(input) {
      const reader = new InputReader(input);
      const kind = kinds[reader.byte() % kinds.length] ?? 'provider';
      if (kind === 'http-request') judgeHttpRequest(reader.rest());
      else if (kind === 'http-signature') await judgeSignature(reader, key);
      else if (kind === 'cloudevent') judgeCloudEvent(reader);
      else if (kind === 'token') await judgeToken(reader.text());
      else if (kind === 'structured-field') judgeStructuredField(reader.text());
      else if (kind === 'planted') judgePlanted(reader, planted);
      else await judgeRow(kind, reader, rows);
    },
    seeds: [
      ...otherSeeds,
      ...rows.flatMap((row, index) => row.seeds.map((seed) => rowSeed(3, { row, index, seed }))),
      ...rows.flatMap((row, index) => row.seeds.slice(0, 1).map((seed) => rowSeed(6, { row, index, seed }))),
      ...rows.flatMap((row, index) => row.seeds.slice(0, 1).map((seed) => rowSeed(7, { row, index, seed }))),
    ],
    words: [...new Set([...syntax, ...rows.flatMap(({ headers }) => headers)])],
  };
}

function judgeHttpRequest(bytes: Uint8Array): void {
  const read = readHttpRequest(Buffer.from(bytes));
  if (read.ok && read.request.body.length > bytes.length) throw new Error('more was read than was there');
}

async function judgeSignature(reader: InputReader, key: MessageKey): Promise<void> {
  const headers = {
    'signature-input': reader.text(),
    signature: reader.text(),
    'content-digest': reader.text(),
    'x-other': reader.text(),
  };
  const message = {
    method: 'POST',
    url: `https://example.com/${reader.text()}`,
    headers,
    body: reader.rest(),
  };
  const verdict = await verifyMessage(message, { keyFor: () => key, required: [], now: () => fuzzNowMs });
  if (verdict.ok) throw new Error('a signature of an HTTP message was forged');
}

function judgeCloudEvent(reader: InputReader): void {
  const contentTypes = [...eventTypes, reader.text()];
  const headers = {
    'content-type': contentTypes[reader.byte() % contentTypes.length] ?? '',
    'ce-id': reader.text(),
    'ce-source': reader.text(),
    'ce-type': reader.text(),
    'ce-specversion': '1.0',
    [`ce-${reader.text()}`]: reader.text(),
  };
  const decoded = decodeMessage({ headers, body: reader.rest() });
  if (decoded.ok && decoded.events.some(({ id }) => id === ''))
    throw new Error('an event without an id was read');
}

function judgePlanted(reader: InputReader, planted: PlantedName | undefined): void {
  if (planted !== undefined && readPlanted(planted, reader)) throw new Error('what was planted was forged');
}

async function judgeRow(
  kind: 'provider' | 'handshake' | 'receiver',
  reader: InputReader,
  rows: readonly FuzzedRow[],
): Promise<void> {
  const row = rows[reader.byte() % rows.length];
  if (row === undefined) return;
  const mode = reader.byte();
  const request = readRequest(reader, row, mode);
  if (kind === 'handshake') await judgeHandshakes(row, request);
  else if (kind === 'receiver') await judgeReceiver(row, request);
  else await judgeProvider(row, request, { mode, rows });
}

const methods = ['POST', 'GET', 'OPTIONS', 'HEAD'] as const;

/** The lower two bits of the mode are for others. */
function readRequest(reader: InputReader, row: FuzzedRow, mode: number): ReceivedRequest {
  const url = `https://example.com/${reader.text()}`;
  const headers: Record<string, string> = { 'content-type': reader.text() };
  for (const name of row.headers) {
    const value = reader.text();
    if (value !== '') headers[name] = value;
  }
  const method = methods[(mode >> 2) % methods.length] ?? 'POST';
  return { method, url, headers, body: reader.rest() };
}

async function judgeProvider(
  row: FuzzedRow,
  request: ReceivedRequest,
  { mode, rows }: { mode: number; rows: readonly FuzzedRow[] },
): Promise<void> {
  const isUnknown = mode % 2 === 1;
  const options = {
    secrets: isUnknown ? row.unknownSecret : row.secret,
    settings: row.settings,
    now: () => fuzzNowMs,
    fetchText: row.fetchText,
  };
  const verdict = await verifyRequest(row.provider, request, options);
  // Where the provider's own keys verify, nothing here was signed.
  const isForged = isUnknown || row.provider.secret.madeBy === 'nobody';
  if (verdict.ok && isForged) throw new Error(`a request of ${row.provider.name} was forged`);
  readEvents(row.provider, request);
  if (verdict.ok || mode % explainedEvery !== 0) return;
  await diagnoseRefusal(
    row.provider,
    request,
    { ...options, others: rows.map(({ provider }) => provider) },
    verdict,
  );
}

function rowSeed(
  kind: number,
  { row, index, seed }: { row: FuzzedRow; index: number; seed: FuzzedRow['seeds'][number] },
): Uint8Array {
  const { pathname, search } = new URL(seed.url);
  const values = row.headers.map((name) => seed.headers[name] ?? '');
  const contentType = seed.headers['content-type'] ?? '';
  return writeInput([kind, index, 0, (pathname + search).slice(1), contentType, ...values, seed.body]);
}

const text = (value: string) => Buffer.from(value);
const otherSeeds: readonly Uint8Array[] = [
  writeInput([
    4,
    'eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDB9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ]),
  writeInput([5, 'a=1, b="x";y, c=(1.5 ?0 tok :YQ==: @5);z=-2.25, d']),
  writeInput([8, text('sha256=f00c')]),
  writeInput([0, text('POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nhi')]),
  writeInput([0, text('GET http://a/b HTTP/1.0\nx: y\nx:  z \n\n')]),
  writeInput([
    1,
    'sig1=("@method" "@path" "@query" "x-other";key="a" "content-digest");created=1700000000;keyid="k";alg="hmac-sha256"',
    'sig1=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:',
    'sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:',
    'a=1, b="x";y, c=(1.5 ?0 tok :YQ==: @5)',
    '?q=1',
    text('{}'),
  ]),
  writeInput([
    2,
    '',
    0,
    'i',
    '/s',
    't',
    'x',
    'y',
    text('{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"AA=="}'),
  ]),
  writeInput([
    2,
    '',
    1,
    'i',
    '/s',
    't',
    'x',
    'y',
    text('[{"specversion":"1.0","id":"1","source":"/a","type":"t","x":1,"data":null}]'),
  ]),
  writeInput([2, 'text/plain', 2, '1', '/s', 't%20%E2%82%AC', 'x', '"a\\"b"', text('data')]),
];

const syntax: readonly string[] = [
  'sha256=',
  'sha1=',
  't=',
  'v1=',
  'v0=',
  'v1,',
  ',',
  ';',
  '=',
  '.',
  ':',
  '"',
  '\\',
  '%',
  '%2',
  '%C0%A0',
  '&',
  '(',
  ')',
  '@',
  '?1',
  '-',
  '1700000000',
  '99999999999999999999',
  '-1',
  '1e3',
  '0',
  'NaN',
  'null',
  'true',
  '{',
  '}',
  '[',
  ']',
  '{"',
  '"}',
  '\\u0000',
  '__proto__',
  'constructor',
  'length',
  '\r\n',
  '\n',
  '\0',
  '\ufffd',
  'eyJhbGciOiJub25lIn0',
  'Bearer ',
  'Basic ',
  'AAAA',
  '====',
  'https://',
  '../',
  '//',
  '::',
  '2023-11-14T22:13:20Z',
];
