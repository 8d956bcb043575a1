// The bytes a signature covers: `id.timestamp.body`, with the body exactly as it travels.

const encoder = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Bytes of a body. A string becomes UTF-8; one that UTF-8 cannot express (a lone surrogate) gives `undefined`,
 * because an encoder would silently turn several such strings into the same bytes. Anything parsed gives `undefined`.
 */
export function bodyBytes(body: unknown): Uint8Array | undefined {
  if (typeof body === 'string') return isWellFormed(body) ? encoder.encode(body) : undefined;
  // Checked by brand, not by `instanceof`: bytes made in another realm (a test runner's, an iframe's) are bytes too.
  const brand = Object.prototype.toString.call(body);
  if (brand === '[object Uint8Array]' && ArrayBuffer.isView(body)) {
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  }
  if (brand === '[object ArrayBuffer]') return new Uint8Array(body as ArrayBuffer);
  return undefined;
}

/** Asked of the text itself where the runtime can: that looks at nothing but the texts that have such characters. */
function isWellFormed(text: string & { isWellFormed?: () => boolean }): boolean {
  return text.isWellFormed?.() ?? !loneSurrogate.test(text);
}

/** A fresh copy: the caller may reuse its buffer as soon as this returns. */
export function signedContent(id: string, timestamp: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${id}.${timestamp}.`);
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  return content;
}
