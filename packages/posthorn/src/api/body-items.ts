// A long list in a body, read element by element from its bytes: never built as a whole, and others get their turn.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasMoreMembers } from '../core/json-shape.ts';
import { sliceElements, sliceMembers } from '../core/json-slice.ts';
import type { Slice } from '../core/json-slice.ts';
import { parseBody } from './json-body.ts';
import { invalid, invalidField } from './problems.ts';

// After so many bytes, other requests get their turn.
const turnMaxBytes = 128 * 1024;
const openBracket = 0x5b;

export interface ItemLimits {
  itemsMax: number;
  itemMaxBytes: number;
  depthMax: number;
}

/** Where each element of the list `name` is. `bytes` is a JSON object that has it. Throws 422. */
export async function itemSlices(
  bytes: Buffer,
  name: string,
  { itemsMax, depthMax }: Pick<ItemLimits, 'itemsMax' | 'depthMax'>,
): Promise<Slice[]> {
  const members = sliceMembers(bytes, [name], depthMax);
  const array = members === 'too_deep' ? undefined : members.get(name);
  if (array && bytes[array.start] !== openBracket) throw invalidField(name, 'must be array', 'type_error');
  await nextTurn();
  // Counted first: millions of slices would be more work than the bytes are.
  if (array && hasMoreMembers(bytes, array.start, itemsMax)) {
    throw invalidField(name, `must not have more than ${itemsMax} items`);
  }
  await nextTurn();
  const slices = array && sliceElements(bytes, array, depthMax);
  await nextTurn();
  if (slices === undefined || slices === 'too_deep') {
    throw invalidField(name, `must not be nested deeper than ${depthMax}`);
  }
  return slices;
}

/** The elements of the list `name`, each parsed on its own. Throws 422. */
export async function* bodyItems(
  bytes: Buffer,
  name: string,
  limits: ItemLimits,
): AsyncGenerator<{ index: number; value: unknown }> {
  let turnEnd = turnMaxBytes;
  for (const [index, { start, end }] of (await itemSlices(bytes, name, limits)).entries()) {
    if (end - start > limits.itemMaxBytes) {
      const msg = `must not be larger than ${limits.itemMaxBytes} bytes`;
      throw invalid([{ loc: ['body', name, String(index)], msg, type: 'value_error' }]);
    }
    yield { index, value: parseBody(bytes.subarray(start, end), []) };
    if (end < turnEnd) continue;
    turnEnd = end + turnMaxBytes;
    await nextTurn();
  }
}
