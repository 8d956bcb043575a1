// Attributes in headers (HTTP binding, section 3.1.3.2): percent-encoded UTF-8.

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const unsafe = /[^\x21\x23\x24\x26-\x7e]/gu;
const quoted = /"([^"\\]*(?:\\.[^"\\]*)*)"/g;
const encodedBytes = /(?:%[0-9A-Fa-f]{2})+/g;

export function encodeHeaderValue(text: string): string {
  return text.replace(unsafe, (char) =>
    Array.from(encoder.encode(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(
      '',
    ),
  );
}

/** Undefined when the value is not ASCII, a quote is left open, or what is encoded is no UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  if (/[^\t\x20-\x7e]/.test(value)) return undefined;
  // Senders by older versions of the binding write quoted strings.
  const bare = value.replace(quoted, (_, inner: string) => inner.replaceAll(/\\(.)/g, '$1'));
  if (value.replace(quoted, '').includes('"')) return undefined;
  try {
    return bare.replace(encodedBytes, (run) => strictDecoder.decode(bytesOf(run)));
  } catch {
    return undefined;
  }
}

function bytesOf(run: string): Uint8Array {
  return Uint8Array.from(run.slice(1).split('%'), (pair) => Number.parseInt(pair, 16));
}
