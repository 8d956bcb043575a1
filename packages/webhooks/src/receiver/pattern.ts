// Which event types a handler or a schema is for: one, all that begin alike (`customer.*`), or all (`*`).

export function covers(pattern: string, type: string): boolean {
  return pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}
