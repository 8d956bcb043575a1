// @ts-check
// Where a request ends, said in ways that two readers may take for two things; and at which pace it comes.
import { body, inner, noise, oneOf, sent, upTo } from './ground.mjs';
import { chunked, crlf, githubHeaders, githubRequest } from './requests.mjs';

/** @typedef {import('./ground.mjs').Case} Case */

const lengths = [
  '-1',
  '+25',
  '0x19',
  '25 25',
  '25, 25',
  '25, 26',
  '2 5',
  '1e2',
  '25.0',
  '٢٥',
  '',
  ' ',
  '99999999999999999999',
  '9223372036854775808',
  '18446744073709551616',
  '4294967321',
  'NaN',
  '25\0',
  '25;a',
  '\x0b25',
];
const encodings = [
  'identity',
  'gzip',
  'chunked, identity',
  'chunked, chunked',
  'xchunked',
  'chunkedx',
  'chun\0ked',
  '\x0bchunked',
  'chunked\x0b',
  '"chunked"',
  'gzip, chunked',
  ', chunked',
  'chunked,',
  'CHUNKED ',
  '\r\n chunked',
  'chunked;q=1',
  '',
];
const encodingNames = [
  'transfer-encoding',
  'Transfer-Encoding ',
  ' transfer-encoding',
  'transfer_encoding',
  'transfer-encoding\t',
  'transfer-encoding\0',
  'TRANSFER-ENCODING',
];
const sizes = [
  '0x19',
  '-1',
  '+19',
  '19 ',
  ' 19',
  '19\t',
  'g',
  '',
  '00000000000000000019',
  'ffffffffffffffff',
  '10000000000000000',
  '7fffffff',
  '19\n',
  '19;',
  '19;\n',
  '19;a="\r\n',
  '19\0',
  '1 9',
];

/** Such a request ends where everybody thinks it does: what comes behind it is another one. */
const plainEncodings = new Set(['gzip, chunked', ', chunked', 'chunked,', 'CHUNKED ']);
const plainSizes = new Set(['00000000000000000019', '19;', '19 ', '19\t']);
const otherHeader = 'transfer_encoding';

/** @type {Record<string, Case>} */
const framings = {
  'framing: length': (ground) => {
    const { random, door, id } = ground;
    const length = oneOf(random, lengths);
    return sent('framing', githubRequest(door, id, { body, length }), inner(ground));
  },
  'framing: two lengths': (ground) => {
    const { random, door, id } = ground;
    const whole = inner(ground);
    const more = /** @type {[string, string][]} */ ([
      ['content-length', String(oneOf(random, [0, body.length + whole.length, body.length - 1, 1]))],
    ]);
    return sent('framing', githubRequest(door, id, { body, more }), whole);
  },
  'framing: length and chunks': (ground) => {
    const { random, door, id } = ground;
    const name = oneOf(random, encodingNames);
    const more = /** @type {[string, string][]} */ ([[name, oneOf(random, ['chunked', ...encodings])]]);
    const whole = inner(ground);
    const end = Buffer.from(`0${crlf}${crlf}`);
    const length = String(oneOf(random, [0, end.length, end.length + whole.length]));
    const draft = { headers: githubHeaders(door, id, Buffer.alloc(0)), more, length, body: end };
    return sent('framing', githubRequest(door, id, draft), ...(name === otherHeader ? [] : [whole]));
  },
  'framing: encoding': (ground) => {
    const { random, door, id } = ground;
    const encoding = oneOf(random, encodings);
    const more = /** @type {[string, string][]} */ ([['transfer-encoding', encoding]]);
    const isTwice = random() < 0.4;
    if (isTwice) more.push(['transfer-encoding', oneOf(random, [...encodings, 'chunked'])]);
    const isPlain = isTwice || plainEncodings.has(encoding);
    const draft = { headers: githubHeaders(door, id, body), more, length: undefined, body: chunked(body, 5) };
    return sent('framing', githubRequest(door, id, draft), ...(isPlain ? [] : [inner(ground)]));
  },
  'framing: chunk size': (ground) => {
    const { random, door, id } = ground;
    const size = oneOf(random, sizes);
    const wrong = `${size}${crlf}${body.toString()}${crlf}0${crlf}${crlf}`;
    const draft = {
      headers: githubHeaders(door, id, body),
      more: chunkedHeader,
      length: undefined,
      body: Buffer.from(wrong, 'latin1'),
    };
    return sent('framing', githubRequest(door, id, draft), ...(plainSizes.has(size) ? [] : [inner(ground)]));
  },
  'framing: end of a chunk': (ground) => {
    const { random, door, id } = ground;
    const end = oneOf(random, ['\n', '\r', '', '\r\r\n', 'x\r\n', '\n\r']);
    const wrong = `19${end}${body.toString()}${end}0${end}${end}`;
    const draft = {
      headers: githubHeaders(door, id, body),
      more: chunkedHeader,
      length: undefined,
      body: Buffer.from(wrong),
    };
    return sent('framing', githubRequest(door, id, draft), inner(ground));
  },
  'framing: chunks': ({ random, door, id }) => {
    const extension = oneOf(random, ['', ';a', ';a=b', ';a="b c"', `;${'x'.repeat(upTo(random, 30_000))}`]);
    const parts = chunked(body, 1 + upTo(random, body.length), extension);
    const draft = {
      headers: githubHeaders(door, id, body),
      more: chunkedHeader,
      length: undefined,
      body: parts,
    };
    const isPlain = extension === '';
    return { ...sent(isPlain ? 'stored' : 'any', githubRequest(door, id, draft)), body };
  },
  'framing: trailers': ({ random, door, id }) => {
    const trailer = oneOf(random, [
      'x-hub-signature-256: sha256=00',
      'content-length: 5',
      'transfer-encoding: chunked',
      'host: x',
      'a\0: b',
      ' folded',
      `x: ${'y'.repeat(40_000)}`,
    ]);
    const parts = Buffer.from(`19${crlf}${body.toString()}${crlf}0${crlf}${trailer}${crlf}${crlf}`, 'latin1');
    const draft = {
      headers: githubHeaders(door, id, body),
      more: chunkedHeader,
      length: undefined,
      body: parts,
    };
    return sent('any', githubRequest(door, id, draft));
  },
  'framing: too short': ({ random, door, id }) => {
    const length = String(body.length + 1 + upTo(random, 100));
    return {
      ...sent('refused', githubRequest(door, id, { body, length })),
      halfClose: random() < 0.5,
      patienceMs: 200,
    };
  },
};
const chunkedHeader = /** @type {[string, string][]} */ ([['transfer-encoding', 'chunked']]);

/** @type {Record<string, Case>} */
const paces = {
  'pace: pieces': ({ random, door, id }) => {
    const whole = githubRequest(door, id, { body });
    const size = 1 + upTo(random, 60);
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, n) =>
      whole.subarray(n * size, (n + 1) * size),
    );
    return { ...sent('stored', ...pieces), gapMs: 1, body, patienceMs: 5_000 };
  },
  'pace: a byte now and then': ({ random, door, id }) => {
    const whole = githubRequest(door, id, { body });
    const pieces = Array.from({ length: 40 }, (_, n) => whole.subarray(n, n + 1));
    return { ...sent('refused', ...pieces), gapMs: 20 + upTo(random, 80), patienceMs: 100 };
  },
  'pace: gone in the middle': ({ random, door, id }) => {
    const whole = githubRequest(door, id, { body: noise(random, 20_000) });
    return { ...sent('any', whole.subarray(0, upTo(random, whole.length))), abort: true };
  },
  'pace: gone before the answer': ({ door, id }) => ({
    ...sent('any', githubRequest(door, id, { body })),
    abort: true,
  }),
  'pace: in a row': ({ random, door, id }) => {
    const count = 1 + upTo(random, 30);
    const row = Array.from({ length: count }, (_, n) => githubRequest(door, `${id}-${n}`, { body }));
    return {
      ...sent('any', Buffer.concat(row), ...(random() < 0.5 ? [noise(random, 50)] : [])),
      patienceMs: 4_000,
    };
  },
  'pace: nothing': ({ random }) => ({ ...sent('any', ''), halfClose: random() < 0.5, patienceMs: 50 }),
};

export const framingCases = { ...framings, ...paces };
