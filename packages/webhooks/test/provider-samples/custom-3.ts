// Providers whose proof is a JWT, and the rest of those that sign with a key that everyone may know.
import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, createSign, sign, verify } from 'node:crypto';
import { bird } from '../../src/providers/bird.ts';
import { freshchat } from '../../src/providers/freshchat.ts';
import { fusionauth } from '../../src/providers/fusionauth.ts';
import { googlePubsub } from '../../src/providers/google-pubsub.ts';
import { kick } from '../../src/providers/kick.ts';
import { livekit } from '../../src/providers/livekit.ts';
import { mailchannels } from '../../src/providers/mailchannels.ts';
import { microsoftTeams } from '../../src/providers/microsoft-teams.ts';
import { monday } from '../../src/providers/monday.ts';
import { netlify } from '../../src/providers/netlify.ts';
import { plaid } from '../../src/providers/plaid.ts';
import { travisCi } from '../../src/providers/travis-ci.ts';
import { vonage } from '../../src/providers/vonage.ts';
import { wise } from '../../src/providers/wise.ts';
import { wix } from '../../src/providers/wix.ts';
import { readToken } from '../support/read-token.ts';
import { ecKeys, ed25519Keys, jwkOf, privatePem, publicPem, rsaKeys } from '../support/provider-keys.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const textOf = (body: Uint8Array) => Buffer.from(body).toString();
const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content);
const kickKey = JSON.stringify({ data: { public_key: publicPem(rsaKeys) } });
const travisKey = JSON.stringify({
  config: { notifications: { webhook: { public_key: publicPem(rsaKeys) } } },
});
const travisBuild = {
  id: 1,
  state: 'passed',
  finished_at: '2023-11-14T22:13:20Z',
  repository: { id: 7, name: 'minimal', owner_name: 'svenfuchs' },
};
const wixData = JSON.stringify({
  data: JSON.stringify({
    id: 'evt-1',
    entityId: 'prod-1',
    slug: 'created',
    eventTime: '2023-11-14T22:13:20Z',
  }),
  instanceId: '28e0a6b5-0f0c-4d8e-9c0a-1a2b3c4d5e6f',
  eventType: 'wix.stores.catalog.v1.product_created',
});
const wixToken = ['{"alg":"RS256"}', JSON.stringify({ data: wixData }), 'x']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

export const samples: readonly ProviderSample[] = [
  {
    provider: googlePubsub,
    evidence: 'sdk',
    secret: '',
    signingSecret: privatePem(rsaKeys),
    settings: {
      audience: 'https://hooks.example.com/pubsub',
      serviceAccount: 'push@project.iam.gserviceaccount.com',
    },
    published: {
      'https://www.googleapis.com/oauth2/v3/certs': JSON.stringify({ keys: [jwkOf(rsaKeys, 'test')] }),
    },
    unprotected: ['body'],
    request: {
      body: JSON.stringify({
        message: {
          attributes: { eventType: 'OBJECT_FINALIZE' },
          data: 'SGVsbG8gQ2xvdWQgUHViL1N1YiE=',
          messageId: '2070443601311540',
          orderingKey: 'k1',
          publishTime: '2023-11-14T22:13:20.000Z',
        },
        subscription: 'projects/myproject/subscriptions/mysubscription',
      }),
    },
    events: [{ type: 'OBJECT_FINALIZE', id: '2070443601311540', timeSeconds: 1_700_000_000, orderKey: 'k1' }],
    async oracle({ headers }) {
      const { claims } = await readToken(headers['authorization']?.replace('Bearer ', ''), rsaKeys.publicKey);
      assert.equal(claims.aud, 'https://hooks.example.com/pubsub');
      assert.equal(claims['email'], 'push@project.iam.gserviceaccount.com');
      return {};
    },
  },
  {
    provider: plaid,
    evidence: 'document',
    secret: 'plaid-api-secret',
    signingSecret: privatePem(ecKeys),
    settings: { clientId: '5e3f0a1b2c3d4e5f6a7b8c9d', environment: 'sandbox' },
    published: {
      'https://sandbox.plaid.com/webhook_verification_key/get': JSON.stringify({
        key: { ...jwkOf(ecKeys, 'test'), alg: 'ES256', created_at: 1_560_466_143, expired_at: null },
      }),
    },
    request: {
      body: '{\n  "webhook_type": "TRANSACTIONS",\n  "webhook_code": "SYNC_UPDATES_AVAILABLE",\n  "item_id": "wz666MBjYWTp2PDzzggYhM6oWWmBb",\n  "environment": "sandbox"\n}',
    },
    events: [{ type: 'TRANSACTIONS.SYNC_UPDATES_AVAILABLE', orderKey: 'wz666MBjYWTp2PDzzggYhM6oWWmBb' }],
    async oracle({ headers, body }) {
      const { claims, header } = await readToken(headers['plaid-verification'], ecKeys.publicKey);
      assert.equal(header.alg, 'ES256');
      assert.equal(claims['request_body_sha256'], sha256(body).digest('hex'));
      return {};
    },
  },
  {
    provider: netlify,
    evidence: 'document',
    secret: 'netlify-jws-secret-token',
    request: {
      body: JSON.stringify({
        id: '5f1',
        site_id: 'a1',
        state: 'ready',
        updated_at: '2023-11-14T22:13:20.000Z',
      }),
      headers: { 'X-Netlify-Event': 'deploy_created' },
    },
    events: [
      {
        type: 'deploy_created',
        id: '5f1:deploy_created:2023-11-14T22:13:20.000Z',
        timeSeconds: 1_700_000_000,
        orderKey: 'a1',
      },
    ],
    async oracle({ headers, body }, secret) {
      const { claims } = await readToken(headers['x-webhook-signature'], secret);
      assert.deepEqual([claims.iss, claims['sha256']], ['netlify', sha256(body).digest('hex')]);
      return {};
    },
  },
  {
    provider: livekit,
    evidence: 'sdk',
    secret: 'livekit-api-secret-of-32-characters',
    settings: { apiKey: 'APIabcdefg' },
    request: {
      body: '{"event":"room_started","room":{"sid":"RM_hycBMAjmt6Ub","name":"Demo Room"},"id":"EV_eugWmGhovZmm","createdAt":"1700000000"}',
      headers: { 'Content-Type': 'application/webhook+json' },
    },
    events: [
      {
        type: 'room_started',
        id: 'EV_eugWmGhovZmm',
        timeSeconds: 1_700_000_000,
        orderKey: 'RM_hycBMAjmt6Ub',
      },
    ],
    async oracle({ headers, body }, secret) {
      const { claims } = await readToken(headers['authorization'], secret);
      assert.deepEqual([claims.iss, claims['sha256']], ['APIabcdefg', sha256(body).digest('base64')]);
      return {};
    },
  },
  {
    provider: bird,
    evidence: 'vector',
    secret: '36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb',
    request: {
      url: 'https://hooks.example.com/bird?a=1',
      body: JSON.stringify({
        type: 'message.created',
        conversation: { id: '2e15efafec384e1c82e9842075e87beb' },
        message: {
          id: '8909570be40c4d6f9d2f3b1b2f3a4b5c',
          status: 'received',
          updatedDatetime: '2023-11-14T22:13:20Z',
        },
      }),
    },
    events: [
      {
        type: 'message.created',
        id: '8909570be40c4d6f9d2f3b1b2f3a4b5c:received:message.created',
        timeSeconds: 1_700_000_000,
        orderKey: '2e15efafec384e1c82e9842075e87beb',
      },
    ],
    async oracle({ headers, body, url }, secret) {
      const { claims } = await readToken(headers['messagebird-signature-jwt'], secret);
      assert.equal(claims['url_hash'], sha256(url).digest('hex'));
      assert.equal(claims['payload_hash'], sha256(body).digest('hex'));
      return {};
    },
  },
  {
    provider: vonage,
    evidence: 'document',
    secret: 'dev_signature_secret_of_32_chars!',
    request: {
      body: JSON.stringify({
        message_uuid: 'aaaaaaaa-bbbb-cccc-dddd-0123456789ab',
        to: '447700900000',
        from: '447700900001',
        timestamp: '2023-11-14T22:13:20Z',
        status: 'delivered',
        channel: 'sms',
      }),
    },
    events: [
      {
        type: 'delivered',
        id: 'aaaaaaaa-bbbb-cccc-dddd-0123456789ab:delivered',
        timeSeconds: 1_700_000_000,
        orderKey: 'aaaaaaaa-bbbb-cccc-dddd-0123456789ab',
      },
    ],
    async oracle({ headers, body }, secret) {
      const { claims } = await readToken(headers['authorization']?.replace('Bearer ', ''), secret);
      assert.deepEqual([claims.iss, claims['payload_hash']], ['Vonage', sha256(body).digest('hex')]);
      return {};
    },
  },
  {
    provider: fusionauth,
    evidence: 'document',
    secret: 'Yk5zV2p3T1h1bW9kZXJuLWZ1c2lvbi1rZXk',
    request: {
      body: JSON.stringify({
        event: {
          id: '9e5a3d4f-7a1b-4c2d-8e3f-0a1b2c3d4e5f',
          type: 'user.create',
          createInstant: 1_700_000_000_000,
          tenantId: 't1',
          user: { id: '00000000-0000-0001-0000-000000000000' },
        },
      }),
    },
    events: [
      {
        type: 'user.create',
        id: '9e5a3d4f-7a1b-4c2d-8e3f-0a1b2c3d4e5f',
        timeSeconds: 1_700_000_000,
        orderKey: '00000000-0000-0001-0000-000000000000',
      },
    ],
    async oracle({ headers, body }, secret) {
      const { claims } = await readToken(headers['x-fusionauth-signature-jwt'], secret);
      assert.equal(claims['request_body_sha256'], sha256(body).digest('base64'));
      return {};
    },
  },
  {
    provider: monday,
    evidence: 'document',
    secret: 'monday-signing-secret-0123456789ab',
    settings: { audience: 'https://hooks.example.com/monday' },
    unprotected: ['body'],
    request: {
      body: JSON.stringify({
        event: {
          userId: 9603417,
          boardId: 1771812698,
          pulseId: 1772099344,
          type: 'create_pulse',
          triggerTime: '2023-11-14T22:13:20.000Z',
          triggerUuid: 'b5ed2e17c530f43668de130142445cba',
        },
      }),
    },
    events: [
      {
        type: 'create_pulse',
        id: 'b5ed2e17c530f43668de130142445cba',
        timeSeconds: 1_700_000_000,
        orderKey: '1772099344',
      },
    ],
    async oracle({ headers }, secret) {
      const { claims } = await readToken(headers['authorization'], secret);
      assert.deepEqual([claims['accountId'], claims.aud], [1, 'https://hooks.example.com/monday']);
      return {};
    },
  },
  {
    provider: wix,
    evidence: 'document',
    secret: publicPem(rsaKeys),
    signingSecret: privatePem(rsaKeys),
    request: { body: wixToken, headers: { 'Content-Type': 'text/plain' } },
    events: [
      {
        type: 'wix.stores.catalog.v1.product_created',
        id: 'evt-1',
        timeSeconds: 1_700_000_000,
        orderKey: 'prod-1',
      },
    ],
    async oracle({ body }) {
      const { claims } = await readToken(textOf(body), rsaKeys.publicKey);
      assert.equal(claims['data'], wixData);
      return {};
    },
  },
  {
    provider: wise,
    evidence: 'document',
    secret: publicPem(rsaKeys),
    signingSecret: privatePem(rsaKeys),
    request: {
      body: JSON.stringify({
        data: { resource: { id: 111, type: 'transfer' }, occurred_at: '2023-11-14T22:13:20Z' },
        subscription_id: '01234567-89ab-cdef-0123-456789abcdef',
        event_type: 'transfers#state-change',
        schema_version: '2.0.0',
      }),
      headers: { 'X-Delivery-Id': 'd8f3a1b2-9b1c-4c8e-8f1a-0a1b2c3d4e5f' },
    },
    events: [
      {
        type: 'transfers#state-change',
        id: 'd8f3a1b2-9b1c-4c8e-8f1a-0a1b2c3d4e5f',
        timeSeconds: 1_700_000_000,
        orderKey: '111',
      },
    ],
    oracle: ({ body }) => ({
      'x-signature-sha256': createSign('sha256').update(body).sign(rsaKeys.privateKey, 'base64'),
    }),
  },
  {
    provider: kick,
    evidence: 'document',
    secret: '',
    signingSecret: privatePem(rsaKeys),
    published: { 'https://api.kick.com/public/v1/public-key': kickKey },
    request: {
      body: JSON.stringify({ message_id: 'm1', broadcaster: { user_id: 123456789 }, content: 'Hello' }),
      headers: {
        'Kick-Event-Message-Id': '01JCW2S8Q3F6Y5T9V0N7X4Z1BA',
        'Kick-Event-Message-Timestamp': '2023-11-14T22:13:20Z',
        'Kick-Event-Type': 'chat.message.sent',
      },
    },
    events: [
      {
        type: 'chat.message.sent',
        id: '01JCW2S8Q3F6Y5T9V0N7X4Z1BA',
        timeSeconds: 1_700_000_000,
        orderKey: '123456789',
      },
    ],
    oracle: ({ body }) => ({
      'kick-event-signature': createSign('sha256')
        .update(`01JCW2S8Q3F6Y5T9V0N7X4Z1BA.2023-11-14T22:13:20Z.${textOf(body)}`)
        .sign(rsaKeys.privateKey, 'base64'),
    }),
  },
  {
    provider: mailchannels,
    evidence: 'document',
    secret: '',
    signingSecret: privatePem(ed25519Keys),
    settings: { customerHandle: 'examplecorp' },
    published: {
      'https://api.mailchannels.net/tx/v1/webhook/public-key?id=test': JSON.stringify({
        id: 'test',
        key: createPublicKey(ed25519Keys.privateKey)
          .export({ type: 'spki', format: 'der' })
          .toString('base64'),
      }),
    },
    request: {
      body: JSON.stringify([
        {
          email: 'sender@example.com',
          customer_handle: 'examplecorp',
          timestamp: 1_700_000_000,
          event: 'delivered',
          request_id: 'req-1',
          smtp_id: '<smtp-1@example.com>',
        },
      ]),
    },
    events: [
      {
        type: 'delivered',
        id: 'req-1:<smtp-1@example.com>:delivered:1700000000',
        timeSeconds: 1_700_000_000,
        orderKey: 'req-1',
      },
    ],
    oracle({ body, headers }) {
      const digest = `sha-256=:${sha256(body).digest('base64')}:`;
      const params = '("content-digest");created=1700000000;alg="ed25519";keyid="test"';
      const content = `"content-digest": ${digest}\n"@signature-params": ${params}`;
      const signature = sign(null, Buffer.from(content), ed25519Keys.privateKey);
      assert.ok(verify(null, Buffer.from(content), ed25519Keys.publicKey, signature));
      assert.equal(headers['signature-input'], `sig_1=${params}`);
      return { 'content-digest': digest, signature: `sig_1=:${signature.toString('base64')}:` };
    },
  },
  {
    provider: freshchat,
    evidence: 'document',
    secret: publicPem(rsaKeys),
    signingSecret: privatePem(rsaKeys),
    request: {
      body: JSON.stringify({
        actor: { actor_type: 'user', actor_id: 'c8fddfaf-622a-4a0e-b060-4f3ccbeab606' },
        action: 'message_create',
        action_time: '2023-11-14T22:13:20.000Z',
        data: { message: { id: 'm1', conversation_id: 'c1', message_type: 'normal' } },
      }),
    },
    events: [{ type: 'message_create', id: 'message_create:m1', timeSeconds: 1_700_000_000, orderKey: 'c1' }],
    oracle: ({ body }) => ({
      'x-freshchat-signature': createSign('sha256').update(body).sign(rsaKeys.privateKey, 'base64'),
    }),
  },
  {
    provider: travisCi,
    evidence: 'document',
    secret: '',
    signingSecret: privatePem(rsaKeys),
    settings: { owner: 'svenfuchs' },
    published: { 'https://api.travis-ci.com/config': travisKey },
    request: {
      body: `payload=${encodeURIComponent(JSON.stringify(travisBuild))}`,
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Travis-Repo-Slug': 'svenfuchs/minimal',
      },
    },
    events: [
      {
        type: 'build.passed',
        id: '1:passed:2023-11-14T22:13:20Z',
        timeSeconds: 1_700_000_000,
        orderKey: '7',
      },
    ],
    oracle: () => ({
      signature: createSign('sha1').update(JSON.stringify(travisBuild)).sign(rsaKeys.privateKey, 'base64'),
    }),
  },
  {
    provider: microsoftTeams,
    evidence: 'document',
    // Teams gives 32 bytes in base64; this one has 33, so that no padding stands at its end.
    secret: 'VGVhbXMgb3V0Z29pbmcgd2ViaG9vayBzZWNyZXQgMTIz',
    request: {
      body: JSON.stringify({
        type: 'message',
        id: '1485983408511',
        timestamp: '2023-11-14T22:13:20.000Z',
        text: '<at>Build</at> status',
        conversation: { id: '19:253b1f341670408fb6fe51050b6e5ceb@thread.skype' },
      }),
    },
    events: [
      {
        type: 'message',
        id: '19:253b1f341670408fb6fe51050b6e5ceb@thread.skype:1485983408511',
        timeSeconds: 1_700_000_000,
        orderKey: '19:253b1f341670408fb6fe51050b6e5ceb@thread.skype',
      },
    ],
    oracle: ({ body }, secret) => ({
      authorization: `HMAC ${createHmac('sha256', Buffer.from(secret, 'base64')).update(body).digest('base64')}`,
    }),
  },
];
