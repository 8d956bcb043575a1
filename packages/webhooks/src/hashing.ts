// HMACs and digests. Web Crypto hands each of them to another thread, which takes five times as much of the processor as
// the MAC of a body of 1 KiB itself; where Node's own module is there, it answers at once. Both give the same bytes.

type Bytes = Uint8Array<ArrayBuffer>;
// The global name `CryptoKey` is missing from some runtimes' type definitions; the value's type is not.
type MacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
type Hashing = { update(content: Uint8Array): { digest(): Uint8Array } };
type NodeCrypto = {
  createHash(algorithm: string): Hashing;
  createHmac(algorithm: string, key: Uint8Array): Hashing;
};

export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/** Larger contents are worth another thread: this one is free for others meanwhile. */
const atOnceMaxBytes = 64 * 1024;
const macs = new WeakMap<MacKey, (content: Bytes) => Bytes>();

/** Lets `hmacOf` answer at once. The key stays one that cannot be exported. */
export function rememberHmac(key: MacKey, hash: HashName, secret: Bytes): void {
  const node = nodeCrypto();
  const algorithm = nodeName(hash);
  if (node !== undefined)
    macs.set(key, (content) => new Uint8Array(node.createHmac(algorithm, secret).update(content).digest()));
}

/** No promise where none is needed: waiting for one costs as much as a short MAC. */
export function hmacOf(key: MacKey, content: Bytes): Bytes | Promise<Bytes> {
  const mac = content.length <= atOnceMaxBytes ? macs.get(key) : undefined;
  return mac?.(content) ?? crypto.subtle.sign('HMAC', key, content).then((made) => new Uint8Array(made));
}

export function digestOf(hash: HashName, content: Bytes): Bytes | Promise<Bytes> {
  const node = content.length <= atOnceMaxBytes ? nodeCrypto() : undefined;
  if (node === undefined) return crypto.subtle.digest(hash, content).then((made) => new Uint8Array(made));
  return new Uint8Array(node.createHash(nodeName(hash)).update(content).digest());
}

function nodeName(hash: HashName): string {
  return hash.replace('-', '').toLowerCase();
}

/** Asked for in a way that no bundler follows. */
function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined };
  };
  try {
    return process?.getBuiltinModule?.('node:crypto');
  } catch {
    // Some runtimes put functions there that only throw.
    return undefined;
  }
}
