// Tokens of Microsoft Entra: those of Graph's rich notifications, and Event Grid's.
import { createSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signRequest } from '../../src/provider/sign-request.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { azureEventGridEntra } from '../../src/providers/azure-event-grid-entra.ts';
import { microsoftGraph } from '../../src/providers/microsoft-graph.ts';
import { ecKeys, jwkOf, privatePem, rsaKeys } from '../support/provider-keys.ts';
import type { KeyPair } from '../support/provider-keys.ts';

const nowMs = 1_700_000_000_000;
const exp = nowMs / 1_000 + 3_600;
const tenant = '84bd8158-6d4d-4958-8b9f-9d6445542f95';
const otherTenant = '11111111-2222-3333-4444-555555555555';
const appId = '8e460676-ae3f-4b1e-8790-ee0fb5d6ef13';
const keySet = 'https://login.microsoftonline.com/common/discovery/v2.0/keys';
const graph = '0bf30f3b-4a52-48df-9a82-234910c4a086';
const eventGrid = '4962773b-9cdb-44cf-a8bf-237846a00ab7';
const ofGraph = {
  aud: appId,
  iss: `https://sts.windows.net/${tenant}/`,
  appid: graph,
  tid: tenant,
  exp,
  ver: '1.0',
};

/** Made without our code. */
function tokenOf(
  claims: object,
  keys: KeyPair = rsaKeys,
  header: object = { alg: 'RS256', kid: 'k1' },
): string {
  const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const signature = createSign('sha256').update(parts.join('.')).sign(keys.privateKey, 'base64url');
  return [...parts, signature].join('.');
}

function reader() {
  const asked: string[] = [];
  return {
    asked,
    async fetchText(url: string) {
      asked.push(url);
      return JSON.stringify({ keys: [jwkOf(rsaKeys, 'k1')] });
    },
  };
}

describe('rich notifications of Graph', () => {
  async function verdictOf(
    validationTokens: unknown,
    {
      tenants = [tenant],
      settings = { appId },
    }: { tenants?: unknown[]; settings?: Record<string, string> } = {},
  ) {
    const { asked, fetchText } = reader();
    const value = tenants.map((tenantId) => ({ clientState: 'ours', changeType: 'created', tenantId }));
    const body = JSON.stringify({ value, validationTokens });
    const options = { secrets: 'ours', settings, fetchText, now: () => nowMs };
    const verdict = await verifyRequest(microsoftGraph, { headers: {}, body }, options);
    return { verdict: verdict.ok || verdict.reason, asked };
  }

  it('are taken with a token for each tenant, of either version', async () => {
    expect(await verdictOf([tokenOf(ofGraph)])).toEqual({ verdict: true, asked: [keySet] });
    const iss = `https://login.microsoftonline.com/${otherTenant}/v2.0`;
    const second = tokenOf({ aud: appId, azp: graph, tid: otherTenant, iss, exp });
    const both = await verdictOf([tokenOf(ofGraph), second], { tenants: [tenant, otherTenant] });
    expect(both.verdict).toBe(true);
  });

  it.each([
    ['no token', undefined, 'missing-header'],
    ['an empty list', [], 'missing-header'],
    ['what is no token', [null], 'malformed-header'],
    ['too many', Array(65).fill(tokenOf(ofGraph)), 'too-large'],
    ['one that holds and one that does not', [tokenOf(ofGraph), `${tokenOf(ofGraph)}x`], 'malformed-header'],
    ['another key', [tokenOf(ofGraph, ecKeys)], 'mismatch'],
    ['a key that is not published', [tokenOf(ofGraph, rsaKeys, { alg: 'RS256', kid: 'k2' })], 'unknown-key'],
    ['no signature', [tokenOf(ofGraph, rsaKeys, { alg: 'none', kid: 'k1' })], 'malformed-header'],
    ['another application', [tokenOf({ ...ofGraph, aud: otherTenant })], 'mismatch'],
    ['another publisher', [tokenOf({ ...ofGraph, appid: appId })], 'mismatch'],
    ['a publisher in the wrong claim', [tokenOf({ ...ofGraph, azp: appId })], 'mismatch'],
    [
      'an issuer that is not Entra',
      [tokenOf({ ...ofGraph, iss: `https://sts.example.com/${tenant}/` })],
      'mismatch',
    ],
    ['an issuer of another tenant', [tokenOf({ ...ofGraph, tid: otherTenant })], 'mismatch'],
    ['an end that is over', [tokenOf({ ...ofGraph, exp: exp - 7_200 })], 'stale'],
    ['no end', [tokenOf({ ...ofGraph, exp: undefined })], 'mismatch'],
  ])('are refused with %s', async (_, tokens, reason) => {
    expect((await verdictOf(tokens)).verdict).toBe(reason);
  });

  it('are refused when one is of a tenant without a token', async () => {
    for (const other of [otherTenant, undefined]) {
      const { verdict } = await verdictOf([tokenOf(ofGraph)], { tenants: [tenant, other] });
      expect(verdict).toBe('mismatch');
    }
  });

  it('are taken by clientState alone when no application is named', async () => {
    expect(await verdictOf(undefined, { settings: {} })).toEqual({ verdict: true, asked: [] });
  });
});

describe('Event Grid with a token', () => {
  const settings = { audience: 'api://hooks', tenantId: tenant };
  const good = {
    aud: 'api://hooks',
    iss: `https://login.microsoftonline.com/${tenant}/v2.0`,
    azp: eventGrid,
    tid: tenant,
    exp,
  };

  async function verdictOf(authorization: string | undefined) {
    const { fetchText } = reader();
    const headers = authorization === undefined ? {} : { authorization };
    const options = { secrets: [], settings, fetchText, now: () => nowMs };
    const verdict = await verifyRequest(azureEventGridEntra, { headers, body: '[]' }, options);
    return verdict.ok || verdict.reason;
  }

  it.each([
    ['of version 2.0', `Bearer ${tokenOf(good)}`, true],
    [
      'of version 1.0',
      `bearer ${tokenOf({ ...good, azp: undefined, appid: eventGrid, iss: `https://sts.windows.net/${tenant}/` })}`,
      true,
    ],
    ['that is missing', undefined, 'missing-header'],
    ['of another service', `Bearer ${tokenOf({ ...good, azp: graph })}`, 'mismatch'],
    ['for another audience', `Bearer ${tokenOf({ ...good, aud: 'api://other' })}`, 'mismatch'],
    [
      'of another tenant',
      `Bearer ${tokenOf({ ...good, tid: otherTenant, iss: `https://sts.windows.net/${otherTenant}/` })}`,
      'mismatch',
    ],
    ['that has expired', `Bearer ${tokenOf({ ...good, exp: exp - 7_200 })}`, 'stale'],
  ])('%s', async (_, authorization, expected) => {
    expect(await verdictOf(authorization)).toBe(expected);
  });

  it('is signed for tests', async () => {
    const draft = await signRequest(azureEventGridEntra, {
      body: '[]',
      secret: privatePem(rsaKeys),
      settings,
      nowMs,
    });
    const fetchText = async () => JSON.stringify({ keys: [jwkOf(rsaKeys, 'test')] });
    const options = { secrets: [], settings, fetchText, now: () => nowMs };
    expect(await verifyRequest(azureEventGridEntra, draft, options)).toMatchObject({ ok: true });
  });
});
