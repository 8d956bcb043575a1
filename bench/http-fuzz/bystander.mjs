// @ts-check
// A provider that behaves, at a steady pace, while another source is sent junk: how soon it has its answers, and which.
import { Agent, request } from 'undici';
import { githubHeaders } from './requests.mjs';

const everyMs = 50;
const timeoutMs = 60_000;

/** @param {string} url @param {import('./requests.mjs').Door} door @param {number} seed */
export function startBystander(url, door, seed) {
  const agent = new Agent({ connections: 16 });
  /** @type {{ id: string, body: string, status: number, sentMs: number, ms: number }[]} */
  const sent = [];
  const running = new Set();
  const send = async () => {
    const id = `steady-${sent.length}`;
    const body = `{ "n":${sent.length}, "seed":${seed}, "amount":1.0 }`;
    const one = { id, body, status: 0, sentMs: performance.now(), ms: timeoutMs };
    sent.push(one);
    const headers = Object.fromEntries(githubHeaders(door, id, Buffer.from(body)).slice(1));
    try {
      const answer = await request(url + door.path, {
        method: 'POST',
        headers,
        body,
        dispatcher: agent,
        headersTimeout: timeoutMs,
      });
      await answer.body.text();
      one.status = answer.statusCode;
    } catch {
      // Status 0 says so.
    }
    one.ms = performance.now() - one.sentMs;
  };
  const timer = setInterval(() => {
    const sending = send().finally(() => running.delete(sending));
    running.add(sending);
  }, everyMs);
  return {
    sent,
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      await agent.close();
    },
  };
}

/** @param {readonly number[]} list @param {number} share */
export function quantile(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
