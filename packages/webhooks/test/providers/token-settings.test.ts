// Whom a token must name is said by the operator, never left open by saying nothing.
import { createHash, createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { livekit } from '../../src/providers/livekit.ts';
import { monday } from '../../src/providers/monday.ts';

const secret = 'a-secret-that-many-tokens-share-0123';
const nowMs = 1_700_000_000_000;
const body = '{"event":"room_started"}';
const endpoint = 'https://hooks.example.com/monday';

async function tokenWith(claims: Readonly<Record<string, unknown>>): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(nowMs / 1_000 + 300)
    .sign(createSecretKey(Buffer.from(secret)));
}

async function verified(
  provider: typeof livekit | typeof monday,
  claims: Readonly<Record<string, unknown>>,
  settings?: Readonly<Record<string, string>>,
) {
  const headers = { authorization: await tokenWith(claims) };
  const options = { secrets: secret, now: () => nowMs, ...(settings && { settings }) };
  return verifyRequest(provider, { headers, body }, options);
}

describe('LiveKit', () => {
  const sha256 = createHash('sha256').update(body).digest('base64');

  it('takes tokens of the API key, and of no other', async () => {
    const settings = { apiKey: 'APIabcdefg' };
    expect(await verified(livekit, { iss: 'APIabcdefg', sha256 }, settings)).toMatchObject({ ok: true });
    for (const iss of ['APIother', '', undefined]) {
      const verdict = await verified(livekit, { ...(iss !== undefined && { iss }), sha256 }, settings);
      expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    }
  });

  it.each([undefined, {}, { apiKey: '' }])(
    'takes nothing while the key is not said: %j',
    async (settings) => {
      const verdict = await verified(livekit, { iss: '', sha256 }, settings);
      expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
      expect(verdict).toHaveProperty('detail', expect.stringContaining('apiKey'));
    },
  );
});

describe('monday.com', () => {
  it('takes tokens for the endpoint, and for no other', async () => {
    const settings = { audience: endpoint };
    for (const aud of [endpoint, ['https://a.example', endpoint]])
      expect(await verified(monday, { aud }, settings)).toMatchObject({ ok: true });
    for (const aud of ['https://hooks.example.com/other', `${endpoint}/`, '', 'any', undefined]) {
      const verdict = await verified(monday, aud === undefined ? {} : { aud }, settings);
      expect(verdict).toMatchObject({ ok: false, reason: 'mismatch' });
    }
  });

  it('takes those for any endpoint of the app only where that is said', async () => {
    const settings = { audience: 'any' };
    expect(await verified(monday, { aud: 'https://a.example' }, settings)).toMatchObject({ ok: true });
    expect(await verified(monday, {}, settings)).toMatchObject({ ok: true });
  });

  it.each([undefined, {}, { audience: '' }])(
    'takes nothing while the endpoint is not said: %j',
    async (settings) => {
      const verdict = await verified(monday, { aud: endpoint }, settings);
      expect(verdict).toMatchObject({ ok: false, reason: 'misconfigured' });
      expect(verdict).toHaveProperty('detail', expect.stringContaining('audience'));
    },
  );
});
