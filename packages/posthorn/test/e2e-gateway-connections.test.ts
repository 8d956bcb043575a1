// Connections at the door of a source: an answer arrives although the caller still sends, and nothing that goes wrong with
// one answer ends the process.
import { once } from 'node:events';
import { connect } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { cleanups, testDatabase } from './support/end-to-end.ts';
import { gatewayClient, type Source } from './support/gateway.ts';
import { startPosthorn } from './support/posthorn-process.ts';
import { waitFor } from './support/wait.ts';

const mebibyte = 2 ** 20;

/** A connection to the source, with the head of a request sent. */
async function begin({ ingestUrl }: Source, lines: readonly string[]) {
  const { hostname, port, pathname } = new URL(ingestUrl);
  const socket = connect(Number(port), hostname);
  let heard = '';
  let failure: Error | undefined;
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    heard += chunk;
  });
  socket.on('error', (error) => {
    failure = error;
  });
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  cleanups.push(async () => socket.destroy());
  socket.write([`POST ${pathname} HTTP/1.1`, 'host: 127.0.0.1', ...lines, '', ''].join('\r\n'));
  return {
    socket,
    closed,
    heard: () => heard,
    failure: () => failure,
    says: (text: string) => waitFor(() => heard.includes(text) && heard, { what: text }),
  };
}

test('who sends too much has the answer, also when it reads it only after it has sent all', async () => {
  const gateway = gatewayClient(await startPosthorn(await testDatabase()));
  const source = await gateway.source({ bodyMaxBytes: 1_000 });
  const length = 6 * mebibyte;
  for (const framing of [`content-length: ${length}`, 'transfer-encoding: chunked']) {
    const { socket, closed, heard, failure } = await begin(source, [framing]);
    socket.pause();
    const piece = Buffer.alloc(mebibyte, 0x20);
    const isChunked = framing.endsWith('chunked');
    for (let sent = 0; sent < length; sent += piece.length) {
      if (isChunked) socket.write(`${piece.length.toString(16)}\r\n`);
      const written = new Promise((resolve) => socket.write(piece, resolve));
      await Promise.race([written, closed]);
      if (isChunked) socket.write('\r\n');
    }
    if (isChunked) socket.write('0\r\n\r\n');
    socket.resume();
    await closed;
    expect(failure()).toBeUndefined();
    expect(heard()).toMatch(/^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/is);
  }
});

test('what is under way when the server is told to end is answered, and the connection with it', async () => {
  const posthorn = await startPosthorn(await testDatabase());
  const source = await gatewayClient(posthorn).source({ observe: true });
  const ending = await begin(source, ['expect: 100-continue', 'content-length: 2']);
  await ending.says('100 Continue');
  const ended = posthorn.end('SIGTERM');
  const { port } = new URL(posthorn.url);
  await waitFor(
    async () => {
      const probe = connect(Number(port), '127.0.0.1');
      const isOpen = await new Promise((resolve) => {
        probe.on('connect', () => resolve(true)).on('error', () => resolve(false));
      });
      probe.destroy();
      return !isOpen;
    },
    { what: 'no new connections' },
  );
  ending.socket.write('{}');
  await ending.closed;
  expect(ending.heard()).toMatch(/HTTP\/1\.1 204 .*\r\nconnection: close\r\n/is);
  expect(await ended).toBe(0);
});

test('an answer of a source that cannot be written is answered 503, and the process goes on', async () => {
  const databaseUrl = await testDatabase();
  const posthorn = await startPosthorn(databaseUrl);
  const gateway = gatewayClient(posthorn);
  const [odd, other] = [await gateway.source(), await gateway.source()];
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  cleanups.push(() => database.end());
  // No API takes it.
  const answer = { status: 200, contentType: 'text/plain\r\nx: y', body: 'taken' };
  await database.query('update posthorn.source set answer = $2 where id = $1', [
    odd.id,
    JSON.stringify(answer),
  ]);
  const refused = await gateway.push(odd);
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(posthorn.log()).toContain('a request of a provider failed');
  expect((await gateway.push(other)).status).toBe(204);
});
