// base64 of data of any length; the one of keys and signatures makes every byte an argument.

const chunkBytes = 0x8000;

export function encodeDataBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(start, start + chunkBytes));
  }
  return btoa(binary);
}

/** Undefined for anything but padded, canonical base64. */
export function decodeDataBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const end = text.slice(-4);
  // `atob` forgives white space and stray bits.
  if (text.length % 4 !== 0 || /\s/.test(text)) return undefined;
  try {
    if (btoa(atob(end)) !== end) return undefined;
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
