// The HTTP connector against receivers that behave and receivers that do not, over real sockets.
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSubnets } from '../src/core/address.ts';
import {
  createHttpConnector,
  type HttpConnector,
  type HttpConnectorOptions,
  type HttpDeliveryRequest,
} from '../src/delivery/connectors/http.ts';
import type { Lookup } from '../src/delivery/connectors/resolve-host.ts';
import { systemClock } from '../src/lib/clock.ts';
import {
  type Behaviour,
  type Certificates,
  drip,
  flood,
  hasOpenssl,
  makeCertificates,
  startHostileReceiver,
} from './support/hostile-receiver.ts';
import { waitFor } from './support/wait.ts';

const allowSubnets = parseSubnets('127.0.0.0/8,::1/128').subnets;
/** Of attempts that nothing is to end. */
const longMs = 120_000;
const deadlineMs = 3_000;
const bodyGraceMs = 200;
/** What an attempt may take beyond its deadline on a busy machine. */
const slackMs = 30_000;

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const item of toClose.splice(0)) await item.close();
});

function connector(options: Partial<HttpConnectorOptions> = {}): HttpConnector {
  const made = createHttpConnector({
    allowSubnets,
    allowHttp: true,
    userAgent: 'Posthorn-Test/1',
    clock: systemClock,
    ...options,
    limits: { bodyGraceMs, ...options.limits },
  });
  toClose.push(made);
  return made;
}

async function receiver(behaviour: Behaviour, options: Parameters<typeof startHostileReceiver>[1] = {}) {
  const started = await startHostileReceiver(behaviour, options);
  toClose.push(started);
  return started;
}

/** A receiver that answers every request with these bytes. */
const answering = (...parts: (string | Buffer)[]) =>
  receiver({
    onRequest: (socket) => {
      for (const part of parts) socket.write(part);
    },
  });

function delivery(url: string, over: Partial<HttpDeliveryRequest> = {}): HttpDeliveryRequest {
  return {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
    body: Buffer.from('{"a":1}'),
    timeoutMs: longMs,
    ...over,
  };
}

const at = (port: number, path = '/hook') => `http://127.0.0.1:${port}${path}`;
const ok = 'HTTP/1.1 200 OK\r\n';

describe('a receiver that behaves', () => {
  it('gets the exact bytes and headers, and its answer comes back', async () => {
    const target = await answering(
      `${ok}Content-Type: text/plain\r\nX-Two: a\r\nX-Two: b\r\nContent-Length: 5\r\n\r\nthere`,
    );
    const body = Buffer.from([0, 255, 13, 10, 0xf0, 0x9f]);
    const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1', 'X-Own': 'Yes' };
    const result = await connector().send(delivery(at(target.port, '/a%20b?c=d#frag'), { headers, body }));

    expect(result).toMatchObject({
      outcome: { kind: 'accepted', status: 200 },
      responseStatus: 200,
      responseHeaders: { 'content-type': 'text/plain', 'x-two': 'a, b', 'content-length': '5' },
      responseTruncated: false,
      remoteAddress: '127.0.0.1',
    });
    expect(Buffer.from(result.responseBody!).toString()).toBe('there');
    expect(result.durationMs).toBeGreaterThanOrEqual(0);
    expect(result).not.toHaveProperty('error');
    const [head, sent] = splitRequest(target.requests.at(0)!);
    expect(sent).toEqual(body);
    expect(head.split('\r\n').sort()).toEqual(
      [
        'POST /a%20b?c=d HTTP/1.1',
        `host: 127.0.0.1:${target.port}`,
        'connection: keep-alive',
        'content-type: application/json',
        'webhook-id: msg_1',
        'X-Own: Yes',
        'user-agent: Posthorn-Test/1',
        'accept-encoding: identity',
        'content-length: 6',
      ].sort(),
    );
  });

  it('is not asked for compression even when the request names one; a given user agent is kept', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    const headers = { 'Accept-Encoding': 'gzip, br', 'User-Agent': 'Mine/2' };
    await connector().send(delivery(at(target.port), { headers }));
    const [head] = splitRequest(target.requests.at(0)!);
    expect(head.match(/accept-encoding: .*/gi)).toEqual(['accept-encoding: identity']);
    expect(head.match(/user-agent: .*/gi)).toEqual(['User-Agent: Mine/2']);
  });

  it('keeps its connections for the next deliveries', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    const sender = connector();
    for (let i = 0; i < 10; i += 1) {
      const result = await sender.send(delivery(at(target.port)));
      expect(result).toMatchObject({ outcome: { kind: 'accepted' }, remoteAddress: '127.0.0.1' });
    }
    expect(target.requests).toHaveLength(10);
    // Two, not one: undici takes a connection back a turn of the loop after the answer, and the next delivery is sooner.
    expect(target.connections()).toBeLessThanOrEqual(2);
  });

  it('serves many deliveries at the same time, each on its own connection', async () => {
    const waiting: (() => void)[] = [];
    const target = await receiver({
      onRequest: (socket) => waiting.push(() => socket.write(`${ok}Content-Length: 0\r\n\r\n`)),
    });
    const sender = connector();
    const sends = Array.from({ length: 20 }, () => sender.send(delivery(at(target.port))));
    await waitFor(() => waiting.length === 20, { what: '20 requests side by side' });
    for (const answer of waiting) answer();
    for (const result of await Promise.all(sends)) expect(result.outcome.kind).toBe('accepted');
  });

  it.each([201, 202, 204, 299])('is heard when it says %d', async (status) => {
    const target = await answering(
      `HTTP/1.1 ${status} Fine\r\n${status === 204 ? '' : 'Content-Length: 0\r\n'}\r\n`,
    );
    expect((await connector().send(delivery(at(target.port)))).outcome).toEqual({ kind: 'accepted', status });
  });

  it.each([300, 304, 400, 401, 404, 410, 413, 500, 503, 999])(
    'is heard when it refuses with %d',
    async (status) => {
      const target = await answering(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      const result = await connector().send(delivery(at(target.port)));
      expect(result).toMatchObject({ outcome: { kind: 'rejected', status }, responseStatus: status });
    },
  );

  it('may send an empty body or get one', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    const result = await connector().send(delivery(at(target.port), { body: new Uint8Array() }));
    expect(result).toMatchObject({ outcome: { kind: 'accepted' }, responseTruncated: false });
    expect(result.responseBody).toHaveLength(0);
    expect(target.requests.at(0)!.toString()).toContain('content-length: 0');
  });

  it('may speak HTTP/1.0, chunked, or send interim answers first', async () => {
    const old = await receiver({ onRequest: (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold') });
    const chunked = await answering(`${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
    const interim = await answering(
      'HTTP/1.1 102 Processing\r\n\r\n',
      `HTTP/1.1 103 Early\r\n\r\n${ok}Content-Length: 2\r\n\r\nhi`,
    );
    const texts = [];
    for (const target of [old, chunked, interim]) {
      const result = await connector().send(delivery(at(target.port)));
      expect(result).toMatchObject({ outcome: { kind: 'accepted', status: 200 }, responseTruncated: false });
      texts.push(Buffer.from(result.responseBody!).toString());
    }
    expect(texts).toEqual(['old', 'abc', 'hi']);
  });
});

function splitRequest(request: Buffer): [head: string, body: Buffer] {
  const headEnd = request.indexOf('\r\n\r\n');
  return [request.subarray(0, headEnd).toString('latin1'), Buffer.from(request.subarray(headEnd + 4))];
}

describe('Retry-After', () => {
  it.each([
    ['429 Slow', '7', 7],
    ['503 Busy', '3600', 3600],
    ['500 Oops', '99999999999', 99_999_999_999],
    ['301 Moved', '9', 9],
  ])('of a %s with %s seconds is reported', async (status, value, seconds) => {
    const target = await answering(
      `HTTP/1.1 ${status}\r\nRetry-After: ${value}\r\nContent-Length: 0\r\n\r\n`,
    );
    expect((await connector().send(delivery(at(target.port)))).retryAfterSeconds).toBe(seconds);
  });

  it('as a date counts from the clock that was handed in', async () => {
    const nowMs = Date.UTC(2030, 0, 1);
    const target = await answering(
      'HTTP/1.1 429 Slow\r\nRetry-After: Tue, 01 Jan 2030 00:00:30 GMT\r\nContent-Length: 0\r\n\r\n',
    );
    const clock = { ...systemClock, now: () => nowMs };
    expect((await connector({ clock }).send(delivery(at(target.port)))).retryAfterSeconds).toBe(30);
  });

  it.each(['soon', '-5', ''])('of %j is left out', async (value) => {
    const target = await answering(`HTTP/1.1 429 Slow\r\nRetry-After: ${value}\r\nContent-Length: 0\r\n\r\n`);
    expect(await connector().send(delivery(at(target.port)))).not.toHaveProperty('retryAfterSeconds');
  });

  it('on a 2xx is left out', async () => {
    const target = await answering(`${ok}Retry-After: 5\r\nContent-Length: 0\r\n\r\n`);
    expect(await connector().send(delivery(at(target.port)))).not.toHaveProperty('retryAfterSeconds');
  });
});

interface Hostile {
  name: string;
  behaviour: Behaviour;
  expected: object;
}

const unreachable = (reason: string, detail: RegExp | string = '') => ({
  outcome: { kind: 'unreachable', reason, detail: expect.stringMatching(detail) },
  responseTruncated: false,
  error: expect.any(String),
});
const isTimeout = (outcome: unknown) => (outcome as { reason?: string }).reason === 'timeout';
const acceptedCutShort = { outcome: { kind: 'accepted', status: 200 }, responseTruncated: true };

const onRequest = (run: (socket: Parameters<NonNullable<Behaviour['onRequest']>>[0]) => void): Behaviour => ({
  onRequest: (socket) => run(socket),
});

const hostile: Hostile[] = [
  { name: 'never answers', behaviour: {}, expected: unreachable('timeout', 'waiting for the answer') },
  {
    name: 'sends its head one byte at a time',
    behaviour: onRequest((socket) => drip(socket, 'H', 20)),
    expected: unreachable('protocol'),
  },
  {
    name: 'starts its head well and then drips header bytes for ever',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}X-Slow: `);
      drip(socket, 'a', 50);
    }),
    expected: unreachable('timeout'),
  },
  {
    name: 'drips its body one byte at a time',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}Content-Length: 100000\r\n\r\n`);
      drip(socket, 'b', 20);
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'says 200 and then hangs',
    behaviour: onRequest((socket) => socket.write(`${ok}Content-Length: 10\r\n\r\n`)),
    expected: acceptedCutShort,
  },
  {
    name: 'says 500 and then hangs',
    behaviour: onRequest((socket) => socket.write('HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nabc')),
    expected: { outcome: { kind: 'rejected', status: 500 }, responseTruncated: true },
  },
  {
    name: 'sends an endless body',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}\r\n`);
      flood(socket, Buffer.alloc(64 * 1024, 'x'));
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'sends endless chunks',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n`);
      flood(socket, `1000\r\n${'y'.repeat(4096)}\r\n`);
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'sends an endless chunk extension',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n5;`);
      flood(socket, 'e'.repeat(4096));
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'resets before it reads',
    behaviour: { onConnect: (socket) => socket.resetAndDestroy() },
    expected: unreachable('connection'),
  },
  {
    name: 'closes politely before it reads',
    behaviour: { onConnect: (socket) => socket.end() },
    expected: unreachable('connection'),
  },
  {
    name: 'resets after the request',
    behaviour: onRequest((socket) => socket.resetAndDestroy()),
    expected: unreachable('connection'),
  },
  {
    name: 'half-closes after the request',
    behaviour: onRequest((socket) => socket.end()),
    expected: unreachable('connection', 'other side closed'),
  },
  {
    name: 'closes in the middle of its headers',
    behaviour: onRequest((socket) => socket.end(`${ok}X-Cut: `)),
    expected: unreachable('connection'),
  },
  {
    name: 'resets after its headers',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}Content-Length: 10\r\n\r\n`, () => setTimeout(() => socket.resetAndDestroy(), 50));
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'resets in the middle of its body',
    behaviour: onRequest((socket) => {
      socket.write(`${ok}Content-Length: 10\r\n\r\nabc`, () =>
        setTimeout(() => socket.resetAndDestroy(), 50),
      );
    }),
    expected: acceptedCutShort,
  },
  {
    name: 'sends less than its content-length',
    behaviour: onRequest((socket) => socket.end(`${ok}Content-Length: 10\r\n\r\nabc`)),
    expected: acceptedCutShort,
  },
  {
    name: 'sends more than its content-length',
    behaviour: onRequest((socket) => socket.write(`${ok}Content-Length: 3\r\n\r\nabcdefgh`)),
    expected: { outcome: { kind: 'accepted', status: 200 }, responseTruncated: false },
  },
  {
    name: 'contradicts itself about its content-length',
    behaviour: onRequest((socket) => socket.write(`${ok}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc`)),
    expected: unreachable('protocol'),
  },
  {
    name: 'gives a content-length that is no number',
    behaviour: onRequest((socket) => socket.write(`${ok}Content-Length: -1\r\n\r\n`)),
    expected: unreachable('protocol', 'HTTP/1.1 protocol'),
  },
  {
    name: 'sends a bad chunk size after its headers',
    behaviour: onRequest((socket) => socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n`)),
    expected: acceptedCutShort,
  },
  {
    name: 'speaks something else',
    behaviour: onRequest((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')),
    expected: unreachable('protocol', 'HTTP/1.1 protocol'),
  },
  {
    name: 'greets before it is asked',
    behaviour: { onConnect: (socket) => socket.write('220 mail.example ESMTP\r\n') },
    expected: unreachable('protocol', 'HTTP/1.1 protocol'),
  },
  {
    name: 'answers with binary rubbish',
    behaviour: onRequest((socket) => socket.write(Buffer.alloc(2048, 0))),
    expected: unreachable('protocol', 'HTTP/1.1 protocol'),
  },
  {
    name: 'hides a control character in a header',
    behaviour: onRequest((socket) => socket.write(`${ok}X-A: a\0b\r\n\r\n`)),
    expected: unreachable('protocol', 'HTTP/1.1 protocol'),
  },
  {
    name: 'sends a status line without end',
    behaviour: onRequest((socket) => {
      socket.write('HTTP/1.1 200 ');
      flood(socket, 'O'.repeat(4096));
    }),
    expected: unreachable('timeout'),
  },
  {
    name: 'sends one huge header',
    behaviour: onRequest((socket) => socket.write(`${ok}X-Big: ${'h'.repeat(64 * 1024)}\r\n\r\n`)),
    expected: unreachable('too_large', 'UND_ERR_HEADERS_OVERFLOW'),
  },
  {
    name: 'sends headers without end',
    behaviour: onRequest((socket) => {
      socket.write(ok);
      flood(socket, 'X-More: 1234567890\r\n'.repeat(100));
    }),
    expected: unreachable('too_large'),
  },
  {
    name: 'floods with interim answers',
    behaviour: onRequest((socket) => flood(socket, 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50))),
    expected: unreachable('protocol', 'interim'),
  },
  {
    name: 'continues without being asked to',
    behaviour: onRequest((socket) =>
      socket.write(`HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 0\r\n\r\n`),
    ),
    expected: unreachable('protocol'),
  },
  {
    name: 'switches protocols without being asked to',
    behaviour: onRequest((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ),
    expected: unreachable('protocol'),
  },
  {
    name: 'names its headers after what objects inherit',
    behaviour: onRequest((socket) =>
      socket.write(`${ok}__proto__: a\r\nconstructor: b\r\nconstructor: c\r\nContent-Length: 0\r\n\r\n`),
    ),
    expected: { outcome: { kind: 'accepted', status: 200 }, responseTruncated: false },
  },
];

describe('a hostile receiver', () => {
  it.concurrent.each(hostile)('that $name', { retry: 0 }, async ({ behaviour, expected }) => {
    const target = await startHostileReceiver(behaviour);
    const sender = createHttpConnector({
      allowSubnets,
      allowHttp: true,
      userAgent: 'Posthorn-Test/1',
      clock: systemClock,
      limits: { bodyGraceMs },
    });
    try {
      const startedMs = performance.now();
      const timeoutMs = 'outcome' in expected && isTimeout(expected.outcome) ? deadlineMs : longMs;
      const result = await sender.send(delivery(at(target.port), { timeoutMs }));
      expect(performance.now() - startedMs).toBeLessThan(deadlineMs + slackMs);
      expect(result).toMatchObject(expected);
      expect(result.responseBody?.length ?? 0).toBeLessThanOrEqual(16 * 1024);
      if (result.outcome.kind === 'unreachable') expect(result).not.toHaveProperty('responseStatus');
      if (result.responseTruncated || result.error) {
        await waitFor(() => target.openConnections() === 0, { what: 'the spoilt connection to be dropped' });
      }
      // One request means one request: nothing is sent twice behind the dispatcher's back.
      expect(target.requests.length).toBeLessThanOrEqual(1);
      expect(target.connections()).toBe(1);
    } finally {
      await sender.close();
      await target.close();
    }
  });

  it('with a stalled body holds its slot for the body grace only', async () => {
    const target = await answering(`${ok}Content-Length: 10\r\n\r\n`);
    const result = await connector().send(delivery(at(target.port)));
    expect(result).toMatchObject(acceptedCutShort);
    expect(result.durationMs).toBeGreaterThanOrEqual(bodyGraceMs - 5);
    expect(result.durationMs).toBeLessThan(bodyGraceMs + slackMs);
  });

  it('with a stalled body is cut at the deadline when that comes before the grace ends', async () => {
    const target = await answering(`${ok}Content-Length: 10\r\n\r\n`);
    const result = await connector({ limits: { bodyGraceMs: longMs } }).send(
      delivery(at(target.port), { timeoutMs: deadlineMs }),
    );
    expect(result).toMatchObject(acceptedCutShort);
    expect(result.durationMs).toBeLessThan(deadlineMs + slackMs);
  });

  it('with an endless body is left as soon as enough is read, long before the grace ends', async () => {
    const target = await receiver({
      onRequest: (socket) => {
        socket.write(`${ok}\r\n`);
        flood(socket, Buffer.alloc(64 * 1024, 'x'));
      },
    });
    const sender = connector({ limits: { bodyGraceMs: longMs } });
    const result = await sender.send(delivery(at(target.port)));
    expect(result).toMatchObject(acceptedCutShort);
    expect(result.responseBody).toHaveLength(16 * 1024);
    expect(result.durationMs).toBeLessThan(slackMs);
  });

  it('that sends a gzip bomb gets it kept as it came, cut', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    const target = await answering(
      `${ok}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
      bomb,
    );
    const before = process.memoryUsage().rss;
    const result = await connector().send(delivery(at(target.port)));
    expect(result).toMatchObject(acceptedCutShort);
    expect(Buffer.from(result.responseBody!)).toEqual(bomb.subarray(0, 16 * 1024));
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('with a body between what is kept and what is read leaves its connections usable', async () => {
    const body = Buffer.alloc(40 * 1024, 'z');
    const target = await answering(`${ok}Content-Length: ${body.length}\r\n\r\n`, body);
    const sender = connector({ limits: { bodyGraceMs: longMs } });
    for (let i = 0; i < 6; i += 1) {
      const result = await sender.send(delivery(at(target.port)));
      expect(result).toMatchObject({ outcome: { kind: 'accepted' }, responseTruncated: true });
      expect(result.responseBody).toHaveLength(16 * 1024);
    }
    expect(target.connections()).toBeLessThanOrEqual(2);
  });

  it('with many headers has the first 8 KiB of them kept', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `X-${i}: ${'v'.repeat(200)}\r\n`).join('');
    const target = await answering(`${ok}${many}Content-Length: 0\r\n\r\n`);
    const result = await connector().send(delivery(at(target.port)));
    const size = Object.entries(result.responseHeaders!).reduce(
      (sum, [name, value]) => sum + name.length + value.length,
      0,
    );
    expect(result.outcome.kind).toBe('accepted');
    expect(size).toBeGreaterThan(7 * 1024);
    expect(size).toBeLessThanOrEqual(8 * 1024);
  });

  it('cannot smuggle a prototype in by header names', async () => {
    const target = await answering(`${ok}__proto__: a\r\nContent-Length: 0\r\n\r\n`);
    const { responseHeaders } = await connector().send(delivery(at(target.port)));
    expect(Object.getPrototypeOf(responseHeaders)).toBe(Object.prototype);
    expect(Object.hasOwn(responseHeaders!, '__proto__')).toBe(true);
  });

  it('does not spoil the next attempt', async () => {
    let hits = 0;
    const target = await receiver({
      onRequest: (socket) => {
        hits += 1;
        if (hits === 1) socket.resetAndDestroy();
        else socket.write(`${ok}Content-Length: 0\r\n\r\n`);
      },
    });
    const sender = connector();
    expect((await sender.send(delivery(at(target.port)))).outcome).toMatchObject({ reason: 'connection' });
    expect((await sender.send(delivery(at(target.port)))).outcome).toMatchObject({ kind: 'accepted' });
  });
});

describe('a receiver that cannot be reached', () => {
  it('refuses the connection', async () => {
    const gone = await startHostileReceiver({});
    await gone.close();
    const result = await connector().send(delivery(at(gone.port)));
    expect(result).toMatchObject(unreachable('connection', 'ECONNREFUSED'));
  });

  const lookupFailure =
    (code: string): Lookup =>
    () =>
      Promise.reject(Object.assign(new Error(code), { code }));

  it.each(['ENOTFOUND', 'EAI_AGAIN', 'ENODATA'])('has a name that fails with %s', async (code) => {
    const result = await connector({ lookup: lookupFailure(code) }).send(
      delivery('http://hook.example.com/'),
    );
    expect(result).toMatchObject(unreachable('dns', code));
    expect(result).not.toHaveProperty('remoteAddress');
  });

  it('has a name without any address', async () => {
    const result = await connector({ lookup: async () => [] }).send(delivery('http://hook.example.com/'));
    expect(result).toMatchObject(unreachable('dns', 'ENOTFOUND'));
  });

  it('has a name server that never answers', async () => {
    const lookup: Lookup = () => new Promise(() => {});
    const sender = connector({ lookup, limits: { dnsTimeoutMs: 100 } });
    const result = await sender.send(delivery('http://hook.example.com/'));
    expect(result).toMatchObject(unreachable('dns', 'within 100 ms'));
  });

  it('has a name server that is slower than the deadline, and nothing is sent afterwards', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    let answerLookup: (addresses: { address: string }[]) => void = () => {};
    const lookup: Lookup = () => new Promise((resolve) => (answerLookup = resolve));
    const sender = connector({ lookup });
    const result = await sender.send(delivery(`http://hook.example.com:${target.port}/`, { timeoutMs: 100 }));
    expect(result).toMatchObject(unreachable('timeout', 'connecting'));
    answerLookup([{ address: '127.0.0.1' }]);
    await waitFor(() => target.connections() === 1, { what: 'the late connection' });
    expect((await sender.send(delivery(at(target.port)))).outcome.kind).toBe('accepted');
    expect(target.requests).toHaveLength(1);
    expect(target.requests.at(0)!.toString()).toContain(`host: 127.0.0.1:${target.port}`);
  });

  it('is asked for once when many deliveries resolve the same name at the same time', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    let asked = 0;
    const lookup: Lookup = async () => {
      asked += 1;
      return [{ address: '127.0.0.1' }];
    };
    const sender = connector({ lookup });
    const url = `http://hook.example.com:${target.port}/`;
    const results = await Promise.all(Array.from({ length: 10 }, () => sender.send(delivery(url))));
    expect(results.map((result) => result.outcome.kind)).toEqual(Array(10).fill('accepted'));
    expect(asked).toBe(1);
  });

  it('is reached on its next address when the first refuses', async () => {
    const target = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    const lookup: Lookup = async () => [{ address: '127.0.0.9' }, { address: '127.0.0.1' }];
    const result = await connector({ lookup }).send(delivery(`http://hook.example.com:${target.port}/`));
    expect(result).toMatchObject({ outcome: { kind: 'accepted' }, remoteAddress: '127.0.0.1' });
    expect(target.requests.at(0)!.toString()).toContain(`host: hook.example.com:${target.port}\r\n`);
  });
});

describe('the caller', () => {
  it('can give up before the answer, and gets its own reason back', async () => {
    const target = await receiver({});
    const stop = new AbortController();
    const sent = connector().send(delivery(at(target.port)), stop.signal);
    await waitFor(() => target.requests.length === 1, { what: 'the request' });
    const reason = new Error('stopping');
    stop.abort(reason);
    await expect(sent).rejects.toBe(reason);
    await waitFor(() => target.openConnections() === 0, { what: 'the connection to be dropped' });
  });

  it('that gives up after the status still learns the status', async () => {
    const target = await answering(`${ok}Content-Length: 10\r\n\r\nabc`);
    const stop = new AbortController();
    const sender = connector({ limits: { bodyGraceMs: longMs } });
    const sent = sender.send(delivery(at(target.port)), stop.signal);
    // The status is in as soon as a second delivery, asked later on the same loop, has been answered.
    const other = await answering(`${ok}Content-Length: 0\r\n\r\n`);
    await waitFor(() => target.requests.length === 1, { what: 'the request' });
    for (let i = 0; i < 3; i += 1) await sender.send(delivery(at(other.port)));
    stop.abort();
    expect(await sent).toMatchObject(acceptedCutShort);
  });

  it('that has given up already sends nothing', async () => {
    const target = await receiver({});
    await expect(connector().send(delivery(at(target.port)), AbortSignal.abort())).rejects.toThrow();
    expect(target.connections()).toBe(0);
  });

  it('can close the connector under an attempt, which rejects', async () => {
    const target = await receiver({});
    const sender = connector();
    const sent = sender.send(delivery(at(target.port)));
    const rejected = expect(sent).rejects.toThrow();
    await waitFor(() => target.requests.length === 1, { what: 'the request' });
    await sender.close();
    await rejected;
    await waitFor(() => target.openConnections() === 0, { what: 'the connection to be dropped' });
    await expect(sender.send(delivery(at(target.port)))).rejects.toThrow();
  });
});

const openssl = hasOpenssl();

describe.skipIf(!openssl)(`TLS${openssl ? '' : ' (skipped: the openssl command is not installed)'}`, () => {
  let certificates: Certificates;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });

  const lookup: Lookup = async () => [{ address: '127.0.0.1' }];
  const secure = (options: Partial<HttpConnectorOptions> = {}) =>
    connector({ lookup, ca: [certificates.ca], allowHttp: false, ...options });
  const answers = onRequest((socket) => socket.write(`${ok}Content-Length: 0\r\n\r\n`));

  it('with a good certificate delivers to a name and to an address, and reuses the connection', async () => {
    const target = await receiver(answers, { tls: certificates.good });
    const sender = secure();
    for (const host of [...Array<string>(6).fill('hook.test'), '127.0.0.1']) {
      const result = await sender.send(delivery(`https://${host}:${target.port}/`));
      expect(result).toMatchObject({ outcome: { kind: 'accepted' }, remoteAddress: '127.0.0.1' });
    }
    expect(target.connections()).toBeLessThanOrEqual(3);
  });

  it.each([
    ['an expired certificate', 'expired', 'hook.test', 'CERT_HAS_EXPIRED'],
    ['a certificate for another name', 'good', 'other.test', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['a self-signed certificate', 'selfSigned', 'hook.test', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('with %s sends nothing', async (_name, kind, host, code) => {
    const target = await receiver(answers, { tls: certificates[kind] });
    const result = await secure().send(delivery(`https://${host}:${target.port}/`));
    expect(result).toMatchObject(unreachable('tls', code));
    expect(target.bytesReceived()).toBe(0);
  });

  it('with an unknown authority sends nothing, also when Node is told to trust everybody', async () => {
    const target = await receiver(answers, { tls: certificates.good });
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const result = await connector({ lookup }).send(delivery(`https://hook.test:${target.port}/`));
      expect(result).toMatchObject(unreachable('tls', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'));
      expect(target.bytesReceived()).toBe(0);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  it('below 1.2 is refused, also when Node is told to allow it', async () => {
    const lax = 'DEFAULT@SECLEVEL=0';
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: lax } as const;
    const target = await receiver(answers, { tls: { ...certificates.good, ...old } });
    const [ciphers, minVersion] = [tls.DEFAULT_CIPHERS, tls.DEFAULT_MIN_VERSION];
    tls.DEFAULT_CIPHERS = lax;
    tls.DEFAULT_MIN_VERSION = 'TLSv1';
    try {
      const result = await secure().send(delivery(`https://hook.test:${target.port}/`));
      expect(result).toMatchObject(unreachable('tls'));
      expect(target.bytesReceived()).toBe(0);
    } finally {
      tls.DEFAULT_CIPHERS = ciphers;
      tls.DEFAULT_MIN_VERSION = minVersion;
    }
  });

  it('is missed by a plain HTTP receiver, and the other way round', async () => {
    const plain = await receiver({ onConnect: (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n') });
    expect(await secure().send(delivery(`https://hook.test:${plain.port}/`))).toMatchObject(
      unreachable('tls'),
    );
    const secured = await receiver(answers, { tls: certificates.good });
    const result = await connector({ lookup }).send(delivery(`http://hook.test:${secured.port}/`));
    expect(result.outcome.kind).toBe('unreachable');
  });

  it.each([
    ['resets', (socket: { resetAndDestroy(): unknown }) => socket.resetAndDestroy()],
    ['closes', (socket: { end(): unknown }) => socket.end()],
  ] as const)(
    'ends as a connection failure when the receiver %s during the handshake',
    async (_name, hangUp) => {
      const target = await receiver({ onConnect: (socket) => socket.once('data', () => hangUp(socket)) });
      const result = await secure().send(delivery(`https://hook.test:${target.port}/`));
      expect(result).toMatchObject(unreachable('connection'));
    },
  );

  it('that never shakes hands ends by the connect limit, and the connection is dropped', async () => {
    const target = await receiver({});
    const sender = secure({ limits: { connectTimeoutMs: 200 } });
    const result = await sender.send(delivery(`https://hook.test:${target.port}/`));
    expect(result).toMatchObject(unreachable('timeout', 'UND_ERR_CONNECT_TIMEOUT'));
    await waitFor(() => target.openConnections() === 0, { what: 'the silent connection to be dropped' });
  });
});
