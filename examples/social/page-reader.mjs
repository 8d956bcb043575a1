// @ts-check
// Stands for an open page: reads server-sent events as a browser does, and says on coming back what it saw last.

/**
 * @typedef {import('./event-log.mjs').WallEvent} WallEvent
 * @param {string} url
 * @param {(event: WallEvent) => void} show
 */
export function createPageReader(url, show) {
  let lastEventId = '';
  let reading = new AbortController();
  let ended = Promise.resolve();

  /** @param {AsyncIterable<Uint8Array>} body */
  async function read(body) {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of body) {
      const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
      text = blocks.pop() ?? '';
      blocks.forEach(take);
    }
  }

  /** @param {string} block */
  function take(block) {
    const lines = block.split('\n');
    const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
    if (data === undefined) return;
    lastEventId = lines.find((line) => line.startsWith('id: '))?.slice(4) ?? lastEventId;
    show(JSON.parse(data));
  }

  return {
    /** Resolves once the events flow. */
    async open() {
      reading = new AbortController();
      /** @type {Record<string, string>} */
      const headers = lastEventId === '' ? {} : { 'last-event-id': lastEventId };
      const response = await fetch(url, { headers, signal: reading.signal });
      if (!response.ok || !response.body) throw new Error(`the wall answered ${response.status}`);
      // It ends by being cut off, or with the wall.
      ended = read(response.body).catch(() => {});
    },
    /** Cuts the connection, as a train in a tunnel does. */
    async close() {
      reading.abort();
      await ended;
    },
    lastEventId: () => lastEventId,
  };
}
