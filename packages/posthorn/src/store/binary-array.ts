// Arrays as PostgreSQL's binary format: bulk statements pass thousands of values without escaping a single one.
// https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-FORMAT-CODES (node-postgres sends a Buffer
// parameter as binary).

const byteaOid = 17;
const textOid = 25;
const headerBytes = 20;
const lengthBytes = 4;
const nullLength = -1;

function encode(elementOid: number, values: readonly (Uint8Array | null)[]): Buffer {
  let size = headerBytes;
  let hasNull = 0;
  for (const value of values) {
    size += lengthBytes + (value?.length ?? 0);
    if (value === null) hasNull = 1;
  }
  const out = Buffer.allocUnsafe(size);
  const dimensions = 1;
  const lowerBound = 1;
  let at = 0;
  for (const word of [dimensions, hasNull, elementOid, values.length, lowerBound])
    at = out.writeInt32BE(word, at);
  for (const value of values) {
    at = out.writeInt32BE(value === null ? nullLength : value.length, at);
    if (value !== null) {
      out.set(value, at);
      at += value.length;
    }
  }
  return out;
}

/** For a parameter written `$n::bytea[]`. */
export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  return encode(byteaOid, values);
}

/** For a parameter written `$n::text[]`. */
export function textArray(values: readonly (string | null | undefined)[]): Buffer {
  return encode(
    textOid,
    values.map((value) => (value === null || value === undefined ? null : Buffer.from(value))),
  );
}
