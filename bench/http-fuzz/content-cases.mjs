// @ts-check
// What goes wrong within a well-formed request: sizes, compression, JSON, text, and what the headers of GitHub say.
import { gzipSync } from 'node:zlib';
import { chunked, githubHeaders, githubRequest, signature } from './requests.mjs';
import { noise, oneOf, upTo } from './ground.mjs';

/** @typedef {import('./ground.mjs').Case} Case */
/** @typedef {import('./ground.mjs').Ground} Ground */
/** @typedef {[string, string][]} Headers */

const mebibyte = 2 ** 20;
/** Of the door: what is larger is refused. */
export const bodyMaxBytes = mebibyte;
const bomb = gzipSync(Buffer.alloc(64 * mebibyte));

const contentTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'application/xml',
  '',
  'a',
  ';',
  'application/json; charset=utf-16',
  'application/json, text/html',
  'x/'.repeat(200),
  '\x80/\x80',
  'application/JSON',
];
const types = [
  '',
  ' ',
  '.',
  '..',
  'a/b',
  '\x80',
  'x'.repeat(3_000),
  '__proto__',
  'push\t',
  '*',
  '%',
  '${a}',
  '-',
  'issues,push',
];
const ids = [
  '',
  'x'.repeat(300),
  'x'.repeat(5_000),
  '\x80\xff',
  'a b',
  "'",
  '\\',
  '{}',
  'unverified:1',
  'sha256:1',
  '../..',
  '-1',
];

/** A valid signature, and the body with it. @param {Ground} ground @param {Buffer} body @param {Headers} [more] @returns {import('./ground.mjs').Made} */
const stored = ({ door, id }, body, more = []) => ({
  expected: 'stored',
  pieces: [githubRequest(door, id, { body, more })],
  body,
  patienceMs: 8_000,
});

export const deepTexts = [
  (/** @type {number} */ depth) => '['.repeat(depth) + ']'.repeat(depth),
  (/** @type {number} */ depth) => '{"action":'.repeat(depth) + '1' + '}'.repeat(depth),
  (/** @type {number} */ depth) => `{"action":${'['.repeat(depth)}`,
  (/** @type {number} */ depth) => '[{"a":'.repeat(depth) + '1' + '}]'.repeat(depth),
];
export const jsonTexts = [
  ' ',
  'null',
  'true',
  '0',
  '"x"',
  '[]',
  '{}',
  '{',
  '{"action":null}',
  '{"action":{}}',
  '{"action":[1]}',
  '{"action":1e400}',
  '{"action":"\\u0000"}',
  '{"action":"\\ud800"}',
  '{"action":"a","action":"b"}',
  '{"__proto__":{"action":"x"}}',
  '{"constructor":{"prototype":{"action":1}}}',
  '{"action":"../../x"}',
  `{"action":"${'x'.repeat(10_000)}"}`,
  '\ufeff{"action":"bom"}',
  '{"action":"x"} trailing',
  "{'action':'x'}",
  '{"a":1,}',
  'NaN',
  '-0',
  '123456789012345678901234567890',
  '1'.repeat(100_000),
];
export const rawBytes = [
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('7b22616374696f6e223a22ff227d', 'hex'),
  Buffer.from('\ufeff{"action":"x"}', 'utf16le'),
  Buffer.alloc(1_000),
  Buffer.from('{"action":"\xed\xa0\x80"}', 'latin1'),
  Buffer.from('c0af', 'hex'),
];

/** @type {Record<string, Case>} */
const contents = {
  'content: type': (ground) => {
    const { random, door, id } = ground;
    const body = Buffer.from(
      oneOf(random, [
        '{"action":"x"}',
        // Of a form with a field `payload`, that field is stored: here is none.
        'a=b&load={"a":1}',
        'load=%7B%7D',
        '<a/>',
        '--x\r\n\r\n1\r\n--x--',
      ]),
    );
    const headers = githubHeaders(door, id, body).filter(([name]) => name !== 'content-type');
    headers.push(['content-type', oneOf(random, contentTypes)]);
    return { expected: 'stored', pieces: [githubRequest(door, id, { body, headers })], body };
  },
  'content: compressed': (ground) =>
    stored(ground, ground.random() < 0.3 ? bomb : noise(ground.random, 1 + upTo(ground.random, 500)), [
      [
        'content-encoding',
        oneOf(ground.random, ['gzip', 'br', 'deflate', 'gzip, gzip', 'zstd', 'identity', 'x']),
      ],
    ]),
  'content: deep JSON': (ground) => {
    const depth = oneOf(ground.random, [100, 5_000, 50_000, 80_000]);
    return stored(ground, Buffer.from(oneOf(ground.random, deepTexts)(depth)));
  },
  'content: JSON': (ground) => stored(ground, Buffer.from(oneOf(ground.random, jsonTexts))),
  'content: bytes': (ground) =>
    stored(ground, oneOf(ground.random, [...rawBytes, noise(ground.random, 1 + upTo(ground.random, 2_000))])),
  'content: many members': (ground) => {
    const count = upTo(ground.random, 60_000);
    return stored(ground, Buffer.from(`{${Array.from({ length: count }, (_, n) => `"k${n}":${n}`).join()}}`));
  },
  'content: event': (ground) => {
    const { random, door, id } = ground;
    const body = Buffer.from('{}');
    const headers = githubHeaders(door, id, body).filter(([name]) => name !== 'x-github-event');
    headers.push(['x-github-event', oneOf(random, types)]);
    return { expected: 'stored', pieces: [githubRequest(door, id, { body, headers })], body };
  },
  'content: id': ({ random, door }) => {
    const body = Buffer.from(`{"n":${random()}}`);
    return { expected: 'any', pieces: [githubRequest(door, oneOf(random, ids), { body })] };
  },
  'content: signature': ({ random, door, id }) => {
    const body = Buffer.from('{}');
    const right = signature(door.secret, body);
    const wrong = oneOf(random, [
      '',
      'sha256=',
      'sha1=00',
      right.slice(0, -1),
      `${right}0`,
      right.slice(7),
      `sha256=${'\x80'.repeat(64)}`,
      `sha256=${'0'.repeat(64)}`,
      'sha256='.repeat(1_000),
      ' ',
      'sha256=zz',
    ]);
    const headers = githubHeaders(door, id, body).filter(([name]) => name !== 'x-hub-signature-256');
    headers.push(['x-hub-signature-256', wrong]);
    return { expected: 'refused', pieces: [githubRequest(door, id, { body, headers })] };
  },
};

/** @type {Record<string, Case>} */
const sizes = {
  'size: at the limit': (ground) => stored(ground, Buffer.alloc(bodyMaxBytes - upTo(ground.random, 2), 0x20)),
  'size: above the limit': ({ random, door, id }) => {
    const body = Buffer.alloc(bodyMaxBytes + 1 + upTo(random, 200_000), 0x20);
    return { expected: 'refused', pieces: [githubRequest(door, id, { body })] };
  },
  'size: announced': ({ random, door, id }) => {
    const length = String(oneOf(random, [bodyMaxBytes + 1, 2 ** 31, 2 ** 53, 10 ** 15]));
    return { expected: 'refused', pieces: [githubRequest(door, id, { length, body: noise(random, 100) })] };
  },
  'size: endless chunks': ({ random, door, id }) => {
    const draft = {
      headers: githubHeaders(door, id, Buffer.alloc(0)),
      more: /** @type {Headers} */ ([['transfer-encoding', 'chunked']]),
      length: undefined,
      body: Buffer.alloc(0),
    };
    const part = chunked(Buffer.alloc(200_000, 0x61), oneOf(random, [1_000, 65_536])).subarray(0, -5);
    return {
      expected: 'refused',
      pieces: [githubRequest(door, id, draft), ...Array.from({ length: 8 }, () => part)],
    };
  },
};

export const contentCases = { ...contents, ...sizes };
