import type { Provider } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';

const linesMax = 10_000;

/** One log on each line, unless the stream was told to send an array or an object. */
function logsOf(request: ProviderRequest): readonly unknown[] | undefined {
  const json = request.json();
  if (json !== undefined) return Array.isArray(json) ? json : [json];
  const lines = (request.text() ?? '').split('\n', linesMax).filter((line) => line.trim() !== '');
  try {
    return lines.map((line) => JSON.parse(line) as unknown);
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
