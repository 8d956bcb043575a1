// Code, builds and alarms: an HMAC of the raw body.
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { bitbucket } from '../../src/providers/bitbucket.ts';
import { circleci } from '../../src/providers/circleci.ts';
import { cursor } from '../../src/providers/cursor.ts';
import { doppler } from '../../src/providers/doppler.ts';
import { forgejo } from '../../src/providers/forgejo.ts';
import { gitea } from '../../src/providers/gitea.ts';
import { gogs } from '../../src/providers/gogs.ts';
import { heroku } from '../../src/providers/heroku.ts';
import { launchdarkly } from '../../src/providers/launchdarkly.ts';
import { pagerduty } from '../../src/providers/pagerduty.ts';
import { sentry } from '../../src/providers/sentry.ts';
import { snyk } from '../../src/providers/snyk.ts';
import { vercel } from '../../src/providers/vercel.ts';

const push = JSON.stringify({
  ref: 'refs/heads/main',
  before: '28e1879d029cb852e4844d9c718537df08844e03',
  after: 'bffeb74224043ba2feb48d137756c8a9331c449a',
  repository: { id: 140, name: 'webhooks', full_name: 'gitea/webhooks' },
  pusher: { id: 1, login: 'gitea' },
});

export const samples: readonly ProviderSample[] = [
  {
    provider: bitbucket,
    evidence: 'vector',
    secret: "It's a Secret to Everybody",
    request: {
      body: JSON.stringify({
        actor: { type: 'user', nickname: 'emmap1' },
        repository: {
          type: 'repository',
          full_name: 'acme/site',
          uuid: '{673a6070-3421-46c9-9d48-90745f7bfe8e}',
        },
        push: { changes: [{ new: { type: 'branch', name: 'main' } }] },
      }),
      headers: {
        'X-Event-Key': 'repo:push',
        'X-Request-UUID': 'c2e0ee2c-4fc0-4aa4-9a4a-6dd7f0ce0b6e',
        'X-Attempt-Number': '1',
      },
    },
    events: [
      {
        type: 'repo:push',
        id: 'c2e0ee2c-4fc0-4aa4-9a4a-6dd7f0ce0b6e',
        orderKey: '{673a6070-3421-46c9-9d48-90745f7bfe8e}',
      },
    ],
    oracle: hmacOracle('x-hub-signature', { prefix: 'sha256=' }),
  },
  {
    provider: gitea,
    evidence: 'document',
    secret: '3gEsCfjlV2ugRwgpU#w1*WaW*wa4NXgGmpCfkbG3',
    request: {
      body: push,
      headers: { 'X-Gitea-Event': 'push', 'X-Gitea-Delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead473' },
    },
    events: [{ type: 'push', id: 'f6266f16-1bf3-46a5-9ea4-602e06ead473', orderKey: '140' }],
    oracle: hmacOracle('x-gitea-signature'),
  },
  {
    provider: forgejo,
    evidence: 'document',
    secret: 'a secret of the repository',
    request: {
      body: JSON.stringify({ action: 'opened', number: 2, repository: { id: 7 } }),
      headers: {
        'X-Forgejo-Event': 'pull_request',
        'X-Forgejo-Delivery': '1d9b1c1e-4e9a-4d2b-8a7f-2f5c0f5f9b11',
      },
    },
    events: [{ type: 'pull_request.opened', id: '1d9b1c1e-4e9a-4d2b-8a7f-2f5c0f5f9b11', orderKey: '7' }],
    oracle: hmacOracle('x-forgejo-signature'),
  },
  {
    provider: gogs,
    evidence: 'others',
    secret: 'sampleToken!',
    request: {
      body: push,
      headers: { 'X-Gogs-Event': 'push', 'X-Gogs-Delivery': '8e4a5d4a-4a0f-4b4e-a6f3-6a0b9ad2b1b3' },
    },
    events: [{ type: 'push', id: '8e4a5d4a-4a0f-4b4e-a6f3-6a0b9ad2b1b3', orderKey: '140' }],
    oracle: hmacOracle('x-gogs-signature'),
  },
  {
    provider: circleci,
    evidence: 'vector',
    secret: 'another-secret',
    request: {
      body: JSON.stringify({
        type: 'workflow-completed',
        id: '3888f21b-eaa7-38e3-8f3d-75a63bba8895',
        happened_at: '2021-09-01T22:49:34.317Z',
        webhook: { id: 'cf8c4fdd-0587-4da1-b4ca-4846e9640af9', name: 'Sample Webhook' },
        workflow: {
          id: 'fda08377-fe7e-46b1-8992-3a7aaecac9c3',
          name: 'build-test-deploy',
          status: 'success',
        },
      }),
      headers: { 'circleci-event-type': 'workflow-completed' },
    },
    events: [
      {
        type: 'workflow-completed',
        id: '3888f21b-eaa7-38e3-8f3d-75a63bba8895',
        timeSeconds: Date.parse('2021-09-01T22:49:34.317Z') / 1_000,
        orderKey: 'fda08377-fe7e-46b1-8992-3a7aaecac9c3',
      },
    ],
    oracle: hmacOracle('circleci-signature', { prefix: 'v1=' }),
  },
  {
    provider: pagerduty,
    evidence: 'vector',
    secret: 'lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK',
    request: {
      body: JSON.stringify({
        event: {
          id: '01BWDWL3NYY7LUFPZCC28QUCMK',
          event_type: 'incident.priority_updated',
          resource_type: 'incident',
          occurred_at: '2021-04-26T17:36:27.458Z',
          data: { id: 'PGR0VU2', type: 'incident', number: 2, status: 'triggered' },
        },
      }),
      headers: { 'X-Webhook-Id': 'PD2TG5Q' },
    },
    events: [
      {
        type: 'incident.priority_updated',
        id: '01BWDWL3NYY7LUFPZCC28QUCMK',
        timeSeconds: Date.parse('2021-04-26T17:36:27.458Z') / 1_000,
        orderKey: 'PGR0VU2',
      },
    ],
    oracle: hmacOracle('x-pagerduty-signature', { prefix: 'v1=' }),
  },
  {
    provider: sentry,
    evidence: 'document',
    secret: '7a485448-a9e2-4c85-8a3c-4f44175783c9',
    request: {
      body: JSON.stringify({
        action: 'created',
        installation: { uuid: '24b4ef93-b2b9-4e3e-8b0e-2f0f4a2f4b3c' },
        data: { issue: { id: '1170820242', title: 'ReferenceError: blooopy is not defined' } },
        actor: { type: 'application', id: 'sentry', name: 'Sentry' },
      }),
      headers: {
        'Request-ID': '5d4b4ec5-7d0c-4b3c-96a5-2f6a3f1e4f62',
        'Sentry-Hook-Resource': 'issue',
        'Sentry-Hook-Timestamp': '1546300800',
      },
    },
    events: [
      {
        type: 'issue.created',
        id: '5d4b4ec5-7d0c-4b3c-96a5-2f6a3f1e4f62',
        timeSeconds: 1_546_300_800,
        orderKey: '1170820242',
      },
    ],
    oracle: hmacOracle('sentry-hook-signature'),
  },
  {
    provider: vercel,
    evidence: 'document',
    secret: 'bHkpkuBgpWbhwcTCrbWNRjCQ',
    request: {
      body: JSON.stringify({
        id: 'evt_Wxr6dBEWJb5zsJcmLvQmeYxR',
        type: 'deployment.succeeded',
        createdAt: 1_640_995_200_000,
        region: 'sfo1',
        payload: { deployment: { id: 'dpl_BhbTXKX8yqXo' }, project: { id: 'prj_6A4wK5xQfoXo' } },
      }),
    },
    events: [
      {
        type: 'deployment.succeeded',
        id: 'evt_Wxr6dBEWJb5zsJcmLvQmeYxR',
        timeSeconds: 1_640_995_200,
        orderKey: 'dpl_BhbTXKX8yqXo',
      },
    ],
    oracle: hmacOracle('x-vercel-signature', { algorithm: 'sha1' }),
  },
  {
    provider: launchdarkly,
    evidence: 'document',
    secret: 'f2a1c2b75e0d4a1d8d6f',
    request: {
      body: JSON.stringify({
        _id: '61f1a4b0c1e4d90f5a2f8b4e',
        date: 1_643_225_264_000,
        accesses: [{ action: 'updateOn', resource: 'proj/example:env/production:flag/example-flag' }],
        kind: 'flag',
        name: 'Example flag',
        target: { resources: ['proj/example:env/production:flag/example-flag'] },
        titleVerb: 'turned on the flag',
      }),
    },
    events: [
      {
        type: 'flag.updateOn',
        id: '61f1a4b0c1e4d90f5a2f8b4e',
        timeSeconds: 1_643_225_264,
        orderKey: 'proj/example:env/production:flag/example-flag',
      },
    ],
    oracle: hmacOracle('x-ld-signature'),
  },
  {
    provider: snyk,
    evidence: 'document',
    secret: 'a-secret-of-at-least-forty-characters-in-all',
    request: {
      body: JSON.stringify({
        project: { id: '463c1ee5-31bc-428c-b451-b79a3270db08', name: 'snyk/goof:package.json' },
        newIssues: [],
        removedIssues: [],
      }),
      headers: {
        'X-Snyk-Event': 'project_snapshot/v0',
        'X-Snyk-Transport-ID': '998fe884-18a0-45db-8ae0-e379eea3bc0a',
        'X-Snyk-Timestamp': '2020-09-25T15:27:53Z',
      },
    },
    events: [
      {
        type: 'project_snapshot/v0',
        id: '998fe884-18a0-45db-8ae0-e379eea3bc0a',
        timeSeconds: Date.parse('2020-09-25T15:27:53Z') / 1_000,
        orderKey: '463c1ee5-31bc-428c-b451-b79a3270db08',
      },
    ],
    oracle: hmacOracle('x-hub-signature', { prefix: 'sha256=' }),
  },
  {
    provider: heroku,
    evidence: 'document',
    secret: '387ad4ec3d2c6b1f',
    request: {
      body: JSON.stringify({
        id: 'bc0cc0f3-9a1e-4aa8-b5b2-4e4cd0c1e7f4',
        action: 'update',
        resource: 'build',
        data: { id: '6f5a5d0b-8e4a-4a3d-9c7f-7b0b0a9f6a51', status: 'succeeded', app: { name: 'limitless' } },
        published_at: '2016-08-31T21:55:06Z',
        webhook_metadata: {
          attempt: { id: '01234567-89ab-cdef-0123-456789abcdef' },
          delivery: { id: 'b0a1a2b7-7f0b-4f8e-9a2e-0f4e52a1e2d1' },
          event: { id: 'bc0cc0f3-9a1e-4aa8-b5b2-4e4cd0c1e7f4', include: 'api:build' },
        },
      }),
    },
    events: [
      {
        type: 'build.update',
        id: 'b0a1a2b7-7f0b-4f8e-9a2e-0f4e52a1e2d1',
        timeSeconds: Date.parse('2016-08-31T21:55:06Z') / 1_000,
        orderKey: 'build.6f5a5d0b-8e4a-4a3d-9c7f-7b0b0a9f6a51',
      },
    ],
    oracle: hmacOracle('heroku-webhook-hmac-sha256', { encoding: 'base64' }),
  },
  {
    provider: doppler,
    evidence: 'document',
    secret: 'dp.wh.8f2c',
    request: {
      body: JSON.stringify({
        type: 'config.secrets.update',
        config: { name: 'prd', environment: 'prd' },
        project: { id: 'site', name: 'site' },
        workspace: { id: 'a1b2c3', name: 'acme' },
        diff: { added: ['TOKEN'], removed: [], updated: [] },
      }),
    },
    events: [{ type: 'config.secrets.update' }],
    oracle: hmacOracle('x-doppler-signature', { prefix: 'sha256=' }),
  },
  {
    provider: cursor,
    evidence: 'document',
    secret: 'a-secret-of-at-least-32-characters',
    request: {
      body: JSON.stringify({
        event: 'statusChange',
        timestamp: '2024-01-15T10:30:00Z',
        id: 'bc_abc123',
        status: 'FINISHED',
        source: { repository: 'https://github.com/acme/site', ref: 'main' },
        summary: 'Added README.md',
      }),
      headers: { 'X-Webhook-ID': 'msg_01234567890', 'X-Webhook-Event': 'statusChange' },
    },
    events: [
      {
        type: 'statusChange',
        id: 'msg_01234567890',
        timeSeconds: Date.parse('2024-01-15T10:30:00Z') / 1_000,
        orderKey: 'bc_abc123',
      },
    ],
    oracle: hmacOracle('x-webhook-signature', { prefix: 'sha256=' }),
  },
];
