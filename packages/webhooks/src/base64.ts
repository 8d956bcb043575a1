// Strict standard base64 (RFC 4648 section 4): one text per byte string, so a changed character never decodes to the same bytes.

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** By the code of a character: its six bits, or -1. */
const valueByCode = Int8Array.from({ length: 128 }, (_, code) => alphabet.indexOf(String.fromCharCode(code)));

/** Bytes of a padded base64 text; `undefined` for another alphabet, white space, wrong padding or stray bits at the end. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='));
  const digits = text.length - padding;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let length = 0;
  // Bits that are read and do not make a byte yet.
  let waiting = 0;
  let waitingBits = 0;
  for (let index = 0; index < digits; index += 1) {
    const value = valueByCode[text.charCodeAt(index)] ?? -1;
    if (value < 0) return undefined;
    waiting = (waiting << 6) | value;
    waitingBits += 6;
    if (waitingBits < 8) continue;
    waitingBits -= 8;
    bytes[length] = waiting >> waitingBits;
    length += 1;
    waiting &= (1 << waitingBits) - 1;
  }
  return waiting === 0 ? bytes : undefined;
}

/** `text` with the `=` characters that were left off; secrets are often copied without them. */
export function padBase64(text: string): string {
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

/** Padded base64 of `bytes`. Meant for keys and signatures: every byte becomes an argument of one call. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
