// A receiver: sources by name, behind one `fetch`.
import type { Provider } from '../provider/provider.ts';
import { refused } from './answers.ts';
import { createBackground } from './background.ts';
import type { PayloadSchemas } from './events.ts';
import type { FetchHandler } from './incoming.ts';
import { reject, statusOf } from './rejection.ts';
import { createReports } from './reports.ts';
import { createSource } from './source.ts';
import type { Source } from './source.ts';
import type { ReceiverOptions, SourceOptions } from './source-parts.ts';

export type Receiver<Env = unknown> = FetchHandler<Env> & {
  /**
   * Adds a source: `name` is the last part of its path (`/webhooks/billing`). A receiver's `fetch` finds the source by it;
   * a source's own `fetch` takes any path. Throws `TypeError` for a name that is taken, or that needs escaping in a path.
   */
  // oxlint-disable-next-line typescript/no-generated-empty-object-type -- no schemas: not one key
  source<Name extends string, Schemas extends PayloadSchemas = Record<never, never>>(
    name: string,
    provider: Provider<Name>,
    options?: SourceOptions<Schemas, Env>,
  ): Source<Name, Schemas, Env>;
  /** Resolves when all work has ended that answers did not wait for. Await it before the process ends. */
  idle(): Promise<void>;
};

const sourceName = /^[A-Za-z0-9_-]{1,64}$/;
const absoluteUrl = /^https?:\/\/[^/?#]+[^?#]*$/i;
const noMethods: ReadonlySet<string> = new Set();

export function createReceiver<Env = unknown>(options: ReceiverOptions = {}): Receiver<Env> {
  if (options.publicUrl !== undefined && !absoluteUrl.test(options.publicUrl)) {
    throw new TypeError('publicUrl must begin with https://, and have no query');
  }
  const sources = new Map<string, FetchHandler<Env>>();
  const background = createBackground();
  const reports = createReports(options);
  const shared = { options, background, reports };
  return {
    source(name, provider, sourceOptions = {}) {
      if (!sourceName.test(name)) throw new TypeError('a source is named with A-Z, a-z, 0-9, _ and -');
      if (sources.has(name)) throw new TypeError(`there is a source ${name} already`);
      const source = createSource(name, provider, { options: sourceOptions, shared });
      sources.set(name, source);
      return source;
    },
    async fetch(request, platform) {
      const source = sources.get(lastSegment(request.url));
      if (source !== undefined) return source.fetch(request, platform);
      const unknown = reject('unknown-source', 'the last part of the path names no source');
      const status = statusOf(unknown);
      const { reason, detail } = unknown;
      reports.rejected({ source: undefined, reason, detail, status, request });
      return refused(status, noMethods);
    },
    idle: () => background.idle(),
  };
}

function lastSegment(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1);
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(path.lastIndexOf('/', end - 1) + 1, end);
}
