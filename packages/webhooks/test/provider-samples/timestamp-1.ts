// Standard Webhooks under other names, most of them sent by Svix. The oracle is the library that their documents name.
import type { Provider } from '../../src/provider/provider.ts';
import { anthropic } from '../../src/providers/anthropic.ts';
import { beehiiv } from '../../src/providers/beehiiv.ts';
import { brex } from '../../src/providers/brex.ts';
import { clerk } from '../../src/providers/clerk.ts';
import { dodoPayments } from '../../src/providers/dodo-payments.ts';
import { drata } from '../../src/providers/drata.ts';
import { fathom } from '../../src/providers/fathom.ts';
import { gemini } from '../../src/providers/gemini.ts';
import { gitlab } from '../../src/providers/gitlab.ts';
import { incidentIo } from '../../src/providers/incident-io.ts';
import { lithic } from '../../src/providers/lithic.ts';
import { loops } from '../../src/providers/loops.ts';
import { openai } from '../../src/providers/openai.ts';
import { pleo } from '../../src/providers/pleo.ts';
import { polar } from '../../src/providers/polar.ts';
import { recallAi } from '../../src/providers/recall-ai.ts';
import { render } from '../../src/providers/render.ts';
import { replicate } from '../../src/providers/replicate.ts';
import { resend } from '../../src/providers/resend.ts';
import { shipbob } from '../../src/providers/shipbob.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts';
import { stytch } from '../../src/providers/stytch.ts';
import { supabaseAuth } from '../../src/providers/supabase-auth.ts';
import { svix } from '../../src/providers/svix.ts';
import { vanta } from '../../src/providers/vanta.ts';
import { standardOracle } from '../support/oracles.ts';
import type { ProviderSample } from '../support/provider-sample.ts';

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const polarSecret = 'polar_whs_Zk3v2Q1nB7xY';

type Told = Omit<ProviderSample['events'][number], 'id'> & { readonly id?: string };

function sample(prefix: 'webhook-' | 'svix-', provider: Provider, body: unknown, told: Told): ProviderSample {
  return {
    provider,
    evidence: 'sdk',
    secret,
    request: { body: JSON.stringify(body), headers: { [`${prefix}id`]: id } },
    events: [{ id, ...told }],
    oracle: standardOracle(prefix),
  };
}

export const samples: readonly ProviderSample[] = [
  {
    provider: standardWebhooks,
    evidence: 'vector',
    secret: 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=',
    signingSecret:
      'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==',
    request: { body: '{"type":"user.created"}', headers: { 'webhook-id': id } },
    events: [{ type: 'user.created', id }],
  },
  sample(
    'svix-',
    svix,
    { type: 'invoice.paid', timestamp: '2022-11-03T20:26:10Z', data: { id: 'in_1' } },
    { type: 'invoice.paid', timeSeconds: 1_667_507_170 },
  ),
  sample(
    'svix-',
    clerk,
    {
      data: { id: 'user_29w83sxmDNGwOuEthce5gg56FcC', first_name: 'Example', object: 'user' },
      instance_id: 'ins_123',
      object: 'event',
      timestamp: 1_654_012_591_835,
      type: 'user.created',
    },
    { type: 'user.created', timeSeconds: 1_654_012_591.835, orderKey: 'user_29w83sxmDNGwOuEthce5gg56FcC' },
  ),
  sample(
    'svix-',
    resend,
    {
      type: 'email.bounced',
      created_at: '2024-11-22T23:41:12.126Z',
      data: { email_id: '56761188-7520-42d8-8898-ff6fc54ce618', to: ['delivered@resend.dev'] },
    },
    {
      type: 'email.bounced',
      timeSeconds: 1_732_318_872.126,
      orderKey: '56761188-7520-42d8-8898-ff6fc54ce618',
    },
  ),
  sample(
    'webhook-',
    openai,
    {
      id: 'evt_685343a1381c819085d44c354e1b330e',
      object: 'event',
      created_at: 1_750_287_018,
      type: 'response.completed',
      data: { id: 'resp_abc123' },
    },
    { type: 'response.completed', timeSeconds: 1_750_287_018, orderKey: 'resp_abc123' },
  ),
  sample(
    'webhook-',
    anthropic,
    {
      type: 'event',
      id: 'wevt_01J',
      created_at: '2026-03-01T12:00:00Z',
      data: { type: 'session.status_idled', id: 'sesn_01ABC' },
    },
    { type: 'session.status_idled', timeSeconds: 1_772_366_400, orderKey: 'sesn_01ABC' },
  ),
  sample(
    'webhook-',
    gemini,
    { type: 'batch.succeeded', version: 'v1', timestamp: '2026-01-22T12:00:00Z', data: { id: 'batches/1' } },
    { type: 'batch.succeeded', timeSeconds: 1_769_083_200 },
  ),
  sample(
    'webhook-',
    replicate,
    { id: 'ufawqhfynnddngldkgtslldrkq', status: 'succeeded', output: ['https://replicate.delivery/out.png'] },
    { type: 'succeeded', orderKey: 'ufawqhfynnddngldkgtslldrkq' },
  ),
  sample(
    'webhook-',
    render,
    {
      type: 'deploy_ended',
      timestamp: '2025-02-06T04:14:13.174561Z',
      data: { id: 'evt-cuiarnbqf0us73f0bbb0', serviceId: 'srv-cukouhrtq21c73e9scng', status: 'succeeded' },
    },
    { type: 'deploy_ended', timeSeconds: 1_738_815_253.174, orderKey: 'srv-cukouhrtq21c73e9scng' },
  ),
  sample(
    'svix-',
    brex,
    { event_type: 'TRANSFER_PROCESSED', transfer_id: 'dptx_1', company_id: 'cuacc_1', payment_type: 'ACH' },
    { type: 'TRANSFER_PROCESSED' },
  ),
  sample(
    'webhook-',
    lithic,
    {
      event_type: 'card_transaction.updated',
      token: '3b1d5cf2-6b3a-4f50-9cbe-65b0aee7dc3b',
      status: 'SETTLED',
    },
    { type: 'card_transaction.updated', orderKey: '3b1d5cf2-6b3a-4f50-9cbe-65b0aee7dc3b' },
  ),
  sample(
    'svix-',
    recallAi,
    {
      event: 'bot.done',
      data: { bot: { id: '3fa85f64-5717-4562-b3fc-2c963f66afa6' }, data: { code: 'done' } },
    },
    { type: 'bot.done', orderKey: '3fa85f64-5717-4562-b3fc-2c963f66afa6' },
  ),
  {
    ...sample(
      'webhook-',
      supabaseAuth,
      {
        metadata: {
          uuid: '8b34dcdd-9df1-4c10-850a-b3277c653040',
          time: '2025-04-29T13:13:24.755552-07:00',
          name: 'before-user-created',
        },
        user: { id: 'ff7fc9ae-3b1b-4642-9241-64adb9848a03', email: 'valid.email@supabase.com' },
      },
      {
        type: 'before-user-created',
        timeSeconds: 1_745_957_604.755,
        orderKey: 'ff7fc9ae-3b1b-4642-9241-64adb9848a03',
      },
    ),
    secret: `v1,${secret}`,
    oracle: standardOracle('webhook-', (given) => given.replace('v1,', '')),
  },
  {
    ...sample(
      'webhook-',
      polar,
      {
        type: 'order.paid',
        timestamp: '2025-06-01T10:00:00Z',
        data: { id: '1dbfc517-0bbf-4301-9ba8-555ca42b9737' },
      },
      { type: 'order.paid', timeSeconds: 1_748_772_000, orderKey: '1dbfc517-0bbf-4301-9ba8-555ca42b9737' },
    ),
    secret: polarSecret,
    // As Polar's own library does it.
    oracle: standardOracle('webhook-', (given) => Buffer.from(given, 'utf-8').toString('base64')),
  },
  sample(
    'webhook-',
    dodoPayments,
    {
      business_id: 'bus_1',
      type: 'payment.succeeded',
      timestamp: '2025-08-04T05:30:31.152232Z',
      data: { payload_type: 'Payment', payment_id: 'pay_2IjeQm4hqU6RA4Z4kwDee' },
    },
    { type: 'payment.succeeded', timeSeconds: 1_754_285_431.152, orderKey: 'pay_2IjeQm4hqU6RA4Z4kwDee' },
  ),
  sample(
    'webhook-',
    loops,
    {
      eventName: 'contact.created',
      eventTime: 1_734_425_918,
      webhookSchemaVersion: '1.0.0',
      contact: { id: 'c1' },
    },
    { type: 'contact.created', timeSeconds: 1_734_425_918 },
  ),
  sample(
    'svix-',
    vanta,
    { type: 'v1.vendor.risk_decision.updated', data: { vendorId: '65e1efde08e8478f143a8ff9' } },
    { type: 'v1.vendor.risk_decision.updated' },
  ),
  sample('svix-', drata, { type: 'control.updated', data: { controlId: 1 } }, { type: 'control.updated' }),
  sample(
    'svix-',
    incidentIo,
    {
      event_type: 'public_incident.incident_created_v2',
      'public_incident.incident_created_v2': { id: '01FDAG4SAP5TYPT98WGR2N7W91', reference: 'INC-123' },
    },
    { type: 'public_incident.incident_created_v2' },
  ),
  sample(
    'webhook-',
    fathom,
    { title: 'Quarterly review', recording_id: 123_456_789, created_at: '2025-03-01T17:01:30Z' },
    { type: 'new_meeting_content_ready', timeSeconds: 1_740_848_490, orderKey: '123456789' },
  ),
  sample(
    'svix-',
    stytch,
    {
      project_id: 'project-live-0e3f1ea5',
      event_id: 'event-live-a8c6fb0b',
      action: 'UPDATE',
      object_type: 'user',
      source: 'DIRECT',
      id: 'user-live-85d8e4f0',
      timestamp: '2024-03-13T19:03:22Z',
    },
    {
      type: 'DIRECT.user.UPDATE',
      id: 'event-live-a8c6fb0b',
      timeSeconds: 1_710_356_602,
      orderKey: 'user-live-85d8e4f0',
    },
  ),
  sample(
    'svix-',
    beehiiv,
    {
      event_type: 'subscription.created',
      event_timestamp: 1_695_678_432,
      uid: 'e1d1a6d5',
      data: { id: 'sub_00000000-0000-0000-0000-000000000000', email: 'reader@example.com' },
    },
    {
      type: 'subscription.created',
      timeSeconds: 1_695_678_432,
      orderKey: 'sub_00000000-0000-0000-0000-000000000000',
    },
  ),
  sample(
    'svix-',
    pleo,
    { type: 'v1.export-job.created', data: { jobId: 'j1' } },
    { type: 'v1.export-job.created' },
  ),
  {
    ...sample('webhook-', shipbob, { id: 100_000, order_id: 1 }, { type: 'order.shipped' }),
    request: {
      body: '{"id":100000,"order_id":1}',
      headers: { 'webhook-id': id, 'x-webhook-topic': 'order.shipped' },
    },
  },
  sample(
    'webhook-',
    gitlab,
    {
      object_kind: 'merge_request',
      project: { id: 1, path_with_namespace: 'gitlabhq/gitlab-test' },
      object_attributes: { id: 99, iid: 1, action: 'open' },
    },
    { type: 'merge_request.open', orderKey: '1' },
  ),
];
