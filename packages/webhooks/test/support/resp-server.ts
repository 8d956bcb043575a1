// A small server that speaks Redis' protocol (RESP2 and 3) over TCP, for the real clients: the commands that deduplication sends,
// and what the clients ask when they connect. POSTHORN_TEST_REDIS_URL runs the same tests on a real one.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { freePort } from './ports.ts';

export type RespServer = { readonly url: string; close(): Promise<void> };

type Entry = { readonly value: string; readonly untilMs: number };

export async function startRespServer(): Promise<RespServer> {
  const given = process.env['POSTHORN_TEST_REDIS_URL'];
  if (given) return { url: given, close: async () => {} };
  const entries = new Map<string, Entry>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let unread = '';
    let version = 2;
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1');
      for (let read = readCommand(unread); read !== undefined; read = readCommand(unread)) {
        unread = unread.slice(read.lengthBytes);
        if (read.words[0]?.toUpperCase() === 'HELLO') version = Number(read.words[1]);
        // The third version writes a null of its own.
        const reply = answer(entries, read.words);
        socket.write(version === 3 && reply === '$-1\r\n' ? '_\r\n' : reply);
      }
    });
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One whole command from the start of what came, if it is there: an array of bulk strings. */
function readCommand(text: string): { words: string[]; lengthBytes: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  let at = head[0].length;
  const words: string[] = [];
  for (let index = 0; index < Number(head[1]); index += 1) {
    const bulk = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (bulk === null) return undefined;
    const start = at + bulk[0].length;
    const end = start + Number(bulk[1]);
    if (text.length < end + 2) return undefined;
    words.push(text.slice(start, end));
    at = end + 2;
  }
  return { words, lengthBytes: at };
}

function answer(entries: Map<string, Entry>, [command = '', key = '', ...rest]: string[]): string {
  const entry = entries.get(key);
  const live = entry !== undefined && entry.untilMs > Date.now() ? entry : undefined;
  switch (command.toUpperCase()) {
    case 'SET': {
      const [value = '', ...options] = rest;
      if (options.includes('NX') && live !== undefined) return '$-1\r\n';
      const seconds = Number(options[options.indexOf('EX') + 1]);
      entries.set(key, { value, untilMs: Date.now() + seconds * 1_000 });
      return '+OK\r\n';
    }
    case 'GET':
      return live === undefined ? '$-1\r\n' : `$${live.value.length}\r\n${live.value}\r\n`;
    case 'EVAL': {
      // The one script that is sent: it compares, then deletes.
      const [, name = '', value] = rest;
      const held = entries.get(name);
      const isHeld = held !== undefined && held.untilMs > Date.now() && held.value === value;
      return `:${Number(isHeld && entries.delete(name))}\r\n`;
    }
    case 'INFO':
      return '$19\r\nredis_version:7.4.0\r\n';
    case 'HELLO':
      return `%1\r\n$5\r\nproto\r\n:${key}\r\n`;
    case 'CLIENT':
    case 'SELECT':
      return '+OK\r\n';
    default:
      return `-ERR unknown command '${command}'\r\n`;
  }
}
