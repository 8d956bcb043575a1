// @ts-check
// The pages that are open: server-sent events, each with its number. A page that comes back says which number it saw last
// (the browser does, in Last-Event-ID), and first gets what it missed.

const pagesMax = 1_000;
// A page that is this far behind is cut off: it comes back, and gets what it missed from the log.
const backlogMaxBytes = 1024 * 1024;
const firstEventsMax = 50;
const comeBackAfterMs = 1_000;
// Proxies end what is silent for long.
const heartbeatEveryMs = 15_000;

/** @typedef {import('./event-log.mjs').Entry} Entry */

/** @param {{ after: (number: number) => Entry[], last: (count: number) => Entry[] }} log */
export function createAudience(log) {
  /** @type {Set<import('node:http').ServerResponse>} */
  const pages = new Set();

  const heartbeat = setInterval(() => {
    for (const page of pages) page.write(':\n\n');
  }, heartbeatEveryMs);
  heartbeat.unref();

  return {
    /**
     * Catching up and joining are one step, without an await between them: nothing is missed, and nothing comes twice.
     *
     * @param {import('node:http').IncomingMessage} request
     * @param {import('node:http').ServerResponse} response
     */
    join(request, response) {
      if (pages.size >= pagesMax) return void response.writeHead(503, { 'retry-after': '30' }).end();
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const seen = request.headers['last-event-id'];
      const isReturning = typeof seen === 'string' && /^\d{1,15}$/.test(seen);
      const missed = isReturning ? log.after(Number(seen)) : log.last(firstEventsMax);
      response.write(`retry: ${comeBackAfterMs}\n\n${missed.map(frameOf).join('')}`);
      pages.add(response);
      response.on('close', () => pages.delete(response));
    },
    /** @param {Entry} entry */
    tell(entry) {
      const frame = frameOf(entry);
      for (const page of pages) {
        if (page.writableLength > backlogMaxBytes) page.destroy();
        else page.write(frame);
      }
    },
    count: () => pages.size,
    stop() {
      clearInterval(heartbeat);
      for (const page of pages) page.end();
    },
  };
}

/** JSON has no line breaks, so the data is one line. @param {Entry} entry */
function frameOf({ number, event }) {
  return `id: ${number}\ndata: ${JSON.stringify(event)}\n\n`;
}
