// What rows of this family promise beside their own signature: other headers, rotation, tokens.
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/provider/provider.ts';
import { readEvents } from '../../src/provider/read-events.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { buildkite } from '../../src/providers/buildkite.ts';
import { gitlab } from '../../src/providers/gitlab.ts';
import { grafana } from '../../src/providers/grafana.ts';
import { hubspotV2 } from '../../src/providers/hubspot-v2.ts';
import { persona } from '../../src/providers/persona.ts';
import { recurly } from '../../src/providers/recurly.ts';
import { resend } from '../../src/providers/resend.ts';
import { revenuecat } from '../../src/providers/revenuecat.ts';
import { sign } from '../../src/sign.ts';
import { mac, signedAtMs, signedAtSeconds } from '../support/oracles.ts';

const body = '{"type":"user.created"}';
const now = () => signedAtMs;
const hmacSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

function verify(provider: Provider, headers: Record<string, string>, secrets: string | string[]) {
  return verifyRequest(provider, { headers, body }, { secrets, now });
}

describe('Svix under another name', () => {
  it.each(['webhook-', 'svix-'] as const)('is verified by %s headers', async (headerPrefix) => {
    const input = { id: 'msg_1', timestamp: signedAtSeconds, body, secrets: hmacSecret, headerPrefix };
    expect(await verify(resend, await sign(input), hmacSecret)).toMatchObject({ ok: true, id: 'msg_1' });
  });
});

describe('lists of signatures', () => {
  const hexOf = (secret: string, time: number) => mac(secret, `${time}.`, body).digest('hex');

  it('finds either of two sets parted by a blank', async () => {
    const set = (secret: string) => `t=${signedAtSeconds},v1=${hexOf(secret, signedAtSeconds)}`;
    const headers = { 'persona-signature': `${set('old')} ${set('new')}` };
    for (const secret of ['old', 'new']) {
      expect(await verify(persona, headers, secret)).toMatchObject({ ok: true });
    }
    expect(await verify(persona, headers, 'other')).toMatchObject({ ok: false, reason: 'mismatch' });
  });

  it('finds any signature behind a time without a key', async () => {
    const headers = {
      'recurly-signature': [signedAtMs, hexOf('old', signedAtMs), hexOf('new', signedAtMs)].join(','),
    };
    for (const secret of ['old', 'new']) {
      expect(await verify(recurly, headers, secret)).toMatchObject({ ok: true, timestamp: signedAtSeconds });
    }
    const alone = { 'recurly-signature': String(signedAtMs) };
    expect(await verify(recurly, alone, 'old')).toMatchObject({ ok: false, reason: 'malformed-header' });
  });
});

describe('a token where there is no signature', () => {
  it.each([
    [gitlab, 'x-gitlab-token'],
    [buildkite, 'x-buildkite-token'],
    [revenuecat, 'authorization'],
  ])('is compared: $name', async (provider, header) => {
    expect(await verify(provider, { [header]: 'the token' }, ['other', 'the token'])).toEqual({
      ok: true,
      secretIndex: 1,
    });
    expect(await verify(provider, { [header]: 'a token' }, 'the token')).toMatchObject({
      reason: 'mismatch',
    });
    expect(await verify(provider, {}, 'the token')).toMatchObject({ reason: 'missing-header' });
  });

  it('cannot rescue a bad signature, and does not stand in the way of a good one', async () => {
    const secrets = ['the token', hmacSecret];
    const good = await sign({ id: 'msg_1', timestamp: signedAtSeconds, body, secrets: hmacSecret });
    const headers = { ...good, 'x-gitlab-token': 'the token' };
    expect(await verify(gitlab, headers, secrets)).toMatchObject({ ok: true, secretIndex: 1 });
    const bad = { ...headers, 'webhook-signature': `v1,${'A'.repeat(43)}=` };
    expect(await verify(gitlab, bad, secrets)).toMatchObject({ ok: false, reason: 'mismatch' });
    expect(await verify(gitlab, headers, 'the token')).toMatchObject({ ok: false, reason: 'misconfigured' });
  });
});

it('takes either documented name of a header that is free to choose', async () => {
  const headers = {
    'x-grafana-alerting-timestamp': String(signedAtSeconds),
    'x-grafana-alerting-signature': mac('secret', `${signedAtSeconds}:`, body).digest('hex'),
  };
  expect(await verify(grafana, headers, 'secret')).toMatchObject({ ok: true });
});

it('makes no id of what is only a part of one', () => {
  const workflow = { headers: {}, body: '[{"portalId":62515,"objectId":7}]' };
  expect(readEvents(hubspotV2, workflow)).toEqual([
    { type: 'unknown', orderKey: '62515:7', payload: { portalId: 62_515, objectId: 7 } },
  ]);
});
