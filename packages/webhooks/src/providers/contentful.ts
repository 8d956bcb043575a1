import { MissingContent, pathOf } from '../provider/content.ts';
import { urlOf } from '../provider/form-fields.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

const signedHeaders = 'x-contentful-signed-headers';
const timestampHeader = 'x-contentful-timestamp';
const namesMax = 64;

/**
 * Method, path, headers and body on lines of their own. The query is escaped twice, as Contentful's own toolkit does: once
 * as a component, then with the path.
 */
const content: ContentFunction = (request, { timestamp = '' }) => {
  const { method } = request;
  if (method === undefined) throw new MissingContent('method');
  const body = request.text();
  if (body === undefined) throw new MissingContent('body');
  const names = (request.header(signedHeaders) ?? '').split(',', namesMax).map((name) => name.trim());
  const given = names.filter((name) => name !== '' && request.header(name) !== undefined);
  const sorted = [...new Set([...given, signedHeaders, timestampHeader])].sort();
  const headers = sorted.map((name) => {
    if (name === signedHeaders) return `${name}:${sorted.join(',')}`;
    return `${name}:${name === timestampHeader ? timestamp : (request.header(name) ?? '').trim()}`;
  });
  return [[method, escapedPath(pathOf(urlOf(request))), headers.join(';'), body].join('\n')];
};

function escapedPath(path: string): string {
  const [pathname = '', query = ''] = path.split('?');
  try {
    return encodeURI(query === '' ? pathname : `${pathname}?${encodeURIComponent(query)}`);
  } catch {
    // A lone surrogate cannot be escaped, and is in no request that Contentful made.
    throw new MissingContent('url');
  }
}

export const contentful: Provider<'contentful'> = {
  name: 'contentful',
  title: 'Contentful',
  docs: 'https://www.contentful.com/developers/docs/webhooks/request-verification/',
  grade: 'A',
  secret: { name: 'signing secret', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: { at: 'header:x-contentful-signature', encoding: 'hex' },
      content,
      timestamp: { at: `header:${timestampHeader}`, unit: 'milliseconds', toleranceSeconds: 30 },
    },
  ],
  event: {
    type: 'header:x-contentful-topic',
    id: 'header:x-contentful-idempotency-key',
    time: { at: 'body:sys.updatedAt', unit: 'rfc3339' },
    order: 'body:sys.id',
  },
  retry: { retries: true },
};
