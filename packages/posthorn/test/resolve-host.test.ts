// Names become addresses without threads: against a name server of our own on loopback, which is silent when told to be.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSubnets } from '../src/core/address.ts';
import { createHostsFile, parseHosts } from '../src/delivery/connectors/hosts-file.ts';
import { createHttpConnector } from '../src/delivery/connectors/http.ts';
import { createResolver, DnsError, type Lookup } from '../src/delivery/connectors/resolve-host.ts';
import { createSystemLookup, type SystemLookupOptions } from '../src/delivery/connectors/system-lookup.ts';
import { type Clock, systemClock } from '../src/lib/clock.ts';
import { startHostileReceiver } from './support/hostile-receiver.ts';
import { waitFor } from './support/wait.ts';

const typeA = 1;
const typeAaaa = 28;
const serverFailed = 2;
const noSuchName = 3;
/** What a name has by default. */
const limitMs = 3_000;
/** Of names that are not to fail by it. */
const patientMs = 60_000;

type Family = 'A' | 'AAAA';
/** Addresses of one family; `number` is a response code without answers. */
type Reply = readonly string[] | 'silence' | number;
/** Gives nobody an address unless told otherwise. */
let replyTo: (name: string, family: Family) => Reply = () => noSuchName;
let server: NameServer;
let folder: string;

interface NameServer {
  readonly address: string;
  /** `name family`, in the order they came. */
  readonly questions: string[];
  /** Source ports of the questions. */
  readonly ports: Set<number>;
  close(): Promise<void>;
}

async function startNameServer(): Promise<NameServer> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  const ports = new Set<number>();
  socket.on('message', (message, from) => {
    const question = parseQuestion(message);
    questions.push(`${question.name} ${question.family}`);
    ports.add(from.port);
    const reply = replyTo(question.name, question.family);
    if (reply !== 'silence') socket.send(encodeReply(message, question, reply), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const close = async () => {
    socket.close();
    await once(socket, 'close');
  };
  return { address: `127.0.0.1:${socket.address().port}`, questions, ports, close };
}

/** RFC 1035 section 4.1.2; the questions that c-ares puts are never compressed. */
function parseQuestion(message: Buffer): { name: string; family: Family; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  expect([typeA, typeAaaa]).toContain(type);
  return { name: labels.join('.'), family: type === typeA ? 'A' : 'AAAA', end: at + 5 };
}

function encodeReply(
  message: Buffer,
  { family, end }: { family: Family; end: number },
  reply: readonly string[] | number,
): Buffer {
  const addresses = typeof reply === 'number' ? [] : reply;
  const head = Buffer.from(message.subarray(0, end));
  head.writeUInt16BE(0x8180 | (typeof reply === 'number' ? reply : 0), 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) => {
    const data = family === 'A' ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address);
    const record = Buffer.from([
      0xc0,
      12,
      0,
      family === 'A' ? typeA : typeAaaa,
      0,
      1,
      0,
      0,
      1,
      0,
      0,
      data.length,
    ]);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}

/** `2001:db8::7` and the like: two groups, a gap, one group. */
function ipv6Bytes(address: string): Buffer {
  const [front = '', back = ''] = address.split('::');
  const bytes = Buffer.alloc(16);
  const groups = front === '' ? [] : front.split(':');
  groups.forEach((group, i) => bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2));
  bytes.writeUInt16BE(Number.parseInt(back, 16), 14);
  return bytes;
}

beforeAll(async () => {
  server = await startNameServer();
  folder = mkdtempSync(join(tmpdir(), 'posthorn-hosts-'));
});
afterEach(() => {
  replyTo = () => noSuchName;
  server.questions.length = 0;
  server.ports.clear();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A clock that stands still until it is told to go on. */
function manualClock(): Clock & { pass(ms: number): void } {
  let nowMs = 5_000;
  return { now: () => nowMs, monotonicMs: () => nowMs, pass: (ms) => void (nowMs += ms) };
}

const lookupWith = (over: Partial<SystemLookupOptions> = {}): Lookup =>
  createSystemLookup({
    clock: systemClock,
    hostsPath: join(folder, 'none'),
    servers: [server.address],
    ...over,
  });

const resolverWith = (lookup: Lookup, clock: Clock = systemClock, timeoutMs = patientMs) =>
  createResolver({ lookup, clock, timeoutMs });

/** The code of the DnsError that the promise rejects with, and after how long. */
async function failureOf(asked: Promise<unknown>): Promise<{ code: string; afterMs: number }> {
  const startedMs = performance.now();
  const error = await asked.then(
    (value) => expect.fail(`resolved to ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DnsError);
  return { code: (error as DnsError).code, afterMs: performance.now() - startedMs };
}

describe('the name servers', () => {
  it('give the addresses of both families, by turns', async () => {
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1', '192.0.2.2'] : ['2001:db8::7', '2001:db8::8']);
    expect(await resolverWith(lookupWith())('hook.example.com')).toEqual([
      '192.0.2.1',
      '2001:db8::7',
      '192.0.2.2',
      '2001:db8::8',
    ]);
    expect(new Set(server.questions)).toEqual(new Set(['hook.example.com A', 'hook.example.com AAAA']));
  });

  it.each<[string, Reply, Reply, string[]]>([
    ['no IPv6 address', ['192.0.2.1'], [], ['192.0.2.1']],
    ['no IPv4 address', [], ['2001:db8::7'], ['2001:db8::7']],
    ['no such name for IPv6', ['192.0.2.1'], noSuchName, ['192.0.2.1']],
    ['a failure for IPv6', ['192.0.2.1'], serverFailed, ['192.0.2.1']],
    ['a failure for IPv4', serverFailed, ['2001:db8::7'], ['2001:db8::7']],
  ])('may know of %s when they know of the other', async (_, a, aaaa, addresses) => {
    replyTo = (_name, family) => (family === 'A' ? a : aaaa);
    expect(await resolverWith(lookupWith())('hook.example.com')).toEqual(addresses);
  });

  it.each<[Reply, Reply, string]>([
    [noSuchName, noSuchName, 'ENOTFOUND'],
    [[], [], 'ENOTFOUND'],
    [noSuchName, [], 'ENOTFOUND'],
    [[], serverFailed, 'ESERVFAIL'],
    [serverFailed, serverFailed, 'ESERVFAIL'],
  ])('that answer %j and %j make it %s', async (a, aaaa, code) => {
    replyTo = (_, family) => (family === 'A' ? a : aaaa);
    expect(await failureOf(resolverWith(lookupWith())('hook.example.com'))).toMatchObject({ code });
  });

  it('that never answer for one family hold nobody up for long', async () => {
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1'] : 'silence');
    const startedMs = performance.now();
    expect(await resolverWith(lookupWith())('hook.example.com')).toEqual(['192.0.2.1']);
    // By itself, Node gives up a family after 7.5 s.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('are asked again when the first question is lost', async () => {
    let asked = 0;
    replyTo = (_, family) => {
      if (family === 'AAAA') return [];
      asked += 1;
      return asked === 1 ? 'silence' : ['192.0.2.1'];
    };
    expect(await resolverWith(lookupWith())('hook.example.com')).toEqual(['192.0.2.1']);
    expect(asked).toBeGreaterThanOrEqual(2);
  });

  it('are asked one after the other when the first is gone', async () => {
    const gone = await startNameServer();
    await gone.close();
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1'] : []);
    const lookup = lookupWith({ servers: [gone.address, server.address] });
    expect(await resolverWith(lookup)('hook.example.com')).toEqual(['192.0.2.1']);
  });

  it('are asked from another port for each name', async () => {
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1'] : []);
    const resolve = resolverWith(lookupWith());
    await Promise.all(['one', 'two', 'three'].map((label) => resolve(`${label}.example.com`)));
    expect(server.ports.size).toBeGreaterThanOrEqual(3);
  });

  it('see a name as it is: no search domain is added', async () => {
    await failureOf(resolverWith(lookupWith())('intranet'));
    expect(new Set(server.questions)).toEqual(new Set(['intranet A', 'intranet AAAA']));
  });

  it('that are not there at all make it a failure, not a crash', async () => {
    const gone = await startNameServer();
    await gone.close();
    const failure = await failureOf(
      resolverWith(lookupWith({ servers: [gone.address] }))('hook.example.com'),
    );
    expect(failure.code).toMatch(/^(ECONNREFUSED|ETIMEOUT)$/);
  });

  it.each(['a'.repeat(64), `${'a.'.repeat(130)}com`])(
    'are spared a name that cannot be: %s',
    async (name) => {
      expect((await failureOf(resolverWith(lookupWith())(name))).code).toBe('EBADNAME');
      expect(server.questions).toEqual([]);
    },
  );
});

describe('silent name servers', () => {
  it('of 200 names do not delay another name, and each of theirs fails within the limit', async () => {
    replyTo = (name, family) => {
      if (name.startsWith('silent')) return 'silence';
      return family === 'A' ? ['127.0.0.1'] : [];
    };
    const target = await startHostileReceiver({
      onRequest: (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    });
    const senderWith = (dnsTimeoutMs: number) =>
      createHttpConnector({
        allowSubnets: parseSubnets('127.0.0.0/8').subnets,
        allowHttp: true,
        userAgent: 'Posthorn-Test/1',
        clock: systemClock,
        lookup: lookupWith(),
        limits: { dnsTimeoutMs },
      });
    const sender = senderWith(limitMs);
    const patient = senderWith(patientMs);
    const sendTo = (name: string, by = sender) =>
      by.send({
        url: `http://${name}.example.com:${target.port}/`,
        method: 'POST',
        headers: {},
        body: Buffer.from('{}'),
        timeoutMs: patientMs,
      });
    const silent = Array.from({ length: 200 }, (_, i) => sendTo(`silent${i}`));
    // All are asked for; on a busy machine, not all of the questions come before their names' limit.
    await waitFor(() => new Set(server.questions).size >= 100, { what: 'silent names to be asked for' });

    // Behind the others, by the four threads of a lookup of the system's, it would wait for minutes.
    const healthy = await sendTo('healthy', patient);
    expect(healthy.outcome).toEqual({ kind: 'accepted', status: 200 });

    for (const result of await Promise.all(silent)) {
      expect(result.outcome).toMatchObject({ kind: 'unreachable', reason: 'dns' });
      expect(result.error).toContain(`within ${limitMs} ms`);
      expect(result.durationMs).toBeGreaterThan(limitMs - 100);
    }
    await Promise.all([sender.close(), patient.close()]);
    await target.close();
  });

  it('hear no more of a name once its limit has passed', async () => {
    replyTo = () => 'silence';
    const failure = await failureOf(resolverWith(lookupWith(), systemClock, 200)('hook.example.com'));
    expect(failure.code).toBe('ETIMEOUT');
    await waitFor(() => server.questions.length === 2, { what: 'the questions about the name' });
    // Answered only when asked for a third time, which is later than hook would have been asked for a second time.
    let fences = 0;
    replyTo = (name) => {
      if (name !== 'fence.example.com') return 'silence';
      fences += 1;
      return fences > 4 ? noSuchName : 'silence';
    };
    await failureOf(resolverWith(lookupWith())('fence.example.com'));
    expect(server.questions.filter((question) => question.startsWith('hook'))).toHaveLength(2);
  });
});

describe('a name that failed', () => {
  const askTwice = async (name: string, betweenMs: number, timeoutMs: number) => {
    const clock = manualClock();
    const lookup = lookupWith();
    let lookups = 0;
    const counted: Lookup = (...asked) => {
      lookups += 1;
      return lookup(...asked);
    };
    const resolve = resolverWith(counted, clock, timeoutMs);
    const first = await failureOf(resolve(name));
    clock.pass(betweenMs);
    const second = await failureOf(resolve(name));
    expect(second.code).toBe(first.code);
    return lookups > 1;
  };

  it.each([
    ['does not exist', noSuchName, 1_999, false],
    ['does not exist', noSuchName, 2_000, true],
    ['cannot be told', serverFailed, 1_999, false],
    ['cannot be told', serverFailed, 2_000, true],
    ['is met with silence', 'silence', 4_999, false],
    ['is met with silence', 'silence', 5_000, true],
  ] as const)('because it %s (%s) is asked for again after %d ms: %s', async (_, reply, betweenMs, again) => {
    replyTo = () => reply;
    const timeoutMs = reply === 'silence' ? 100 : patientMs;
    expect(await askTwice('dead.example.com', betweenMs, timeoutMs)).toBe(again);
  });

  it('is forgotten when 10,000 others have failed since', async () => {
    let asked: string[] = [];
    const lookup: Lookup = async (hostname) => {
      asked.push(hostname);
      return [];
    };
    const resolve = resolverWith(lookup, manualClock());
    for (let i = 0; i <= 10_000; i++) await resolve(`n${i}.example.com`).catch(() => undefined);
    asked = [];
    for (const i of [10_000, 1, 0]) await failureOf(resolve(`n${i}.example.com`));
    expect(asked).toEqual(['n0.example.com']);
  });

  it('says so to all who wanted it at the same time, for one question', async () => {
    const resolve = resolverWith(lookupWith());
    const failures = await Promise.all(
      Array.from({ length: 20 }, () => failureOf(resolve('dead.example.com'))),
    );
    expect(new Set(failures.map((failure) => failure.code))).toEqual(new Set(['ENOTFOUND']));
    // Two, unless an answer was late: not two for each.
    expect(server.questions.length).toBeLessThan(20);
  });
});

describe('a name with addresses', () => {
  it('is asked for once by all who want it at the same time, and anew by who comes later', async () => {
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1'] : []);
    const resolve = resolverWith(lookupWith(), manualClock());
    await Promise.all(Array.from({ length: 20 }, () => resolve('hook.example.com')));
    expect(server.questions.length).toBeLessThan(20);
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.9'] : []);
    expect(await resolve('hook.example.com')).toEqual(['192.0.2.9']);
  });

  it.each<[string, Reply, Reply]>([
    ['inside', ['127.0.0.1'], []],
    ['inside by IPv6 only', [], ['::1']],
    ['outside and inside', ['192.0.2.1', '127.0.0.1'], []],
    ['outside by IPv4 and inside by IPv6', ['8.8.8.8'], ['::1']],
  ])('%s is not dialled', async (_, a, aaaa) => {
    replyTo = (_name, family) => (family === 'A' ? a : aaaa);
    expect(await sendRebound(1)).toEqual(['forbidden_address']);
  });

  it('that turns inside after its first answer is dialled no more', async () => {
    let asked = 0;
    replyTo = (_, family) => {
      if (family === 'AAAA') return [];
      asked += 1;
      return [asked === 1 ? '127.0.0.5' : '127.0.0.1'];
    };
    expect(await sendRebound(2)).toEqual(['accepted', 'forbidden_address']);
  });

  /** What comes of sending so often to a name, when 127.0.0.5 plays outside; 127.0.0.1 must hear nothing. */
  async function sendRebound(times: number): Promise<string[]> {
    const outside = await startHostileReceiver(
      {
        onRequest: (socket) =>
          void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
      },
      { host: '127.0.0.5' },
    );
    const inside = await startHostileReceiver({}, { port: outside.port });
    const sender = createHttpConnector({
      allowSubnets: parseSubnets('127.0.0.5').subnets,
      allowHttp: true,
      userAgent: 'Posthorn-Test/1',
      clock: systemClock,
      lookup: lookupWith(),
    });
    const url = `http://hook.example.com:${outside.port}/`;
    const outcomes: string[] = [];
    for (let i = 0; i < times; i++) {
      const { outcome } = await sender.send({ url, method: 'POST', headers: {}, body: Buffer.from('{}') });
      outcomes.push(outcome.kind === 'unreachable' ? outcome.reason : outcome.kind);
    }
    await sender.close();
    expect(inside.connections()).toBe(0);
    await Promise.all([outside.close(), inside.close()]);
    return outcomes;
  }
});

describe('this machine', () => {
  it.each(['localhost', 'LocalHost', 'localhost.', 'app.localhost'])(
    'is %s, without a hosts file and without a question',
    async (name) => {
      expect(await resolverWith(lookupWith())(name)).toEqual(['127.0.0.1', '::1']);
      expect(server.questions).toEqual([]);
    },
  );

  it('is not what merely ends alike', async () => {
    expect((await failureOf(resolverWith(lookupWith())('notlocalhost'))).code).toBe('ENOTFOUND');
    expect(server.questions).not.toEqual([]);
  });
});

describe('the hosts file', () => {
  const text = [
    '# comment',
    '10.0.0.1\tdb.internal DB2 # db3',
    '10.0.0.2 db.internal. #x',
    '  2001:db8::7   six.internal\tdb.internal\r',
    '10.0.0.1 db2',
    'not-an-address wrong',
    '127.1 short',
    '10.0.0.9',
    '10.0.0.4 hash#tag',
    '',
  ].join('\n');

  it('is read with comments, several names a line, both families, any case and dots at the end', () => {
    expect(Object.fromEntries(parseHosts(text))).toEqual({
      'db.internal': ['10.0.0.1', '10.0.0.2', '2001:db8::7'],
      db2: ['10.0.0.1'],
      'six.internal': ['2001:db8::7'],
      hash: ['10.0.0.4'],
    });
  });

  it('comes before the name servers, whatever the case and the dot of the name asked for', async () => {
    const hostsPath = join(folder, 'before');
    writeFileSync(hostsPath, text);
    const resolve = resolverWith(lookupWith({ hostsPath }));
    expect(await resolve('Six.Internal.')).toEqual(['2001:db8::7']);
    expect(await resolve('db2')).toEqual(['10.0.0.1']);
    expect(server.questions).toEqual([]);
    replyTo = (_, family) => (family === 'A' ? ['192.0.2.1'] : []);
    expect(await resolve('db3')).toEqual(['192.0.2.1']);
  });

  it('cannot say what localhost is', async () => {
    const hostsPath = join(folder, 'localhost');
    writeFileSync(hostsPath, '192.0.2.1 localhost\n');
    expect(await resolverWith(lookupWith({ hostsPath }))('localhost')).toEqual(['127.0.0.1', '::1']);
  });

  it('is read again when it has changed, at most every second', () => {
    const path = join(folder, 'changing');
    const clock = manualClock();
    const find = createHostsFile(path, clock);
    expect(find('db')).toEqual([]);
    writeFileSync(path, '10.0.0.1 db\n');
    clock.pass(999);
    expect(find('db')).toEqual([]);
    clock.pass(1);
    expect(find('db')).toEqual(['10.0.0.1']);

    // Put in place of the first with the same length and time, as a configuration tool does.
    writeFileSync(`${path}.new`, '10.0.0.2 db\n');
    const at = new Date(0);
    utimesSync(`${path}.new`, at, at);
    utimesSync(path, at, at);
    clock.pass(1_000);
    expect(find('db')).toEqual(['10.0.0.1']);
    renameSync(`${path}.new`, path);
    clock.pass(1_000);
    expect(find('db')).toEqual(['10.0.0.2']);

    rmSync(path);
    clock.pass(1_000);
    expect(find('db')).toEqual([]);
  });

  it('that is a folder, or not there, holds no names', () => {
    expect(createHostsFile(folder, manualClock())('db')).toEqual([]);
    expect(createHostsFile(join(folder, 'none'), manualClock())('db')).toEqual([]);
  });
});
