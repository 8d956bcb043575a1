// The address rules against somebody else's reading of the IANA registries: ipaddress of Python.
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { classifyAddress } from '../src/core/address.ts';

const addressCount = 16_000;

// Denied here, and global in some version of Python: tunnels that lead to other addresses, anycast of protocols,
// multicast, and what was registered after that version.
const deniedBesides = [
  '168.63.129.16/32',
  '192.0.0.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.175.48.0/24',
  '224.0.0.0/4',
  '2001::/23',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
];
const bases: readonly (readonly [value: bigint, bits: number])[] = [
  ...[
    0x00000000n,
    0x0a000000n,
    0x64400000n,
    0x7f000000n,
    0xa83f8110n,
    0xa9fe0000n,
    0xac100000n,
    0xc0000000n,
  ].map((value) => [value, 32] as const),
  ...[
    0xc0000200n,
    0xc01fc400n,
    0xc034c100n,
    0xc0586300n,
    0xc0a80000n,
    0xc0af3000n,
    0xc6120000n,
    0xcb007100n,
  ].map((value) => [value, 32] as const),
  ...[0xc6336400n, 0xe0000000n, 0xf0000000n, 0xffffffffn].map((value) => [value, 32] as const),
  ...[
    0x20010000n,
    0x20010200n,
    0x20010db8n,
    0x20020000n,
    0x2620004fn,
    0x3fff0000n,
    0x20000000n,
    0x40000000n,
  ].map((value) => [value << 96n, 128] as const),
  ...[0x0064ff9bn, 0x01000000n, 0x5f000000n, 0xfc000000n, 0xfe800000n, 0xfec00000n, 0xff000000n, 0n].map(
    (value) => [value << 96n, 128] as const,
  ),
];

/** The start of a range, or one before it, or one bit of it flipped and anything behind: that finds every wrong length. */
const anyAddress = fc
  .tuple(fc.constantFrom(...bases), fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.nat(63), fc.nat(9))
  .map(([[base, bits], noise, place, how]) => {
    const max = (1n << BigInt(bits)) - 1n;
    if (how === 0) return textOf(base, bits);
    if (how === 1) return textOf((base + max) & max, bits);
    const flipped = 1n << BigInt(bits - 1 - (place % Math.min(bits, 64)));
    return textOf(((base ^ flipped) & ~(flipped - 1n)) | (noise & (flipped - 1n)), bits);
  });

function textOf(value: bigint, bits: number): string {
  const width = bits === 32 ? 8n : 16n;
  const parts = Array.from({ length: bits === 32 ? 4 : 8 }, (_, i) => BigInt(i)).toReversed();
  const digits = parts.map((i) => (value >> (i * width)) & ((1n << width) - 1n));
  return bits === 32 ? digits.join('.') : digits.map((one) => one.toString(16)).join(':');
}

const judge = `
import ipaddress, json, sys
besides = [ipaddress.ip_network(n) for n in json.loads(sys.argv[1])]
unicast = ipaddress.ip_network('2000::/3')
out = []
for line in sys.stdin:
    a = ipaddress.ip_address(line.strip())
    mapped = getattr(a, 'ipv4_mapped', None)
    if mapped is not None: a = mapped
    known = a.is_global and not a.is_multicast and not a.is_reserved
    extra = any(a.version == n.version and a in n for n in besides) or (a.version == 6 and a not in unicast)
    out.append([known, extra])
print(json.dumps(out))`;

it('allows what Python calls global, but for what is denied besides', (context) => {
  const hasPython = spawnSync('python3', ['-c', 'import ipaddress']).status === 0;
  context.skip(!hasPython, 'needs python3');
  const seed = Math.floor(Math.random() * 2 ** 31);
  const addresses = fc.sample(anyAddress, { numRuns: addressCount, seed });
  const asked = addresses.flatMap((text) => (text.includes('.') ? [text, `::ffff:${text}`] : [text]));
  const answer = execFileSync('python3', ['-c', judge, JSON.stringify(deniedBesides)], {
    input: asked.join('\n'),
    maxBuffer: 64 * 1024 * 1024,
  });
  const verdicts = JSON.parse(answer.toString()) as [boolean, boolean][];
  const differences = asked.flatMap((text, i) => {
    const [isGlobal, isDeniedBesides] = verdicts[i]!;
    const expected = isGlobal && !isDeniedBesides;
    return classifyAddress(text, []).allowed === expected ? [] : [{ text, isGlobal, isDeniedBesides }];
  });
  expect(differences.slice(0, 10), `seed ${seed}`).toEqual([]);
  // Both verdicts came up, often.
  const globalCount = verdicts.filter(([isGlobal, isDeniedBesides]) => isGlobal && !isDeniedBesides).length;
  expect(globalCount).toBeGreaterThan(addressCount / 20);
  expect(verdicts.length - globalCount).toBeGreaterThan(addressCount / 20);
});
