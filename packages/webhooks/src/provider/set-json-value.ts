// Writes a value into a JSON body, for signatures that stand in the body itself. Only for requests that we make.

/**
 * The body with `value` at a path; objects on the way are made. A body that is no JSON object becomes one. Where a number
 * stands, a number is written: libraries of providers look at the type.
 */
export function setJsonValue(
  body: Uint8Array<ArrayBuffer>,
  path: string,
  value: string,
): Uint8Array<ArrayBuffer> {
  const root = objectOf(JSON.parse(new TextDecoder().decode(body) || '{}'));
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let current = root;
  for (const step of steps) {
    const next = objectOf(current[step]);
    current[step] = next;
    current = next;
  }
  const isNumber = typeof current[last] === 'number' && /^\d{1,15}$/.test(value);
  current[last] = isNumber ? Number(value) : value;
  return Uint8Array.from(new TextEncoder().encode(JSON.stringify(root)));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
