// What must hold for every provider: its own signature is accepted, and nothing that was changed is.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Provider, RequestDraft, Scheme } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { providers } from '../../src/providers/all.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const nowMs = 1_700_000_000_000;
const folder = new URL('../provider-samples/', import.meta.url);
const files = readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith('.ts'));
const modules = await Promise.all(
  files.map((name) => import(new URL(name, folder).href) as Promise<{ samples: readonly ProviderSample[] }>),
);
const samples = modules.flatMap((module) => module.samples);
const signable = samples.filter(({ provider: { schemes } }) => schemes[0] && isSignable(schemes[0]));

function isSignable(scheme: Scheme): boolean {
  return scheme.kind === 'custom' ? scheme.sign !== undefined : scheme.kind !== 'unsigned';
}

function signed({
  provider,
  secret,
  signingSecret,
  settings,
  request,
}: ProviderSample): Promise<RequestDraft> {
  return signRequest(provider, {
    ...request,
    secret: signingSecret ?? secret,
    nowMs,
    ...(settings ? { settings } : {}),
  });
}

function verified(
  { provider, secret, settings, published = {} }: ProviderSample,
  draft: RequestDraft,
  changed: { secrets?: string[]; nowMs?: number } = {},
) {
  return verifyRequest(provider, draft, {
    secrets: changed.secrets ?? [secret],
    now: () => changed.nowMs ?? nowMs,
    ...(settings ? { settings } : {}),
    fetchText: (url) =>
      published[url] === undefined
        ? Promise.reject(new Error(`nothing stands at ${url}`))
        : Promise.resolve(published[url]),
  });
}

/** What of the body its scheme protects, as the row says it. */
function coverOf(scheme: Scheme): 'body' | 'part' | 'nothing' {
  const isSigned = scheme.kind === 'signature' || scheme.kind === 'custom';
  return scheme.covers ?? (isSigned ? 'body' : 'nothing');
}

function toleranceOf(provider: Provider): number | undefined {
  const [scheme] = provider.schemes;
  return scheme?.kind === 'signature' ? scheme.timestamp?.toleranceSeconds : undefined;
}

function flipped(bytes: Uint8Array<ArrayBuffer>, bit: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  const index = Math.floor(bit / 8) % copy.length;
  copy[index] = (copy[index] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

/** The headers that signing added: what a change of must be refused. */
function addedHeaders(sample: ProviderSample, draft: RequestDraft): string[] {
  const given = new Set(Object.keys(sample.request.headers ?? {}).map((name) => name.toLowerCase()));
  return Object.keys(draft.headers).filter((name) => !given.has(name) && name !== 'content-type');
}

it('has a sample for every provider, and every provider in the list', () => {
  const sampled = samples.map(({ provider }) => provider.name).sort();
  expect([...new Set(sampled)]).toEqual([...providers.keys()].sort());
});

it('lists the rows of its folder', () => {
  const script = fileURLToPath(new URL('../../../../scripts/list-providers.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it('names every provider in lower-case words, once', () => {
  for (const [name, provider] of providers) {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(provider.docs).toMatch(/^https:\/\//);
    expect(provider.schemes.length).toBeGreaterThan(0);
  }
});

describe.each(samples)('$provider.name', (sample) => {
  const { provider, request, events } = sample;

  it('says what happened', () => {
    const received = { headers: request.headers ?? {}, ...request };
    const found = readEvents(provider, received).map((event) => ({ ...event, payload: undefined }));
    expect(found).toEqual(events.map((event) => ({ ...event, payload: undefined })));
  });

  it('refuses without a secret, or without a word that none is needed', async () => {
    const isPublished = provider.secret.madeBy === 'nobody' && provider.schemes[0]?.kind !== 'unsigned';
    for (const secrets of [[], ['']]) {
      const verdict = await verifyRequest(provider, { headers: {}, ...request }, { secrets });
      // Where the provider's own keys verify, nothing may be missing but the signature.
      expect(verdict).toMatchObject({ ok: false, ...(isPublished ? {} : { reason: 'misconfigured' }) });
    }
  });

  it('says whether the body is protected', () => {
    const [scheme] = provider.schemes;
    expect(scheme && coverOf(scheme) === 'body').toBe(!sample.unprotected?.includes('body'));
  });
});

describe.each(signable)('$provider.name, signed', (sample) => {
  const { provider, secret, unprotected = [] } = sample;

  it('accepts its own signature, also with an older secret beside it', async () => {
    const draft = await signed(sample);
    expect(await verified(sample, draft)).toMatchObject({ ok: true, secretIndex: 0 });
    if (sample.signingSecret !== undefined) return;
    const rotated = await verified(sample, draft, { secrets: [`${secret.slice(0, -2)}AA`, secret] });
    expect(rotated).toMatchObject({ ok: true, secretIndex: 1 });
  });

  const { oracle } = sample;
  if (oracle) {
    it('signs as its oracle does', async () => {
      const draft = await signed(sample);
      expect(draft.headers).toMatchObject(await oracle(draft, sample.signingSecret ?? secret));
    });
  }

  const testOfBody = unprotected.includes('body') ? undefined : it;
  testOfBody?.('refuses a body with a flipped bit', async () => {
    const draft = await signed(sample);
    const isForm = draft.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: draft.body.length * 8 - 1 }), async (bit) => {
        const changed = { ...draft, body: flipped(draft.body, bit) };
        const verdict = await verified(sample, changed);
        // A form has several ways to write the same field (%2B and %2b): what is read must be the same then.
        if (isForm && verdict.ok) expect(readEvents(provider, changed)).toEqual(readEvents(provider, draft));
        else expect(verdict.ok).toBe(false);
      }),
    );
  });

  it('refuses another secret', async () => {
    const draft = await signed(sample);
    const first = secret.startsWith('A') ? 'B' : 'A';
    for (const other of [`${secret.slice(0, -3)}AAA`, first + secret.slice(1)].filter(
      (each) => each !== secret,
    )) {
      if (sample.signingSecret === undefined) {
        expect(await verified(sample, draft, { secrets: [other] })).toMatchObject({ ok: false });
      }
    }
  });

  it('refuses changed, empty and missing headers, and never throws', async () => {
    const draft = await signed(sample);
    for (const name of addedHeaders(sample, draft)) {
      const value = draft.headers[name] ?? '';
      const { [name]: _, ...without } = draft.headers;
      expect((await verified(sample, { ...draft, headers: without })).ok).toBe(false);
      const last = value.slice(-1) === '1' ? '2' : '1';
      for (const changed of ['', 'x', `${value}x`, `x${value}`, value.slice(0, -4) + last.repeat(4)]) {
        const verdict = await verified(sample, { ...draft, headers: { ...draft.headers, [name]: changed } });
        expect({ name, changed, ok: verdict.ok }).toEqual({ name, changed, ok: false });
      }
    }
  });

  it('refuses any text in its headers, and never throws', async () => {
    const draft = await signed(sample);
    const names = addedHeaders(sample, draft);
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        ...names.map((name) => draft.headers[name] ?? ''),
        '=',
        ',',
        ';',
        ' ',
        't=',
        'v1=',
        'sha256=',
      ),
    );
    const value = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...names, 'x'), value), async (headers) => {
        const changed = { ...draft.headers, ...headers };
        const verdict = await verified(sample, { ...draft, headers: changed, body: flipped(draft.body, 3) });
        expect(verdict.ok).toBe(unprotected.includes('body') && verdict.ok);
      }),
    );
  });

  const toleranceSeconds = toleranceOf(provider);
  const testOfAge = toleranceSeconds === undefined ? undefined : it;
  testOfAge?.('refuses what is too old, and what is too new', async () => {
    const draft = await signed(sample);
    const tolerance = (toleranceSeconds ?? 0) * 1_000;
    const at = (ms: number) => verified(sample, draft, { nowMs: nowMs + ms });
    expect(await at(tolerance)).toMatchObject({ ok: true });
    expect(await at(tolerance + 1_000)).toMatchObject({ ok: false, reason: 'stale' });
    expect(await at(-tolerance)).toMatchObject({ ok: true });
    expect(await at(-tolerance - 1_000)).toMatchObject({ ok: false, reason: 'future' });
  });
});
