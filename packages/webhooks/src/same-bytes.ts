// Comparing secrets and MACs without telling, by the time it takes, how much of them was right.
import { digestOf } from './hashing.ts';

/** Takes as long for every two arrays of the same lengths. */
export function sameBytes(given: Uint8Array, expected: Uint8Array): boolean {
  let difference = given.length ^ expected.length;
  for (let index = 0; index < expected.length; index += 1) {
    difference |= (given[index] ?? 0) ^ (expected[index] ?? 0);
  }
  return difference === 0;
}

const encoder = new TextEncoder();

/** Both are hashed first, so that not even the length of the secret shows. */
export async function sameText(given: string, expected: string): Promise<boolean> {
  const left = await digestOf('SHA-256', Uint8Array.from(encoder.encode(given)));
  const right = await digestOf('SHA-256', Uint8Array.from(encoder.encode(expected)));
  return sameBytes(left, right);
}
