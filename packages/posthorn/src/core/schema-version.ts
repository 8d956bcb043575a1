// Which of an event type's schemas counts: that of its latest version.

const order = new Intl.Collator('en', { numeric: true });

/** The schema with the highest version ("10" is above "9", "v10" above "v9"); undefined when there is none. */
export function latestSchema(schemas: Record<string, unknown> | null): unknown {
  if (schemas === null) return undefined;
  let latest: string | undefined;
  for (const version of Object.keys(schemas)) {
    if (latest === undefined || order.compare(version, latest) > 0) latest = version;
  }
  return latest === undefined ? undefined : schemas[latest];
}
