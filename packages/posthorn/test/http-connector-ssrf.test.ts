// Nothing that a customer can write as an endpoint URL, or make a name resolve to, reaches inside: a canary on loopback must stay untouched.
import { Client } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseSubnets } from '../src/core/address.ts';
import { checkEndpointUrl } from '../src/core/url-rules.ts';
import { ForbiddenAddressError } from '../src/delivery/connectors/address-guard.ts';
import { createGuardedClients } from '../src/delivery/connectors/guarded-client.ts';
import {
  createHttpConnector,
  type HttpConnector,
  type HttpConnectorOptions,
} from '../src/delivery/connectors/http.ts';
import type { Lookup } from '../src/delivery/connectors/resolve-host.ts';
import { systemClock } from '../src/lib/clock.ts';
import { type HostileReceiver, startHostileReceiver } from './support/hostile-receiver.ts';

const loopback = parseSubnets('127.0.0.0/8,::1/128').subnets;
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

let canary: HostileReceiver;
let canary6: HostileReceiver | undefined;
const senders: HttpConnector[] = [];

beforeAll(async () => {
  const behaviour = { onRequest: (socket: { write(text: string): unknown }) => void socket.write(answer) };
  canary = await startHostileReceiver(behaviour);
  // The same port on ::1, where the machine has it.
  canary6 = await startHostileReceiver(behaviour, { host: '::1', port: canary.port }).catch(() => undefined);
});
afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close();
});
afterAll(async () => {
  await canary.close();
  await canary6?.close();
});

function connector(options: Partial<HttpConnectorOptions> = {}): HttpConnector {
  const sender = createHttpConnector({
    allowSubnets: [],
    allowHttp: true,
    userAgent: 'Posthorn-Test/1',
    clock: systemClock,
    limits: { connectTimeoutMs: 30_000, dnsTimeoutMs: 30_000 },
    ...options,
  });
  senders.push(sender);
  return sender;
}

const touches = () => canary.connections() + (canary6?.connections() ?? 0);

const send = (sender: HttpConnector, url: string) =>
  sender.send({ url, method: 'POST', headers: {}, body: Buffer.from('secret'), timeoutMs: 60_000 });

/** Fails if the attempt got anywhere, or if the canary heard of it. */
async function expectForbidden(
  sender: HttpConnector,
  url: string,
  detail: RegExp | string = '',
): Promise<void> {
  const before = touches();
  const result = await send(sender, url);
  expect(result.outcome).toEqual({
    kind: 'unreachable',
    reason: 'forbidden_address',
    detail: expect.stringMatching(detail),
  });
  expect(touches()).toBe(before);
}

// {port} is the canary's.
const loopbackSpellings = [
  'http://127.0.0.1:{port}/',
  'http://127.1:{port}/',
  'http://127.0.1:{port}/',
  'http://2130706433:{port}/',
  'http://0x7f000001:{port}/',
  'http://0x7f.0.0.1:{port}/',
  'http://0x7f.1:{port}/',
  'http://0177.0.0.1:{port}/',
  'http://017700000001:{port}/',
  'http://0177.0x0.0.01:{port}/',
  'http://①②⑦.⓪.⓪.①:{port}/',
  'http://１２７.０.０.１:{port}/',
  'http://127。0。0。1:{port}/',
  'http://%31%32%37.0.0.1:{port}/',
  'http://127.0.0.1.:{port}/',
  'http://127.0.\t0.1:{port}/',
  'http:\\\\127.0.0.1:{port}\\',
  'http:127.0.0.1:{port}/',
  ' http://127.0.0.1:{port}/ ',
  'http://[::ffff:127.0.0.1]:{port}/',
  'http://[::ffff:7f00:1]:{port}/',
  'http://[0:0:0:0:0:ffff:7f00:0001]:{port}/',
];
const otherForbidden = [
  'http://127.0.0.2:{port}/',
  'http://127.255.255.254:{port}/',
  'http://0.0.0.0:{port}/',
  'http://0:{port}/',
  'http://0.1.2.3:{port}/',
  'http://[::]:{port}/',
  'http://[::1]:{port}/',
  'http://[0000:0000:0000:0000:0000:0000:0000:0001]:{port}/',
  'http://[::7f00:1]:{port}/',
  'http://[::127.0.0.1]:{port}/',
  'http://[::ffff:0:127.0.0.1]:{port}/',
  'http://[64:ff9b::7f00:1]:{port}/',
  'http://[64:ff9b::127.0.0.1]:{port}/',
  'http://[64:ff9b:1::7f00:1]:{port}/',
  'http://[2002:7f00:1::]:{port}/',
  'http://[2001:0:7f00:1::80ff:fffe]:{port}/',
  'http://[::ffff:169.254.169.254]/latest/meta-data/',
  'http://[::ffff:a9fe:a9fe]/latest/meta-data/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://169.254.170.2/v2/credentials',
  'http://169.254.170.23/v1/credentials',
  'http://168.63.129.16/machine?comp=goalstate',
  'http://[::ffff:168.63.129.16]/',
  'http://100.100.100.200/latest/meta-data/',
  'http://192.0.0.192/latest/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fd20:ce::254]/computeMetadata/v1/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.254/',
  'http://192.168.0.1/',
  'http://100.64.0.1/',
  'http://198.18.0.1/',
  'http://192.0.2.1/',
  'http://198.51.100.1/',
  'http://203.0.113.1/',
  'http://192.88.99.1/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[fc00::1]/',
  'http://[ff02::1]/',
  'http://[100::1]/',
  'http://[100:0:0:1::1]/',
  'http://[2001:db8::1]/',
  'http://[2001:10::1]/',
  'http://[3fff::1]/',
  'http://[4000::1]/',
  'http://[5f00::1]/',
  'http://localhost:{port}/',
  'http://LocalHost.:{port}/',
  'http://ⓛocalhost:{port}/',
  'http://a.localhost:{port}/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://printer.local/',
  'http://intranet/',
  'http://postgres:{port}/',
  'http://user:pw@127.0.0.1:{port}/',
  'http://example.com@127.0.0.1:{port}/',
  'http://127.0.0.1:{port}#@example.com/',
  'http://8.8.8.8:22/',
  'http://8.8.8.8:25/',
  'http://8.8.8.8:0/',
  'ftp://127.0.0.1:{port}/',
  'gopher://127.0.0.1:{port}/_x',
  'file:///etc/passwd',
  'unix:///var/run/docker.sock',
  'https://127.0.0.1:{port}/',
  'https://[::1]:{port}/',
];
const withPort = (url: string) => url.replace('{port}', String(canary.port));

describe('a URL that points inside', () => {
  it('is one of at least 60', () => {
    expect(new Set([...loopbackSpellings, ...otherForbidden]).size).toBeGreaterThanOrEqual(60);
  });

  it.each([...loopbackSpellings, ...otherForbidden])(
    '%s is refused at creation and at delivery',
    async (template) => {
      const url = withPort(template);
      const verdict = checkEndpointUrl(url, { allowHttp: true, allowSubnets: [] });
      expect(verdict.ok).toBe(false);
      await expectForbidden(connector(), url);
    },
  );

  it.each(loopbackSpellings)(
    '%s does reach the canary once loopback is open, so the test above can fail',
    async (template) => {
      const before = canary.requests.length;
      const result = await send(connector({ allowSubnets: loopback }), withPort(template));
      expect(result).toMatchObject({ outcome: { kind: 'accepted' } });
      expect(canary.requests.length).toBe(before + 1);
    },
  );

  it('is not fooled by a host that only looks inside', () => {
    for (const url of [
      'http://example.com\\@127.0.0.1/',
      'http://127.0.0.1.example.com/',
      'http://example.com#@127.0.0.1/',
    ]) {
      const verdict = checkEndpointUrl(url, { allowHttp: true, allowSubnets: [] });
      expect(verdict.ok && new URL(verdict.url).hostname).toMatch(/example\.com$/);
    }
  });
});

describe('the client alone, without the check of the URL', () => {
  it.each([
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '0.0.0.0',
    '[::]',
    '169.254.169.254',
    '168.63.129.16',
    '2130706433',
    'localhost',
    '10.0.0.1',
  ])('does not dial %s', async (host) => {
    const client = new Client(`http://${host}:${canary.port}`, createGuardedClients({ allowSubnets: [] })());
    const before = touches();
    const asked = client.request({ path: '/', method: 'POST', body: 'secret' });
    await expect(asked).rejects.toBeInstanceOf(ForbiddenAddressError);
    expect(touches()).toBe(before);
    await client.destroy();
  });
});

describe('a name that resolves inside', () => {
  const url = () => `http://hook.example.com:${canary.port}/`;
  const resolvingTo =
    (...addresses: string[]): Lookup =>
    async () =>
      addresses.map((address) => ({ address }));

  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['0.0.0.0'],
    ['169.254.169.254'],
    ['168.63.129.16'],
    ['64:ff9b::7f00:1'],
    ['fe80::1%lo'],
    ['8.8.8.8', '127.0.0.1'],
    ['127.0.0.1', '8.8.8.8'],
    ['2606:4700:4700::1111', '8.8.8.8', '::ffff:10.0.0.1'],
    ['not-an-address'],
    ['127.1'],
  ])('is refused when the answers are %s %s %s', async (...addresses) => {
    await expectForbidden(
      connector({ lookup: resolvingTo(...addresses.filter(Boolean)) }),
      url(),
      /hook\.example\.com/,
    );
  });

  it('says the name, the address, the range and the variable that opens it', async () => {
    const result = await send(connector({ lookup: resolvingTo('127.0.0.1') }), url());
    for (const part of ['hook.example.com', '127.0.0.1', 'loopback 127.0.0.0/8', 'POSTHORN_ALLOW_SUBNETS']) {
      expect(result.error).toContain(part);
    }
  });

  it('is refused for https too, before a single TLS byte', async () => {
    await expectForbidden(connector({ lookup: resolvingTo('127.0.0.1') }), url().replace('http:', 'https:'));
  });

  it('is looked up once per connection, so it cannot answer differently when it is dialled', async () => {
    // Only 127.0.0.5 is open here: it plays the public address of the first answer, and tests stay on loopback.
    const outside = await startHostileReceiver(
      { onRequest: (socket) => void socket.end(answer.replace('\r\n', '\r\nConnection: close\r\n')) },
      { host: '127.0.0.5', port: canary.port },
    );
    let asked = 0;
    const rebinding: Lookup = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.5' : '127.0.0.1' }];
    };
    const before = touches();
    const sender = connector({ allowSubnets: parseSubnets('127.0.0.5').subnets, lookup: rebinding });
    expect(await send(sender, url())).toMatchObject({
      outcome: { kind: 'accepted' },
      remoteAddress: '127.0.0.5',
    });
    expect(asked).toBe(1);
    await expectForbidden(sender, url(), /127\.0\.0\.1 is in a range/);
    expect(asked).toBe(2);
    expect(touches()).toBe(before);
    expect(outside.requests).toHaveLength(1);
    await outside.close();
  });

  it('reaches an opened range, and only on the answers inside it', async () => {
    const before = canary.requests.length;
    const sender = connector({ allowSubnets: loopback, lookup: resolvingTo('127.0.0.1') });
    expect((await send(sender, url())).outcome).toEqual({ kind: 'accepted', status: 200 });
    expect(canary.requests.length).toBe(before + 1);
    await expectForbidden(
      connector({ allowSubnets: loopback, lookup: resolvingTo('127.0.0.1', '10.0.0.1') }),
      url(),
    );
  });

  it('may not use a low port of a public address, even where some range is open', async () => {
    const sender = connector({ allowSubnets: loopback, lookup: resolvingTo('8.8.8.8') });
    await expectForbidden(sender, 'http://hook.example.com:25/', /port 25/);
  });
});

describe('the connection itself', () => {
  it('is judged by who is at the other end, not by what was dialled', async () => {
    // The kernel turns 0.0.0.0 into 127.0.0.1, so an operator who opened the one has not opened the other.
    const before = canary.bytesReceived();
    const sender = connector({ allowSubnets: parseSubnets('0.0.0.0/32').subnets });
    for (const scheme of ['http', 'https']) {
      const result = await send(sender, `${scheme}://0.0.0.0:${canary.port}/`);
      expect(result.outcome).toMatchObject({
        reason: 'forbidden_address',
        detail: expect.stringContaining('127.0.0.1 is in'),
      });
    }
    expect(canary.bytesReceived()).toBe(before);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    'with %d to the inside is a rejected answer and is not followed',
    async (status) => {
      const location = `http://127.0.0.1:${canary.port}/stolen`;
      const redirecting = await startHostileReceiver({
        onRequest: (socket) => {
          socket.write(`HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
        },
      });
      const before = touches();
      const result = await send(
        connector({ allowSubnets: loopback }),
        `http://127.0.0.1:${redirecting.port}/`,
      );
      expect(result).toMatchObject({ outcome: { kind: 'rejected', status }, responseHeaders: { location } });
      // A delivery afterwards proves that there was time for a follow-up request.
      const fence = await startHostileReceiver({ onRequest: (socket) => void socket.write(answer) });
      await send(connector({ allowSubnets: loopback }), `http://127.0.0.1:${fence.port}/`);
      expect(touches()).toBe(before);
      expect(redirecting.requests).toHaveLength(1);
      await Promise.all([redirecting.close(), fence.close()]);
    },
  );
});

describe('a proxy from the environment', () => {
  it('is not used: it would move the lookup out of reach of the guard', async () => {
    const proxy = await startHostileReceiver({ onRequest: (socket) => void socket.write(answer) });
    const names = ['HTTP_PROXY', 'http_proxy', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    names.forEach(
      (name) => (process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`),
    );
    try {
      await send(connector({ allowSubnets: loopback }), `http://127.0.0.1:${canary.port}/`);
      expect(proxy.connections()).toBe(0);
    } finally {
      names.forEach((name, i) =>
        before[i] === undefined ? delete process.env[name] : (process.env[name] = before[i]),
      );
      await proxy.close();
    }
  });
});
