// Strict standard base64 (RFC 4648 section 4): one text per byte string, so a changed character never decodes to the same bytes.

// Two patterns, because one that counts in fours fills the stack with a text of some megabytes.
const alphabet = /^[A-Za-z0-9+/]*={0,2}$/;
const canonicalEnd = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/;

/** Bytes of a padded base64 text; `undefined` for another alphabet, white space, wrong padding or stray bits at the end. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const isCanonical = text.length % 4 === 0 && alphabet.test(text) && canonicalEnd.test(text.slice(-4));
  if (!isCanonical) return undefined;
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** `text` with the `=` characters that were left off; secrets are often copied without them. */
export function padBase64(text: string): string {
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

/** Padded base64 of `bytes`. Meant for keys and signatures: every byte becomes an argument of one call. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
