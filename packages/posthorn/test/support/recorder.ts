// A receiver that keeps every request as it came, and answers what the test says.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface RecordedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  /** Each header as often as it came. */
  headersDistinct: NodeJS.Dict<string[]>;
  body: Buffer;
  atMs: number;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  delayMs?: number;
  /** The answer is held back until then. */
  until?: Promise<unknown>;
}

export interface Recorder {
  url: string;
  port: number;
  requests: RecordedRequest[];
  /** Requests that have been answered. */
  answeredCount(): number;
  answer: (request: RecordedRequest, count: number) => Answer;
  stop(): Promise<void>;
}

export async function startRecorder(port = 0): Promise<Recorder> {
  let answered = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const recorded = {
        path: request.url ?? '',
        headers: request.headers,
        headersDistinct: request.headersDistinct,
        body: Buffer.concat(chunks),
        atMs: performance.timeOrigin + performance.now(),
      };
      recorder.requests.push(recorded);
      const { status, headers, body, delayMs, until } = recorder.answer(recorded, recorder.requests.length);
      if (delayMs) await pause(delayMs, undefined, { ref: false });
      await until;
      response.writeHead(status, headers).end(body, () => {
        answered += 1;
      });
    });
  });
  // The other side ends a connection first: when both do at once, a request is lost on the way.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = (server.address() as AddressInfo).port;
  const recorder: Recorder = {
    url: `http://127.0.0.1:${bound}/hook`,
    port: bound,
    requests: [],
    answeredCount: () => answered,
    answer: () => ({ status: 200 }),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return recorder;
}
