// What providers published themselves: every vector of those that sign a time is accepted, and with a changed body it is not.
import { describe, expect, it } from 'vitest';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { providers } from '../../src/providers/all.ts';
import published from '../support/provider-vectors.json' with { type: 'json' };
import { ed25519Vector, headersOf } from '../support/vectors.ts';

type Vector = {
  readonly provider: string;
  readonly secret: string;
  readonly method?: string;
  readonly url?: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: string;
};

// Other names of rows in the file of vectors.
const rowOf: Readonly<Record<string, string>> = {
  slack: 'slack',
  'standard-webhooks': 'standard-webhooks',
  'paddle-billing': 'paddle',
  'hubspot-v3': 'hubspot',
};

const boxRequest = {
  body: '{"type":"webhook_event","webhook":{"id":"1234567890"},"trigger":"FILE.UPLOADED","source":{"id":"1234567890","type":"file","name":"Test.txt"}}',
  headers: {
    'BOX-DELIVERY-TIMESTAMP': '2020-01-01T00:00:00-07:00',
    'BOX-SIGNATURE-PRIMARY': '6TfeAW3A1PASkgboxxA5yqHNKOwFyMWuEXny/FPD5hI=',
    'BOX-SIGNATURE-SECONDARY': 'v+1CD1Jdo3muIcbpv5lxxgPglOqMfsNHPV899xWYydo=',
  },
};

const more: readonly Vector[] = [
  {
    provider: 'mux',
    secret: 'SuperSecret123',
    body: '{"test":"body"}',
    headers: {
      'Mux-Signature': 't=1565220904,v1=20c75c1180c701ee8a796e81507cfd5c932fc17cf63a4a55566fd38da3a2d3d2',
    },
    source: 'muxinc/mux-node-sdk, tests of webhooks',
  },
  {
    provider: 'sanity',
    secret: 'test',
    body: '{"_id":"resume"}',
    headers: {
      'sanity-webhook-signature': 't=1633519811129,v1=tLa470fx7qkLLEcMOcEUFuBbRSkGujyskxrNXcoh0N0',
    },
    source: 'sanity-io/webhook-toolkit test/signature.test.ts',
  },
  {
    provider: 'sanity',
    secret: 'try-me',
    body: '{"title":"GROQ-Hooks are neat"}',
    headers: {
      'sanity-webhook-signature': 't=1633518820676, v1=e7C9h2sfbFfc4V7TEz7PSOp4IoNzl0UdVsBV-1wgdeA',
    },
    source: 'sanity-io/webhook-toolkit test/signature.test.ts, with the blank that it allows',
  },
  {
    provider: 'orb',
    secret: 'c-UGKYdnhHh436B_sMouYAPUvXyWpzOdunZBV5dFSD8',
    body: '{"id": "o4mmewpfNNTnjfZc", "created_at": "2024-03-27T15:42:29+00:00", "type": "resource_event.test", "properties": {"message": "A test webhook from Orb. Happy testing!"}}',
    headers: {
      'X-Orb-Timestamp': '2024-03-27T15:42:29.551',
      'X-Orb-Signature':
        'v1=9d25de966891ab0bc18754faf8d83d0980b44ae330fcc130b41a6cf3daf1f391 v2=9d25de966891ab0bc1',
    },
    source: 'orbcorp/orb-kotlin WebhookServiceTest.kt, with the second version of its last case',
  },
  { provider: 'box', secret: 'SamplePrimaryKey', ...boxRequest, source: 'box/box-python-sdk test/webhooks' },
  {
    provider: 'box',
    secret: 'SampleSecondaryKey',
    ...boxRequest,
    source: 'box/box-python-sdk test/webhooks',
  },
  {
    provider: 'sinch',
    secret: 'foo_secret1234',
    body: '{"app_id":"01EB37HMH1M6SV18BSNS3G135H","accepted_time":"2020-11-17T15:09:11.659Z","project_id":"c36f3d3d-1513-2edd-ae42-11995557ff61","message_delivery_report":{"message_id":"01EQBC1A3BEK731GY4YXEN0C2R","conversation_id":"01EPYATA64TMNZ1FV02JKF12JF","status":"QUEUED_ON_CHANNEL","contact_id":"01EXA07N79THJ20WSN6AS30TMW"}}',
    headers: {
      'x-sinch-webhook-signature': 'Yc+3R1pIS78xLASybulhs8BsSo9BPB3Pr92QCUoczfk=',
      'x-sinch-webhook-signature-nonce': '01FJA8B4A7BM43YGWSG9GBV067',
      'x-sinch-webhook-signature-timestamp': '1634579353',
    },
    source: 'sinch/sinch-sdk-python, unit tests of conversation webhooks',
  },
  {
    provider: 'buildkite',
    secret: '29b1ff5779c76bd48ba6705eb99ff970',
    body: '{"event":"ping","service":{"id":"c9f8372d-c0cd-43dc-9274-768a875cf6ca","provider":"webhook","settings":{"url":"https://server.com/webhooks"}},"organization":{"id":"49801950-1df0-474f-bb56-ad6a930c5cb9","graphql_id":"T3JnYW5pemF0aW9uLS0tZTBmMzk3MgsTksGkxOWYtZTZjNzczZTJiYjEy","url":"https://api.buildkite.com/v2/organizations/acme-inc","web_url":"https://buildkite.com/acme-inc","name":"ACME Inc","slug":"acme-inc","agents_url":"https://api.buildkite.com/v2/organizations/acme-inc/agents","emojis_url":"https://api.buildkite.com/v2/organizations/acme-inc/emojis","created_at":"2021-02-03T20:34:10.486Z","pipelines_url":"https://api.buildkite.com/v2/organizations/acme-inc/pipelines"},"sender":{"id":"c9f8372d-c0cd-43dc-9269-bcbb7f308e3f","name":"ACME Man"}}',
    headers: {
      'X-Buildkite-Signature':
        'timestamp=1642080837,signature=582d496ac2d869dd97a3101c4cda346288c49a742592daf582ec64c86449f79c',
    },
    source: 'buildkite/go-buildkite webhook_test.go',
  },
  {
    provider: 'twitch',
    secret: 's3cRe7',
    body: '{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387-161a-49f9-a165-0f21d7a4e1c4","status":"webhook_callback_verification_pending","type":"channel.follow","version":"1","condition":{"broadcaster_user_id":"12826"},"transport":{"method":"webhook","callback":"https://example.com/webhooks/callback"},"created_at":"2019-11-16T10:11:12.123Z"}}',
    headers: {
      'Twitch-Eventsub-Message-Id': 'e76c6bd4-55c9-4987-8304-da1588d8988b',
      'Twitch-Eventsub-Message-Timestamp': '2019-11-16T10:11:12.123Z',
      'Twitch-Eventsub-Message-Signature':
        'sha256=7e5a96480c29cdf834b371e7a5b049638cba6e425ea51b9b2a9fabf69bc5d227',
    },
    source: "nicklaw5/helix eventsub_test.go (a library that is not Twitch's)",
  },
  {
    provider: 'coinbase-cdp',
    secret: 'secret',
    body: 'hello !',
    headers: {
      'X-Hook0-Signature': 't=1636936200,v0=1b3d69df55f1e52f05224ba94a5162abeb17ef52cd7f4948c390f810d6a87e98',
    },
    source: 'hook0/hook0 (which signs for Coinbase), tests of its output worker and of its clients',
  },
  {
    provider: 'hubspot-v1',
    secret: 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy',
    body: '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]',
    headers: {
      'X-HubSpot-Signature': '232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de',
    },
    source: 'developers.hubspot.com/docs/faq/v1-request-validation',
  },
  {
    provider: 'hubspot-v2',
    secret: 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy',
    method: 'GET',
    url: 'https://www.example.com/webhook_uri',
    body: '',
    headers: {
      'X-HubSpot-Signature': 'eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e',
    },
    source: 'developers.hubspot.com/docs/faq/v2-request-validation',
  },
  {
    provider: 'standard-webhooks',
    secret: ed25519Vector.verifyWith,
    body: ed25519Vector.body,
    headers: headersOf(ed25519Vector),
    source: 'svix/svix-webhooks, tests of asymmetric signatures',
  },
];

const ours = (published as readonly Vector[]).flatMap((vector) => {
  const provider = rowOf[vector.provider];
  return provider === undefined ? [] : [{ ...vector, provider }];
});
const vectors = [...ours, ...more];

function changed(body: string): string {
  return body === '' ? ' ' : String.fromCharCode(body.charCodeAt(0) ^ 1) + body.slice(1);
}

it('has vectors of every provider that published some', () => {
  const found = new Set(ours.map(({ provider }) => provider));
  expect([...found].sort()).toEqual(Object.values(rowOf).sort());
});

describe.each(vectors)('$provider: $source', ({ provider, secret, ...request }) => {
  const row = providers.get(provider);
  const verify = (body: string) =>
    verifyRequest(row!, { ...request, body }, { secrets: secret, toleranceSeconds: 'any-age' });

  it('is accepted', async () => {
    expect(await verify(request.body)).toMatchObject({ ok: true });
  });

  it('is refused with another body', async () => {
    expect(await verify(changed(request.body))).toMatchObject({ ok: false, reason: 'mismatch' });
  });
});
