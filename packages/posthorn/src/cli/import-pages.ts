// Lists of a Svix server, a page at a time.
import type { ApiClient } from './api-client.ts';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

export type Thing = Record<string, unknown>;

const pageItems = 100;
const pagesMax = 100_000;

interface Page {
  data: Thing[];
  iterator: string | null;
  done: boolean;
}

function asPage(answer: unknown, path: string): Page {
  const { data, iterator, done } = (answer ?? {}) as Partial<Record<keyof Page, unknown>>;
  if (!Array.isArray(data)) {
    throw new CliError(exitCodes.failure, 'not_svix', `GET ${path} did not answer with a list`, {
      fix: 'check that --from names a Svix server, without a path',
    });
  }
  return {
    data: data as Thing[],
    iterator: typeof iterator === 'string' ? iterator : null,
    done: done !== false,
  };
}

/** All items of the list at `path`, which has a query already. */
export async function* readPages(client: ApiClient, path: string): AsyncGenerator<Thing, void, void> {
  let next = '';
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const page = asPage(await client.request('GET', `${path}&limit=${pageItems}${next}`), path);
    yield* page.data;
    if (page.done || page.iterator === null) return;
    next = `&iterator=${encodeURIComponent(page.iterator)}`;
  }
}
