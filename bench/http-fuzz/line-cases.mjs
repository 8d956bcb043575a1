// @ts-check
// Request lines and headers that are none, or strange ones.
import { body, listOf, noise, oneOf, sent, upTo } from './ground.mjs';
import { crlf, githubHeaders, githubRequest } from './requests.mjs';

/** @typedef {import('./ground.mjs').Case} Case */

const methods = [
  'post',
  'P OST',
  'POST\t',
  '',
  'BREW',
  'CONNECT',
  'TRACE',
  'PRI',
  'GET',
  'HEAD',
  'OPTIONS',
  'PROPFIND',
  'M-SEARCH',
  'QUERY',
  'PO\0ST',
  'é',
];
const versions = [
  'HTTP/0.9',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/9.9',
  'HTTP/1.1 ',
  'http/1.1',
  'HTTP/1,1',
  'HTTP/11',
  'ICE/1.0',
  '',
  'HTTP/1.1\0',
];
const tails = [
  '/',
  '//',
  '/..',
  '/../../etc/passwd',
  '%00',
  '%2e%2e',
  ';a=b',
  '?',
  '?a=1&a=2',
  '?%',
  '?%zz=%00',
  '#x',
  '?\xff\xfe',
  '\\',
  '/x',
  '?token=x&secret=%E0%A4%A',
];

/** @type {Record<string, Case>} */
const lines = {
  'line: method': ({ random, door, id }) => {
    const line = `${oneOf(random, methods)} ${door.path} HTTP/1.1`;
    return sent('any', githubRequest(door, id, { line, body }));
  },
  'line: version': ({ random, door, id }) => {
    const line = `POST ${door.path} ${oneOf(random, versions)}`;
    return sent('any', githubRequest(door, id, { line, body }));
  },
  'line: target': ({ random, door, id }) => {
    const target = oneOf(random, [
      door.path + oneOf(random, tails),
      `http://127.0.0.1${door.path}`,
      `http://user:pass@[::1]:99999${door.path}`,
      `//evil.example${door.path}`,
      `/x/..${door.path}`,
      door.path.toUpperCase(),
      `${door.path} ${door.path}`,
      '*',
      '/in/',
      '/in',
      `/in/${'A'.repeat(1 + upTo(random, 20_000))}`,
      `${door.path}?${'a'.repeat(upTo(random, 20_000))}`,
      `${door.path}?${'a=b&'.repeat(upTo(random, 3_000))}`,
      `${door.path}\0`,
      `${door.path}\x0b`,
    ]);
    return sent('any', githubRequest(door, id, { line: `POST ${target} HTTP/1.1`, body }));
  },
  'line: noise': ({ random }) => sent('refused', noise(random, 1 + upTo(random, 600)), crlf + crlf),
  'line: another protocol': ({ random }) =>
    sent(
      'refused',
      oneOf(random, [
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
        Buffer.from('16030100a5010000a10303', 'hex'),
        'SSH-2.0-OpenSSH_9.6\r\n',
        Buffer.from('0000000804d2162f', 'hex'),
        '\r\n\r\n\r\n\r\n',
        'GET\r\n\r\n',
        ' \r\n',
      ]),
    ),
  'line: end of line': ({ random, door, id }) => {
    const whole = githubRequest(door, id, { body }).toString('latin1');
    const end = oneOf(random, ['\n', '\r', '\r\r\n', '\n\r', '\0\r\n', ' \r\n']);
    return sent('any', whole.replaceAll(crlf, end));
  },
  'line: blank lines first': ({ random, door, id }) =>
    sent('any', crlf.repeat(1 + upTo(random, 50)), githubRequest(door, id, { body })),
};

const names = [
  '',
  ' ',
  'a b',
  'a:b',
  'a\0',
  'a\x7f',
  'é',
  '"a"',
  '(a)',
  'a@b',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'x'.repeat(9_000),
  '\tx',
  'x\t',
  'host',
  'content-type',
  'x-github-event',
  'x-github-delivery',
  'x-hub-signature-256',
  'authorization',
  'cookie',
  'expect',
  'te',
  'trailer',
  'upgrade',
  'connection',
  'keep-alive',
  'proxy-connection',
  'content-encoding',
  'x-forwarded-for',
  'set-cookie',
  'range',
];
const values = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\x01',
  '\x7f',
  '\x80\xff',
  'a\rb',
  'a\nb',
  'a\r\n b',
  'a\r\n\tb',
  '\r\n',
  'x'.repeat(9_000),
  '\u2028',
  '100-continue',
  '200-maybe',
  'h2c',
  'websocket',
  'close, upgrade',
  'gzip',
  '-1',
  '1e9',
  '${jndi:ldap://127.0.0.1/a}',
  '%00',
  "'; drop table posthorn.request; --",
  '\\u0000',
  '{"a":1}',
  '=?utf-8?q?=00?=',
];

/** @type {Record<string, Case>} */
const headers = {
  'header: name and value': ({ random, door, id }) => {
    const more = listOf(1 + upTo(random, 4), () => [oneOf(random, names), oneOf(random, values)]);
    return sent('any', githubRequest(door, id, { body, more }));
  },
  'header: folded': ({ random, door, id }) => {
    const whole = githubRequest(door, id, { body }).toString('latin1');
    return sent(
      'any',
      whole.replace('application/json', `application/${crlf}${oneOf(random, [' ', '\t'])}json`),
    );
  },
  'header: many': ({ random, door, id }) => {
    const more = listOf(upTo(random, 6_000), (n) => [`x-${n % 700}`, '1']);
    return sent('any', githubRequest(door, id, { body, more }));
  },
  'header: the same twice': ({ random, door, id }) => {
    const all = githubHeaders(door, id, body);
    const again = oneOf(random, all);
    return sent(
      'any',
      githubRequest(door, id, { body, more: [[again[0], oneOf(random, [again[1], 'other'])]] }),
    );
  },
  'header: no host': ({ door, id }) =>
    sent('any', githubRequest(door, id, { body, headers: githubHeaders(door, id, body).slice(1) })),
  'header: odd host': ({ random, door, id }) => {
    const host = oneOf(random, [
      '',
      'a b',
      'x'.repeat(5_000),
      '127.0.0.1:99999',
      '[::',
      'evil.example/path?x',
      '\xff',
      'a@b',
      'a,b',
    ]);
    const rest = githubHeaders(door, id, body).slice(1);
    return sent('any', githubRequest(door, id, { body, headers: [['host', host], ...rest] }));
  },
  'header: upgrade': ({ random, door, id }) => {
    const more = /** @type {[string, string][]} */ ([
      ['connection', oneOf(random, ['upgrade', 'Upgrade, HTTP2-Settings', 'keep-alive, upgrade'])],
      ['upgrade', oneOf(random, ['websocket', 'h2c', 'TLS/1.0', '\x80'])],
    ]);
    return sent('any', githubRequest(door, id, { body, more }));
  },
  'header: expect': ({ random, door, id }) => {
    const expect = oneOf(random, ['100-continue', '100-Continue', '200-ok', '', '100-continue, x']);
    const whole = githubRequest(door, id, { body, more: [['expect', expect]] });
    const at = whole.indexOf(crlf + crlf) + 4;
    return { ...sent('any', whole.subarray(0, at), whole.subarray(at)), gapMs: 20 };
  },
};

export const lineCases = { ...lines, ...headers };
