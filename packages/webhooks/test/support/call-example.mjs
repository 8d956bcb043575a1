// Calls what an example exports as its platform would, and prints the answer as JSON.
// Usage: node call-example.mjs <file> <shape> < a request as JSON: { url, method, headers, body }
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [file = '', shape = ''] = process.argv.slice(2);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { url, method, headers, body } = JSON.parse(Buffer.concat(chunks).toString());
const example = await import(pathToFileURL(file).href);
const request = () => new Request(url, { method, headers, ...(method === 'POST' && { body }) });

/** Node's own request and response: what `listener` answers over HTTP. */
async function served(listener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { pathname, search } = new URL(url);
  const answer = await fetch(`http://127.0.0.1:${server.address().port}${pathname}${search}`, {
    method,
    headers,
    ...(method === 'POST' && { body }),
  });
  server.close();
  return answer;
}

const lambdaEvent = () => ({
  version: '2.0',
  rawPath: new URL(url).pathname,
  rawQueryString: '',
  headers,
  requestContext: { http: { method } },
  body,
  isBase64Encoded: false,
});

const calls = {
  fetch: async () => example.receiver.fetch(request()),
  route: async () => example[method](request()),
  pages: () => served(example.default),
  sveltekit: () => example.fallback({ request: request() }),
  lambda: async () => {
    const result = await example.handler(lambdaEvent());
    return { status: result.statusCode, text: async () => result.body };
  },
  function: () => served(example.webhooks),
  azure: async () => {
    const result = await example.handler(request());
    return { status: result.status, text: async () => Buffer.from(result.body ?? []).toString() };
  },
};

const answer = await calls[shape]();
const [status, text] = [answer.status, await answer.text()];
await example.receiver?.idle();
process.stdout.write(`\n${JSON.stringify({ status, text, config: example.config })}`);
// A pool of connections would keep the process.
process.exit();
