// Arrays as PostgreSQL's binary format: bulk statements pass thousands of values without printing or escaping one.
// https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES (node-postgres sends a Buffer
// parameter as binary).

const oid = { bool: 16, bytea: 17, int8: 20, int4: 23, text: 25 } as const;
const headerBytes = 20;
const lengthBytes = 4;
const int4Bytes = 4;
const int8Bytes = 8;
const nullLength = -1;
const dimensions = 1;
const lowerBound = 1;

/** How one kind of element is written; `write` returns where the next one begins. */
interface Kind<T> {
  oid: number;
  bytesOf(value: T): number;
  write(out: Buffer, value: T, at: number): number;
}

function encode<T>(kind: Kind<T>, values: readonly (T | null | undefined)[]): Buffer {
  const sizes = values.map((value) =>
    value === null || value === undefined ? nullLength : kind.bytesOf(value),
  );
  const bytes = sizes.reduce((sum, size) => sum + lengthBytes + Math.max(0, size), headerBytes);
  const out = Buffer.allocUnsafe(bytes);
  const hasNull = sizes.includes(nullLength) ? 1 : 0;
  let at = 0;
  for (const word of [dimensions, hasNull, kind.oid, values.length, lowerBound])
    at = out.writeInt32BE(word, at);
  for (const [index, value] of values.entries()) {
    at = out.writeInt32BE(sizes[index] ?? nullLength, at);
    if (value !== null && value !== undefined) at = kind.write(out, value, at);
  }
  return out;
}

const bytea: Kind<Uint8Array> = {
  oid: oid.bytea,
  bytesOf: (value) => value.length,
  write(out, value, at) {
    out.set(value, at);
    return at + value.length;
  },
};

const text: Kind<string> = {
  oid: oid.text,
  bytesOf: (value) => Buffer.byteLength(value),
  write: (out, value, at) => at + out.write(value, at),
};

const int4: Kind<number> = {
  oid: oid.int4,
  bytesOf: () => int4Bytes,
  write: (out, value, at) => out.writeInt32BE(value, at),
};

const int8: Kind<number | string> = {
  oid: oid.int8,
  bytesOf: () => int8Bytes,
  write: (out, value, at) => out.writeBigInt64BE(BigInt(value), at),
};

const bool: Kind<boolean> = {
  oid: oid.bool,
  bytesOf: () => 1,
  write: (out, value, at) => out.writeUInt8(value ? 1 : 0, at),
};

/** For a parameter written `$n::bytea[]`. */
export const byteaArray = (values: readonly (Uint8Array | null | undefined)[]) => encode(bytea, values);

/** For a parameter written `$n::text[]`. */
export const textArray = (values: readonly (string | null | undefined)[]) => encode(text, values);

/** For a parameter written `$n::integer[]`. */
export const int4Array = (values: readonly (number | null | undefined)[]) => encode(int4, values);

/** For a parameter written `$n::bigint[]`; whole numbers, or their text. */
export const int8Array = (values: readonly (number | string | null | undefined)[]) => encode(int8, values);

/** For a parameter written `$n::boolean[]`. */
export const boolArray = (values: readonly (boolean | null | undefined)[]) => encode(bool, values);
