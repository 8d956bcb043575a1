// Moving from one server of this API to another with `posthorn import-svix`: what was copied is
// read and used through the official client.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'svix';
import type { EndpointOut } from 'svix';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApi } from './support/api.ts';
import type { TestApi } from './support/api.ts';
import { createTestDatabase } from './support/database.ts';
import { endAllPosthorn, startPosthorn, testToken } from './support/posthorn-process.ts';
import type { PosthornProcess } from './support/posthorn-process.ts';
import { startRecorder } from './support/recorder.ts';
import type { Recorder } from './support/recorder.ts';
import { waitFor } from './support/wait.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const secret = `whsec_${randomBytes(24).toString('base64')}`;
const schemas = { '1': { type: 'object', properties: { n: { type: 'integer' } } } };

let source: TestApi;
let target: { posthorn: PosthornProcess; drop(): Promise<void> };
let recorder: Recorder;
/** Ids on the old server. */
const old = { unnamed: '', unnamedEndpoint: '' };

beforeAll(async () => {
  source = await startTestApi();
  recorder = await startRecorder();
  const database = await createTestDatabase();
  target = { posthorn: await startPosthorn(database.url), drop: database.drop };
  const { client } = source;
  await client.eventType.create({ name: 'invoice.paid', description: 'paid', schemas, groupName: 'invoice' });
  await client.eventType.create({ name: 'invoice.old', description: 'archived' });
  await client.eventType.delete('invoice.old');
  await client.application.create({ name: 'Acme', uid: 'acme', metadata: { plan: 'pro' }, throttleRate: 50 });
  await client.endpoint.create('acme', {
    uid: 'main',
    url: recorder.url,
    secret,
    description: 'of Acme',
    eventTypes: ['invoice.paid'],
    channels: ['eu'],
    metadata: { a: 'b' },
    headers: { 'x-mine': 'yes' },
  });
  await client.endpoint.create('acme', { uid: 'off', url: recorder.url, disabled: true });
  old.unnamed = (await client.application.create({ name: 'without a uid' })).id;
  const unnamedEndpoint = await client.endpoint.create(old.unnamed, {
    url: recorder.url,
    headers: { 'x-api-key': 'hidden' },
  });
  old.unnamedEndpoint = unnamedEndpoint.id;
});
afterAll(async () => {
  await endAllPosthorn();
  await Promise.all([recorder.stop(), source.stop(), target.drop()]);
});

interface Imported {
  code: number | null;
  json: {
    eventTypes: number;
    applications: number;
    endpoints: number;
    uids: { id: string; uid: string }[];
    warnings: string[];
    error?: { code: string; message: string };
  };
}

function runImport(env: Record<string, string> = {}): Promise<Imported> {
  const args = ['import-svix', '--json', '--from', source.url];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: {
        PATH: process.env.PATH,
        SVIX_AUTH_TOKEN: source.token,
        POSTHORN_SERVER_URL: target.posthorn.url,
        POSTHORN_TOKEN: testToken,
        ...env,
      },
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.on('error', reject).on('close', (code) => resolve({ code, json: JSON.parse(stdout) }));
  });
}

function withoutIds({ id, createdAt, updatedAt, ...rest }: EndpointOut) {
  expect([id, createdAt, updatedAt].every(Boolean)).toBe(true);
  return rest;
}

describe('posthorn import-svix', () => {
  test('copies event types, applications and endpoints, and says what is left to do by hand', async () => {
    const { code, json } = await runImport();
    expect(json).toMatchObject({ eventTypes: 2, applications: 2, endpoints: 3 });
    expect(json.uids).toEqual([
      { id: old.unnamed, uid: `svix.${old.unnamed}` },
      { id: old.unnamedEndpoint, uid: `svix.${old.unnamedEndpoint}` },
    ]);
    expect(json.warnings).toEqual([expect.stringContaining('set x-api-key')]);
    expect(code).toBe(5);
    const { client } = target.posthorn;
    const paid = await client.eventType.get('invoice.paid');
    expect(paid).toMatchObject({ description: 'paid', schemas, groupName: 'invoice', archived: false });
    expect((await client.eventType.get('invoice.old')).archived).toBe(true);
    expect(await client.application.get('acme')).toMatchObject({
      name: 'Acme',
      metadata: { plan: 'pro' },
      throttleRate: 50,
    });
    for (const uid of ['main', 'off']) {
      const before = await source.client.endpoint.get('acme', uid);
      expect(withoutIds(await client.endpoint.get('acme', uid))).toEqual(withoutIds(before));
      const { key } = await source.client.endpoint.getSecret('acme', uid);
      expect(await client.endpoint.getSecret('acme', uid)).toEqual({ key });
    }
    expect(await client.endpoint.getHeaders('acme', 'main')).toEqual({
      headers: { 'x-mine': 'yes' },
      sensitive: [],
    });
  });

  test('the receiver verifies what the new server sends with the secret that it has', async () => {
    const payload = { n: 1 };
    const message = { eventType: 'invoice.paid', payload, channels: ['eu'] };
    const { id } = await target.posthorn.client.message.create('acme', message);
    const delivery = await waitFor(() =>
      recorder.requests.find(({ headers }) => headers['webhook-id'] === id),
    );
    const headers = delivery.headers as Record<string, string>;
    expect(headers).toMatchObject({ 'svix-id': id, 'x-mine': 'yes' });
    expect(() => new Webhook(secret).verify(delivery.body.toString(), headers)).not.toThrow();
  });

  test('a second run makes nothing twice, and brings what has changed', async () => {
    const { client } = target.posthorn;
    await source.client.endpoint.patch('acme', 'main', { description: 'changed' });
    await source.client.endpoint.rotateSecret('acme', 'main', {});
    await client.endpoint.patchHeaders(`svix.${old.unnamed}`, `svix.${old.unnamedEndpoint}`, {
      headers: { 'x-api-key': 'set by hand' },
    });
    const { code, json } = await runImport();
    expect(json).toMatchObject({ applications: 2, endpoints: 3, warnings: [] });
    expect(code).toBe(0);
    expect((await client.application.list()).data).toHaveLength(2);
    expect((await client.endpoint.list('acme')).data).toHaveLength(2);
    expect((await client.endpoint.get('acme', 'main')).description).toBe('changed');
    const { key } = await source.client.endpoint.getSecret('acme', 'main');
    expect(await client.endpoint.getSecret('acme', 'main')).toEqual({ key });
    const kept = await client.endpoint.getHeaders(`svix.${old.unnamed}`, `svix.${old.unnamedEndpoint}`);
    expect(kept.sensitive).toEqual(['x-api-key']);
  });

  test('what the new server refuses is told, and the rest is copied', async () => {
    const { client } = source;
    await client.application.create({ name: 'Far', uid: 'far' });
    await client.endpoint.create('far', { uid: 'private', url: 'http://127.0.0.1:9/' });
    const careful = await startTestApi({ urlRules: { allowHttp: true, allowSubnets: [] } });
    const { code, json } = await runImport({
      POSTHORN_SERVER_URL: careful.url,
      POSTHORN_TOKEN: careful.token,
    });
    expect(code).toBe(5);
    expect(json).toMatchObject({ eventTypes: 2, applications: 3, endpoints: 0 });
    expect(json.warnings.filter((text) => text.includes('http://127.0.0.1:9/'))).toHaveLength(1);
    expect((await careful.client.application.list()).data).toHaveLength(3);
    await careful.stop();
  });

  test('a wrong token of the old server is told as such', async () => {
    const { code, json } = await runImport({ SVIX_AUTH_TOKEN: 'wrong' });
    expect(code).toBe(3);
    expect(json.error).toMatchObject({ code: 'authentication_failed' });
    expect(json.error?.message).toContain(source.url);
  });
});
