// Every payload that GitHub's users have collected: signed, verified with GitHub's own library too, and its event read.
import { createRequire } from 'node:module';
import { verify } from '@octokit/webhooks-methods';
import { expect, it } from 'vitest';
import { readEvents } from '../../src/provider/read-events.ts';
import { verifyRequest } from '../../src/provider/verify-request.ts';
import { github } from '../../src/providers/github.ts';
import { signedRequest } from '../../src/testing/index.ts';

type Example = { readonly name: string; readonly examples: readonly { readonly action?: unknown }[] };
const require = createRequire(import.meta.url);
const collected = require('@octokit/webhooks-examples') as readonly Example[];
const secret = 'It is a Secret to Everybody';

it('there are many', () => {
  expect(collected.length).toBeGreaterThan(50);
  expect(collected.flatMap(({ examples }) => examples).length).toBeGreaterThan(300);
});

it.each(collected.map(({ name, examples }) => [name, examples] as const))('%s', async (name, examples) => {
  for (const [index, payload] of examples.entries()) {
    const id = `${name}-${index}`;
    const headers = { 'x-github-event': name, 'x-github-delivery': id };
    const request = await signedRequest(github, payload, { secret, headers });
    const body = await request.clone().text();
    const signature = request.headers.get('x-hub-signature-256') ?? '';
    expect(await verify(secret, body, signature)).toBe(true);
    const received = { headers: request.headers, body: await request.arrayBuffer() };
    expect(await verifyRequest(github, received, { secrets: secret })).toMatchObject({ ok: true });
    const action = typeof payload.action === 'string' ? `.${payload.action}` : '';
    expect(readEvents(github, received)).toEqual([{ type: name + action, id, payload }]);
  }
});
