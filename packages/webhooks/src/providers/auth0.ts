import type { Provider } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';

// One more than are taken apart: then the request stays whole.
const logsMax = 10_001;

/** One log on each line, unless the stream was told to send an array or an object. */
function logsOf(request: ProviderRequest): readonly unknown[] | undefined {
  const json = request.json();
  if (json !== undefined) return Array.isArray(json) ? json : [json];
  const logs: unknown[] = [];
  try {
    for (const [line] of (request.text() ?? '').matchAll(/[^\n]+/g)) {
      if (logs.length === logsMax) break;
      if (line.trim() !== '') logs.push(JSON.parse(line));
    }
    return logs;
  } catch {
    return undefined;
  }
}

export const auth0: Provider<'auth0'> = {
  name: 'auth0',
  title: 'Auth0 log streams',
  docs: 'https://auth0.com/docs/customize/log-streams/custom-log-streams',
  grade: 'B',
  secret: { name: 'authorization token: the whole value of the header', madeBy: 'you' },
  schemes: [{ kind: 'token', at: 'header:authorization' }],
  event: {
    batch: logsOf,
    type: { first: ['item:data.type', 'item:detail.data.type', 'item:type'] },
    id: { first: ['item:log_id', 'item:id'] },
    time: { at: { first: ['item:data.date', 'item:time'] }, unit: 'rfc3339' },
    order: 'item:data.user_id',
  },
  retry: { retries: true },
};
