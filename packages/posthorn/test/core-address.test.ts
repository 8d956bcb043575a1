// The address and URL rules, header rules, Retry-After and outcomes: pure core, by tables and properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyAddress, isInSubnets, opensClosedSpace, parseSubnets } from '../src/core/address.ts';
import { checkCustomHeaders, checkHeaderValue, forbiddenHeaderReason } from '../src/core/headers.ts';
import { classifyStatus, describeOutcome } from '../src/core/outcome.ts';
import { parseRetryAfter } from '../src/core/retry-after.ts';
import { checkEndpointUrl, type UrlRules } from '../src/core/url-rules.ts';

fc.configureGlobal({ numRuns: 1_000 });

const subnets = (text: string) => {
  const parsed = parseSubnets(text);
  expect(parsed.errors).toEqual([]);
  return parsed.subnets;
};

const range = (ip: string, allow = '') => {
  const verdict = classifyAddress(ip, subnets(allow));
  return verdict.allowed ? 'allowed' : verdict.range;
};

describe('classifyAddress', () => {
  it.each([
    ['0.0.0.0', 'this host'],
    ['0.255.255.255', 'this host'],
    ['10.0.0.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.100.100.200', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['168.63.129.16', 'Azure host service'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.192', 'protocol assignments'],
    ['192.0.2.1', 'documentation'],
    ['192.31.196.1', 'AS112'],
    ['192.52.193.1', 'AMT'],
    ['192.88.99.1', '6to4 relay'],
    ['192.168.1.1', 'private'],
    ['192.175.48.1', 'AS112'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.9', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::7f00:1', 'IPv4-compatible'],
    ['::8.8.8.8', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'loopback 127.0.0.0/8'],
    ['::ffff:7f00:1', 'loopback 127.0.0.0/8'],
    ['::FFFF:A9FE:A9FE', 'metadata'],
    ['::ffff:0:127.0.0.1', 'IPv4-translated'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b::8.8.8.8', 'NAT64'],
    ['64:ff9b:1::1', 'local NAT64'],
    ['100::1', 'discard'],
    ['100:0:0:1::1', 'dummy prefix'],
    ['2001::1', 'Teredo'],
    ['2001:2::1', 'protocol assignments'],
    ['2001:10::1', 'protocol assignments'],
    ['2001:1ff:ffff::', 'protocol assignments'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['2002:808:808::1', '6to4'],
    ['2620:4f:8000::1', 'AS112'],
    ['3fff:fff::1', 'documentation'],
    ['4000::1', 'outside global unicast'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'unique local'],
    ['fd00:ec2::254', 'unique local'],
    ['fd20:ce::254', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
  ])('denies %s as %s', (ip, name) => expect(range(ip)).toContain(name));

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '168.63.129.15',
    '168.63.129.17',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '2000::1',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2606:4700:4700::1111',
    '3fff:1000::1',
    '3ffe:ffff::1',
  ])('allows the public address %s', (ip) => expect(range(ip)).toBe('allowed'));

  it.each([
    '',
    'localhost',
    '0177.0.0.1',
    '0x7f.0.0.1',
    '127.1',
    '2130706433',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.04',
    '8.8.8.8%eth0',
    '[2606:4700::1]',
    '1::2::3',
    ':::',
    '2606:4700::1%',
    '::ffff:0177.0.0.1',
    '２.2.2.2',
    '8.8.8.8\n',
    ' 8.8.8.8',
  ])('denies %j, which is not an address', (ip) => expect(range(ip)).toBe('not an IP address'));

  it('opens exactly what the allow list names', () => {
    expect(range('10.1.2.3', '10.1.0.0/16')).toBe('allowed');
    expect(range('10.2.0.1', '10.1.0.0/16')).toContain('private');
    expect(range('fd00::5', 'fd00::/8')).toBe('allowed');
    expect(range('::1', '127.0.0.0/8')).toContain('loopback');
  });

  it('judges IPv4-mapped addresses by the IPv4 range, also when the range is written mapped', () => {
    expect(range('::ffff:10.1.2.3', '10.0.0.0/8')).toBe('allowed');
    expect(range('10.1.2.3', '::ffff:10.0.0.0/104')).toBe('allowed');
    expect(range('10.1.2.3', '::/0')).toContain('private');
  });

  it('lets opened NAT64 reach public IPv4 only', () => {
    expect(range('64:ff9b::8.8.8.8', '64:ff9b::/96')).toBe('allowed');
    expect(range('64:ff9b::127.0.0.1', '64:ff9b::/96')).toContain('loopback');
    expect(range('64:ff9b::127.0.0.1', '64:ff9b::/96,127.0.0.0/8')).toBe('allowed');
  });

  it('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof classifyAddress(text, []).allowed === 'boolean'));
    const addressLike = fc.string({ unit: fc.constantFrom(...'0123456789abcdef.:%x[]/'.split('')) });
    fc.assert(fc.property(addressLike, (text) => typeof classifyAddress(text, []).allowed === 'boolean'));
  });

  it('agrees with a slow reference on random and boundary IPv4 addresses', () => {
    fc.assert(
      fc.property(interestingNumber(32, deniedIpv4Reference), (value) => {
        const denied = deniedIpv4Reference.some(([first, last]) => value >= first && value <= last);
        const text = ipv4Text(value);
        expect([text, classifyAddress(text, []).allowed]).toEqual([text, !denied]);
        expect(classifyAddress(`::ffff:${text}`, []).allowed).toBe(!denied);
      }),
      { numRuns: 2_000 },
    );
  });

  it('agrees with a slow reference on random and boundary IPv6 addresses', () => {
    fc.assert(
      fc.property(interestingNumber(128, deniedIpv6Reference), (value) => {
        fc.pre(value >> 32n !== 0xffffn);
        const [low, high] = [0x2000n << 112n, (0x4000n << 112n) - 1n];
        const denied = deniedIpv6Reference.some(([first, last]) => value >= first && value <= last);
        const text = ipv6Text(value);
        const allowed = value >= low && value <= high && !denied;
        expect([text, classifyAddress(text, []).allowed]).toEqual([text, allowed]);
      }),
      { numRuns: 4_000 },
    );
  });
});

type Span = readonly [first: bigint, last: bigint];

const v4 = (first: string, last: string): Span => [ipv4Value(first), ipv4Value(last)];
const v6 = (prefix: bigint, prefixHexDigits: number, bits: number): Span => {
  const first = prefix << BigInt(128 - prefixHexDigits * 4);
  return [first, first + (1n << BigInt(128 - bits)) - 1n];
};

// Written as first and last address, unlike the code, so that a slip in a prefix length shows.
const deniedIpv4Reference: Span[] = [
  v4('0.0.0.0', '0.255.255.255'),
  v4('10.0.0.0', '10.255.255.255'),
  v4('100.64.0.0', '100.127.255.255'),
  v4('127.0.0.0', '127.255.255.255'),
  v4('168.63.129.16', '168.63.129.16'),
  v4('169.254.0.0', '169.254.255.255'),
  v4('172.16.0.0', '172.31.255.255'),
  v4('192.0.0.0', '192.0.0.255'),
  v4('192.0.2.0', '192.0.2.255'),
  v4('192.31.196.0', '192.31.196.255'),
  v4('192.52.193.0', '192.52.193.255'),
  v4('192.88.99.0', '192.88.99.255'),
  v4('192.168.0.0', '192.168.255.255'),
  v4('192.175.48.0', '192.175.48.255'),
  v4('198.18.0.0', '198.19.255.255'),
  v4('198.51.100.0', '198.51.100.255'),
  v4('203.0.113.0', '203.0.113.255'),
  v4('224.0.0.0', '255.255.255.255'),
];

const deniedIpv6Reference: Span[] = [
  v6(0x20010000n, 8, 23),
  v6(0x20010db8n, 8, 32),
  v6(0x2002n, 4, 16),
  v6(0x2620004f8000n, 12, 48),
  v6(0x3fff0n, 5, 20),
];

/** Any number, or one at most two away from an edge of a range: off-by-one lives there. */
function interestingNumber(bits: number, spans: Span[]): fc.Arbitrary<bigint> {
  const max = (1n << BigInt(bits)) - 1n;
  const edges = [...spans.flat(), 0n, max, ...(bits === 128 ? [0x2000n << 112n, 0x4000n << 112n] : [])];
  const nearEdge = fc
    .tuple(fc.constantFrom(...edges), fc.bigInt({ min: -2n, max: 2n }))
    .map(([edge, offset]) => edge + offset)
    .filter((value) => value >= 0n && value <= max);
  const insideSpan = fc.constantFrom(...spans).chain(([min, last]) => fc.bigInt({ min, max: last }));
  return fc.oneof(fc.bigInt({ min: 0n, max }), nearEdge, insideSpan);
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function ipv6Text(value: bigint): string {
  return [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((i) => ((value >> (i * 16n)) & 0xffffn).toString(16)).join(':');
}

describe('parseSubnets', () => {
  it('reads CIDRs and bare addresses, ignoring space and empty items', () => {
    const parsed = parseSubnets(' 10.0.0.0/8, ::1 ,,fd00::/8,192.168.1.7 ');
    expect(parsed.errors).toEqual([]);
    expect(parsed.subnets.map((subnet) => subnet.text)).toEqual([
      '10.0.0.0/8',
      '::1/128',
      'fd00::/8',
      '192.168.1.7/32',
    ]);
    expect(parseSubnets('').subnets).toEqual([]);
  });

  it('gives every wrong item its own error', () => {
    const { subnets: good, errors } = parseSubnets(
      '10.0.0.0/8,10.0.0.1/8,10.0.0.0/33,nonsense,::1/129,1.2.3.4/8/9,fe80::1%lo/64',
    );
    expect(good).toHaveLength(1);
    expect(errors).toEqual([
      '10.0.0.1/8: has bits set after the first 8; write 10.0.0.0/8',
      '10.0.0.0/33: the part after "/" must be a number from 0 to 32',
      'nonsense: not a CIDR; write it like 10.0.0.0/8 or fd00::/8',
      '::1/129: the part after "/" must be a number from 0 to 128',
      '1.2.3.4/8/9: not a CIDR; write it like 10.0.0.0/8 or fd00::/8',
      'fe80::1%lo/64: not a CIDR; write it like 10.0.0.0/8 or fd00::/8',
    ]);
  });

  it('knows membership and which ranges open closed space', () => {
    expect(isInSubnets('8.8.8.8', subnets('8.8.8.0/24'))).toBe(true);
    expect(isInSubnets('8.8.4.4', subnets('8.8.8.0/24'))).toBe(false);
    expect(isInSubnets('junk', subnets('0.0.0.0/0'))).toBe(false);
    const opens = (text: string) => subnets(text).map(opensClosedSpace);
    expect(opens('10.0.0.0/8,0.0.0.0/0,8.0.0.0/6,8.8.8.0/24,::/0,2606:4700::/32,fd00::/8')).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

const closed: UrlRules = { allowHttp: true, allowSubnets: [] };
const dev: UrlRules = { allowHttp: true, allowSubnets: subnets('127.0.0.0/8,::1/128') };
const check = (url: string, rules: UrlRules = closed) => {
  const verdict = checkEndpointUrl(url, rules);
  return verdict.ok ? verdict.url : `no: ${verdict.reason}`;
};

describe('checkEndpointUrl', () => {
  it.each([
    ['https://example.com', 'https://example.com/'],
    ['https://EXAMPLE.com/A?b=c#frag', 'https://example.com/A?b=c'],
    ['https://example.com./hook', 'https://example.com/hook'],
    ['http://example.com:8080/hook', 'http://example.com:8080/hook'],
    ['https://example.com:443/', 'https://example.com/'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]:8443/', 'https://[2606:4700:4700::1111]:8443/'],
    ['http://example.com\\@127.0.0.1/', 'http://example.com/@127.0.0.1/'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example/'],
    ['https://my-localhost.example/', 'https://my-localhost.example/'],
  ])('accepts %s as %s', (url, normalised) => expect(check(url)).toBe(normalised));

  it.each([
    ['ftp://example.com/', 'scheme ftp:'],
    ['file:///etc/passwd', 'scheme file:'],
    ['javascript:alert(1)', 'scheme javascript:'],
    ['//example.com/', 'not a valid URL'],
    ['', 'not a valid URL'],
    ['https://', 'not a valid URL'],
    ['https://user@example.com/', 'Authorization header'],
    ['https://user:pw@example.com/', 'Authorization header'],
    ['https://:pw@example.com/', 'Authorization header'],
    ['https://example.com:0/', 'port 0'],
    ['https://example.com:22/', 'port 22'],
    ['https://example.com:25/', 'port 25'],
    ['https://8.8.8.8:1023/', 'port 1023'],
    ['https://example.com:65536/', 'not a valid URL'],
    ['https://localhost/', 'POSTHORN_ALLOW_SUBNETS'],
    ['https://LOCALHOST./', 'POSTHORN_ALLOW_SUBNETS'],
    ['https://a.b.localhost/', 'POSTHORN_ALLOW_SUBNETS'],
    ['https://metadata.google.internal/', 'internal name'],
    ['https://printer.local./', 'internal name'],
    ['https:h', 'not a public name'],
    ['https://postgres:5432/', 'not a public name'],
    ['https://a..b.example/', 'empty part'],
    ['https://127.0.0.1/', 'loopback 127.0.0.0/8'],
    ['https://2130706433/', 'loopback'],
    ['https://127.0.0.1./', 'loopback'],
    [`https://example.com/${'a'.repeat(2048)}`, 'longer than 2048'],
    [`https://example.com/${'é'.repeat(500)}`, 'once encoded'],
  ])('refuses %s with "%s"', (url, reason) => {
    expect(check(url)).toContain('no: ');
    expect(check(url)).toContain(reason);
  });

  it('refuses http unless it is allowed', () => {
    expect(check('http://example.com/', { ...closed, allowHttp: false })).toContain('use https');
  });

  it('lets localhost work when loopback is open, and nothing else inside', () => {
    expect(check('http://localhost:3000/hook', dev)).toBe('http://localhost:3000/hook');
    expect(check('http://127.0.0.1:3000/', dev)).toBe('http://127.0.0.1:3000/');
    expect(check('http://[::1]:3000/', dev)).toBe('http://[::1]:3000/');
    expect(check('http://10.0.0.1/', dev)).toContain('private 10.0.0.0/8');
    expect(check('http://localhost/', { allowHttp: true, allowSubnets: subnets('10.0.0.0/8') })).toContain(
      'no: ',
    );
  });

  it('lets inside names through when an inside range is open, because their addresses are judged later', () => {
    const inside = { allowHttp: true, allowSubnets: subnets('10.0.0.0/8') };
    expect(check('http://receiver/', inside)).toBe('http://receiver/');
    expect(check('http://a.svc.internal/', inside)).toBe('http://a.svc.internal/');
    expect(check('http://receiver/', { allowHttp: true, allowSubnets: subnets('8.8.8.0/24') })).toContain(
      'no: ',
    );
  });

  it('opens low ports on allow-listed addresses and by the list of ports', () => {
    expect(check('http://127.0.0.1:81/', dev)).toBe('http://127.0.0.1:81/');
    expect(check('http://8.8.8.8:81/', dev)).toContain('port 81');
    expect(check('http://8.8.8.8:81/', { ...closed, allowedPorts: [80, 443, 81] })).toBe(
      'http://8.8.8.8:81/',
    );
  });

  it('never throws, and what it returns is stable', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl({ withFragments: true, withQueryParameters: true })),
        (url) => {
          const verdict = checkEndpointUrl(url, closed);
          if (verdict.ok) expect(checkEndpointUrl(verdict.url, closed)).toEqual(verdict);
        },
      ),
    );
  });
});

describe('parseRetryAfter', () => {
  const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);

  it.each([
    ['0', 0],
    ['120', 120],
    [' 7 ', 7],
    ['99999999999999999999999999', Number.MAX_SAFE_INTEGER],
    ['Mon, 23 Nov 2026 12:02:00 GMT', 120],
    ['mon, 23 nov 2026 12:02:00 gmt', 120],
    ['Monday, 23-Nov-26 12:02:00 GMT', 120],
    ['Mon Nov 23 12:02:00 2026', 120],
    ['Tue Dec  1 12:00:00 2026', 8 * 86_400],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Sun Nov  6 08:49:37 1994', 0],
    ['Monday, 23-Nov-76 12:00:00 GMT', (Date.UTC(2076, 10, 23, 12) - nowMs) / 1000],
    ['Monday, 23-Nov-77 12:00:00 GMT', 0],
  ])('reads %j as %d seconds', (value, seconds) => expect(parseRetryAfter(value, nowMs)).toBe(seconds));

  it.each([
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    'soon',
    '١٢',
    'Mon, 31 Feb 2026 12:00:00 GMT',
    'Mon, 23 Nov 2026 24:00:00 GMT',
    'Mon, 23 Nov 2026 12:60:00 GMT',
    'Mon, 00 Nov 2026 12:00:00 GMT',
    'Mon, 23 Foo 2026 12:00:00 GMT',
    'Mon, 23 Nov 2026 12:00:00 CET',
    '2026-11-23T12:00:00Z',
  ])('ignores %j', (value) => expect(parseRetryAfter(value, nowMs)).toBeUndefined());

  it('rounds part of a second up, never below what was asked', () => {
    expect(parseRetryAfter('Mon, 23 Nov 2026 12:00:01 GMT', nowMs + 1)).toBe(1);
  });

  it('never throws; the result is a whole number of seconds or nothing', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 4e12 }), (value, now) => {
        const seconds = parseRetryAfter(value, now);
        expect(seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 0)).toBe(true);
      }),
    );
  });

  it('reads every number of seconds, however long it is written', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 400, size: 'max' }),
        (digits) => {
          const asked = BigInt(digits);
          const most = BigInt(Number.MAX_SAFE_INTEGER);
          expect(parseRetryAfter(digits, nowMs)).toBe(Number(asked < most ? asked : most));
        },
      ),
    );
  });

  it('never throws on what looks like a date, and gives whole seconds that are not before it', () => {
    const number = (max: number, width: number) => fc.nat({ max }).map((n) => String(n).padStart(width, '0'));
    const time = fc.tuple(number(25, 2), number(61, 2), number(61, 2)).map((parts) => parts.join(':'));
    const month = fc.constantFrom('Jan', 'Feb', 'Mar', 'Nov', 'Dec', 'Foo');
    const dateLike = fc
      .tuple(fc.constantFrom('Mon', 'Monday', 'xxx'), number(33, 2), month, number(9_999, 4), time)
      .chain(([weekday, day, name, year, clock]) =>
        fc.constantFrom(
          `${weekday}, ${day} ${name} ${year} ${clock} GMT`,
          `${weekday}, ${day}-${name}-${year.slice(2)} ${clock} GMT`,
          `${weekday} ${name} ${day} ${clock} ${year}`,
        ),
      );
    fc.assert(
      fc.property(dateLike, (text) => {
        const seconds = parseRetryAfter(text, nowMs);
        if (seconds === undefined) return;
        expect(Number.isSafeInteger(seconds) && seconds >= 0).toBe(true);
        const atMs = Date.parse(text.replace(':60 ', ':59 '));
        // Date.parse reads a year before 100 as one of 1950 to 2049, however many digits it was written with.
        if (!/-\d\d |\b00\d\d\b/.test(text) && !Number.isNaN(atMs))
          expect(nowMs + seconds * 1000).toBeGreaterThanOrEqual(atMs);
      }),
    );
  });

  it('reads every date that a Date prints', () => {
    const noInvalid = { noInvalidDate: true, min: new Date(0), max: new Date(Date.UTC(9999, 0)) };
    fc.assert(
      fc.property(fc.date(noInvalid), (date) => {
        const wholeSecondsMs = Math.floor(date.getTime() / 1000) * 1000;
        const expected = Math.max(0, Math.ceil((wholeSecondsMs - nowMs) / 1000));
        expect(parseRetryAfter(date.toUTCString(), nowMs)).toBe(expected);
      }),
    );
  });
});

describe('custom headers', () => {
  it.each([
    'Host',
    'connection',
    'Content-Length',
    'content-type',
    'Transfer-Encoding',
    'TE',
    'trailer',
    'upgrade',
    'Expect',
    'Proxy-Authorization',
    'keep-alive',
    'User-Agent',
    'Webhook-Id',
    'webhook-anything',
    'svix-signature',
    'ce-id',
    'TraceParent',
    'accept-encoding',
    // The rest of what Svix refuses.
    'age',
    'cache-control',
    'clear-site-data',
    'expires',
    'pragma',
    'warning',
    'trailers',
    'content-encoding',
    'content-language',
    'content-location',
    'proxy-authenticate',
    'x-svix-id',
    'x-amz-a',
    'x-amzn-a',
    'x-google-a',
    'x-goog-a',
    'x-gfe-a',
    'X-Azure-Ref',
    'x-fd-a',
    '',
    'has space',
    'bad:colon',
    'é',
    'line\r\nbreak',
    'x'.repeat(257),
  ])('refuses the name %j', (name) => expect(forbiddenHeaderReason(name)).toEqual(expect.any(String)));

  it.each(['Authorization', 'X-Api-Key', 'x-webhook-id', 'Cookie', 'hostname', 'accept'])(
    'allows the name %s',
    (name) => {
      expect(forbiddenHeaderReason(name)).toBeUndefined();
    },
  );

  it('takes visible ASCII, space and tab as a value, and nothing that could forge a line', () => {
    expect(checkHeaderValue('Bearer abc\tdef ~')).toBeUndefined();
    expect(checkHeaderValue('')).toBeUndefined();
    for (const value of ['a\r\nb', 'a\nb', 'a\rb', 'a\0b', 'é', '\x7f', '\u2028']) {
      expect(checkHeaderValue(value)).toEqual(expect.any(String));
    }
    expect(checkHeaderValue('x'.repeat(4096))).toBeUndefined();
    expect(checkHeaderValue('x'.repeat(4097))).toContain('4096');
  });

  it('limits the whole set and names the wrong header', () => {
    const many = (count: number, value: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, value]));
    expect(checkCustomHeaders(many(20, 'v'))).toBeUndefined();
    expect(checkCustomHeaders(many(21, 'v'))).toContain('at most 20');
    expect(checkCustomHeaders(many(3, 'v'.repeat(4096)))).toContain('8192 bytes');
    expect(checkCustomHeaders({ 'x-a': '1', 'X-A': '2' })).toContain('twice');
    expect(checkCustomHeaders({ host: 'evil' })).toContain('"host"');
    expect(checkCustomHeaders({ 'x-a': 'é' })).toContain('x-a');
  });
});

describe('outcome', () => {
  it('accepts 2xx and nothing else', () => {
    for (const status of [200, 201, 202, 204, 299]) expect(classifyStatus(status).kind).toBe('accepted');
    for (const status of [199, 300, 301, 304, 307, 400, 410, 429, 500, 999]) {
      expect(classifyStatus(status)).toEqual({ kind: 'rejected', status });
    }
  });

  it.each([
    [{ kind: 'accepted', status: 204 } as const, 'accepted the message with 204'],
    [{ kind: 'rejected', status: 301 } as const, 'redirects are not followed; register the final URL'],
    [{ kind: 'rejected', status: 401 } as const, 'authentication'],
    [{ kind: 'rejected', status: 404 } as const, 'check the endpoint URL'],
    [{ kind: 'rejected', status: 410 } as const, 'gone for good'],
    [{ kind: 'rejected', status: 413 } as const, 'body limit'],
    [{ kind: 'rejected', status: 429 } as const, 'Retry-After'],
    [{ kind: 'rejected', status: 418 } as const, 'refused'],
    [{ kind: 'rejected', status: 599 } as const, 'failed'],
    [{ kind: 'rejected', status: 999 } as const, 'only 2xx'],
    [{ kind: 'unreachable', reason: 'timeout', detail: 'x' } as const, 'in time'],
    [{ kind: 'unreachable', reason: 'dns', detail: 'ENOTFOUND: …' } as const, 'NXDOMAIN'],
    [{ kind: 'unreachable', reason: 'tls', detail: 'CERT_HAS_EXPIRED: …' } as const, 'expired'],
    [
      { kind: 'unreachable', reason: 'tls', detail: 'ERR_TLS_CERT_ALTNAME_INVALID' } as const,
      'another host name',
    ],
    [
      { kind: 'unreachable', reason: 'tls', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' } as const,
      'known authority',
    ],
    [{ kind: 'unreachable', reason: 'connection', detail: 'ECONNREFUSED' } as const, 'ECONNREFUSED'],
    [{ kind: 'unreachable', reason: 'forbidden_address', detail: 'x' } as const, 'POSTHORN_ALLOW_SUBNETS'],
    [{ kind: 'unreachable', reason: 'too_large', detail: 'x' } as const, 'larger'],
    [{ kind: 'unreachable', reason: 'protocol', detail: 'x' } as const, 'HTTP/1.1'],
  ])('describes %j with "%s"', (outcome, part) => {
    expect(describeOutcome(outcome)).toContain(part);
    expect(describeOutcome(outcome)).toMatch(/^[A-Z].*\.$/);
  });

  it('keeps the resolved address out of the sentence for people', () => {
    const outcome = {
      kind: 'unreachable',
      reason: 'forbidden_address',
      detail: '10.9.8.7 is private',
    } as const;
    expect(describeOutcome(outcome)).not.toContain('10.9.8.7');
  });
});
