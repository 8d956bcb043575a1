// The endpoint of the demo application in development: verifies what it is sent, as a receiver would, and says so.
import { verify } from '@posthorn/webhooks';
import { open } from './access.ts';
import type { Api } from './context.ts';

export const devInboxPath = '/dev/inbox';

/** `secret` gives the demo endpoint's signing secret; undefined until it has been made. */
export function registerDevInbox(api: Api, secret: () => string | undefined): void {
  api.post(devInboxPath, { config: open }, async (request, reply) => {
    const verdict = await verify({
      headers: request.headers,
      body: request.bodyBytes,
      secrets: secret() ?? [],
    });
    if (verdict.ok) return { verified: true, id: verdict.id };
    reply.code(400);
    return { verified: false, reason: verdict.reason };
  });
}
