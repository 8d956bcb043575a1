// Process: the ceiling. Accepts as Posthorn does, forwards as Posthorn does, and stores, signs and checks nothing.
import { createServer, type IncomingMessage } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { listenSomewhere } from './port.ts';
import { tellParent } from './protocol.ts';

// What Posthorn has in flight for one endpoint; more is no faster to a receiver on the same machine.
const connectionsPerEndpoint = 10;

const [sinkPort = '0', fanOut = '1'] = process.argv.slice(2);
const paths = Array.from({ length: Number(fanOut) }, (_, endpoint) => `/e/${endpoint}`);
const pool = new Pool(`http://127.0.0.1:${sinkPort}`, {
  connections: connectionsPerEndpoint * paths.length,
  pipelining: 1,
});

const ignoreAnswer: Dispatcher.DispatchHandler = {
  onRequestStart() {},
  onResponseStart() {},
  onResponseData() {},
  onResponseEnd() {},
  onResponseError() {},
};

function forward(request: IncomingMessage, body: Buffer): void {
  const headers = { 'content-type': request.headers['content-type'] ?? 'application/json' };
  for (const path of paths) pool.dispatch({ path, method: 'POST', headers, body }, ignoreAnswer);
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    response.writeHead(202, { 'content-length': 0 }).end();
    const [first] = chunks;
    forward(request, first && chunks.length === 1 ? first : Buffer.concat(chunks));
  });
});

process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
tellParent({ kind: 'listening', port: await listenSomewhere(server) });
