// Sources and what comes in at them.
import { randomUUID } from 'node:crypto';
import { signRequest } from '@posthorn/webhooks/provider';
import { github } from '@posthorn/webhooks/providers/github';
import { Webhook } from 'svix';
import type { IngestEndpointOut, IngestSourceOut } from 'svix';
import { expect } from 'vitest';
import type { RecordedRequest } from '../support/recorder.ts';
import { expectGone, idsOf } from './world.ts';
import type { Checks, World } from './world.ts';

const secret = 'shared with GitHub';
const url = 'https://example.com/ingest';
const type = 'github' as const;

const makeSource = ({ client, unique }: World, uid = unique('source')): Promise<IngestSourceOut> =>
  client.ingest.source.create({ type, name: 'GitHub', uid, config: { secret } });

async function makeEndpoint(world: World): Promise<{ source: string; endpoint: IngestEndpointOut }> {
  const { id: source } = await makeSource(world);
  return { source, endpoint: await world.client.ingest.endpoint.create(source, { url }) };
}

/** What GitHub would send to this URL; resolves with the status of the answer. */
async function push(ingestUrl: string, signedWith = secret): Promise<number> {
  const headers = { 'x-github-event': 'push', 'x-github-delivery': randomUUID() };
  const draft = await signRequest(github, { body: '{"ref":"main"}', secret: signedWith, headers });
  const { status } = await fetch(ingestUrl, { method: 'POST', headers: draft.headers, body: draft.body });
  return status;
}

/** A source whose endpoint is the receiver of the world, and what came there of a push. */
async function pushed(
  world: World,
  prepare: (source: string, endpoint: string) => Promise<unknown> = async () => {},
): Promise<{ source: string; endpoint: string; request: RecordedRequest }> {
  const { id: app } = await world.application();
  // Only for its URL, which leads to the receiver.
  const { url: to } = await world.endpoint(app);
  const source = await makeSource(world);
  const { id: endpoint } = await world.client.ingest.endpoint.create(source.id, { url: to });
  await prepare(source.id, endpoint);
  expect(await push(String(source.ingestUrl))).toBe(204);
  const [request] = await world.received({ url: to });
  if (request === undefined) throw new Error('nothing was received');
  return { source: source.id, endpoint, request };
}

function headersOf({ headers }: RecordedRequest): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

const sourceChecks: Checks = {
  async 'IngestSource.create'(world) {
    const source = await makeSource(world);
    expect(source).toMatchObject({ type: 'github', name: 'GitHub' });
    expect(await push(String(source.ingestUrl))).toBe(204);
    expect(await push(String(source.ingestUrl), 'another secret')).toBe(401);
  },
  async 'IngestSource.get'(world) {
    const { id, uid } = await makeSource(world);
    expect(await world.client.ingest.source.get(String(uid))).toMatchObject({ id });
  },
  async 'IngestSource.list'(world) {
    const ids = [(await makeSource(world)).id, (await makeSource(world)).id];
    const listed = await idsOf(
      (options) => world.client.ingest.source.list(options),
      ({ id }) => id,
    );
    expect(listed.filter((id) => ids.includes(id))).toEqual(ids);
  },
  async 'IngestSource.upsert'(world) {
    const uid = world.unique('source');
    const made = await world.client.ingest.source.upsert(uid, { type, name: 'Before', config: { secret } });
    const changed = await world.client.ingest.source.upsert(uid, { type, name: 'After', config: {} });
    expect(changed).toMatchObject({ id: made.id, uid, name: 'After' });
    expect(await push(String(made.ingestUrl))).toBe(204);
  },
  async 'IngestSource.delete'(world) {
    const { id, ingestUrl } = await makeSource(world);
    await world.client.ingest.source.delete(id);
    await expectGone(world.client.ingest.source.get(id));
    expect(await push(String(ingestUrl))).toBe(404);
  },
  async 'IngestSource.rotateToken'(world) {
    const { id, ingestUrl } = await makeSource(world);
    const rotated = await world.client.ingest.source.rotateToken(id);
    expect(rotated.ingestUrl).not.toBe(ingestUrl);
    expect(await push(rotated.ingestUrl)).toBe(204);
    expect((await world.client.ingest.source.get(id)).ingestUrl).toBe(rotated.ingestUrl);
  },
  async 'IngestAuthentication.consumerPortalAccess'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    const access = await world.client.ingest.authentication.consumerPortalAccess(source, { readOnly: true });
    const { data } = await world.clientWith(access.token).endpoint.list(source);
    expect(data.map(({ id }) => id)).toEqual([endpoint.id]);
    const { id: other } = await world.application();
    await expectGone(world.clientWith(access.token).endpoint.list(other));
  },
};

const endpointChecks: Checks = {
  async 'IngestEndpoint.create'(world) {
    const { request } = await pushed(world);
    expect(request.body.toString()).toBe('{"ref":"main"}');
  },
  async 'IngestEndpoint.get'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    expect(await world.client.ingest.endpoint.get(source, endpoint.id)).toMatchObject({
      id: endpoint.id,
      url,
    });
  },
  async 'IngestEndpoint.list'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    const second = await world.client.ingest.endpoint.create(source, { url });
    const listed = await idsOf(
      (options) => world.client.ingest.endpoint.list(source, options),
      ({ id }) => id,
    );
    expect(listed).toEqual([second.id, endpoint.id]);
  },
  async 'IngestEndpoint.upsert'(world) {
    const { source } = await makeEndpoint(world);
    const uid = world.unique('endpoint');
    const made = await world.client.ingest.endpoint.upsert(source, uid, { url });
    const changed = await world.client.ingest.endpoint.upsert(source, uid, { url, description: 'After' });
    expect(changed).toMatchObject({ id: made.id, uid, description: 'After' });
  },
  async 'IngestEndpoint.delete'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    await world.client.ingest.endpoint.delete(source, endpoint.id);
    await expectGone(world.client.ingest.endpoint.get(source, endpoint.id));
  },
  async 'IngestEndpoint.getSecret'(world) {
    const { source, endpoint, request } = await pushed(world);
    const { key } = await world.client.ingest.endpoint.getSecret(source, endpoint);
    const body = request.body.toString();
    expect(() => new Webhook(key).verify(body, headersOf(request))).not.toThrow();
    expect(() => new Webhook(key).verify(`${body} `, headersOf(request))).toThrow();
  },
  async 'IngestEndpoint.rotateSecret'(world) {
    const { ingest } = world.client;
    const before: string[] = [];
    const { source, endpoint, request } = await pushed(world, async (of, to) => {
      before.push((await ingest.endpoint.getSecret(of, to)).key);
      await ingest.endpoint.rotateSecret(of, to, { gracePeriodSeconds: 0 });
    });
    const { key } = await ingest.endpoint.getSecret(source, endpoint);
    expect(key).not.toBe(before[0]);
    expect(() => new Webhook(key).verify(request.body.toString(), headersOf(request))).not.toThrow();
  },
  async 'IngestEndpoint.getHeaders'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    const { ingest } = world.client;
    await ingest.endpoint.setHeaders(source, endpoint.id, {
      headers: { 'x-mine': 'yes', authorization: 'no' },
    });
    expect(await ingest.endpoint.getHeaders(source, endpoint.id)).toEqual({
      headers: { 'x-mine': 'yes' },
      sensitive: ['authorization'],
    });
  },
  async 'IngestEndpoint.setHeaders'(world) {
    const { request } = await pushed(world, (source, endpoint) =>
      world.client.ingest.endpoint.setHeaders(source, endpoint, { headers: { 'x-mine': 'yes' } }),
    );
    expect(request.headers['x-mine']).toBe('yes');
  },
};

const code = 'function handler(webhook) { webhook.payload = { was: webhook.payload.ref }; return webhook; }';

const transformationChecks: Checks = {
  async 'IngestEndpointTransformation.get'(world) {
    const { source, endpoint } = await makeEndpoint(world);
    const { transformation } = world.client.ingest.endpoint;
    await transformation.patch(source, endpoint.id, { code, enabled: true });
    expect(await transformation.get(source, endpoint.id)).toMatchObject({ code, enabled: true });
  },
  async 'IngestEndpointTransformation.patch'(world) {
    const { request } = await pushed(world, (source, endpoint) =>
      world.client.ingest.endpoint.transformation.patch(source, endpoint, { code, enabled: true }),
    );
    expect(request.body.toString()).toBe('{"was":"main"}');
  },
};

export const ingestChecks: Checks = { ...sourceChecks, ...endpointChecks, ...transformationChecks };
