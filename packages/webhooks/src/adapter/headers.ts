// Headers as records, the way Node and the cloud functions give them, read like a Fetch `Headers`; and of an answer.

type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

const hostForm = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/**
 * A host as it may stand in a URL; undefined for what would reach into the path, by whose end a source is found. Nobody but
 * the caller has written it.
 */
export function plainHost(host: unknown): string | undefined {
  return typeof host === 'string' && hostForm.test(host) ? host : undefined;
}

/** A name that came twice, in whatever case, gives its values joined, as Fetch does. */
export function headersOf(record: HeaderRecord): { get(name: string): string | null } {
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    const text = typeof value === 'string' ? value : value.join(', ');
    const before = byName.get(key);
    byName.set(key, before === undefined ? text : `${before}, ${text}`);
  }
  return { get: (name) => byName.get(name.toLowerCase()) ?? null };
}

/** Those of an answer that a record can hold: cookies are the only ones that come several times (RFC 6265 section 3). */
export function answerHeaders({ headers }: Response): { plain: Record<string, string>; cookies: string[] } {
  const { 'set-cookie': _, ...plain } = Object.fromEntries(headers);
  return { plain, cookies: headers.getSetCookie() };
}
