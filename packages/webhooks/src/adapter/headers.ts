// Headers as records, the way Node and the cloud functions give them, read like a Fetch `Headers`.

type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A name that came twice gives its values joined, as Fetch does. */
export function headersOf(record: HeaderRecord): { get(name: string): string | null } {
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined)
      byName.set(name.toLowerCase(), typeof value === 'string' ? value : value.join(', '));
  }
  return { get: (name) => byName.get(name.toLowerCase()) ?? null };
}
