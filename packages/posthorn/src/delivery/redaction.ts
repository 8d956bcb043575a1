// Keeps the secrets of an endpoint's configuration out of what is recorded of its attempts, whoever repeats them: an error
// of a library that names the whole URL, or a receiver that echoes what it was sent.
import { isUtf8 } from 'node:buffer';
import type { AttemptResult } from './connectors/http.ts';

export interface Redaction {
  text(text: string): string;
  result(result: AttemptResult): AttemptResult;
}

const shown = '***';
// What is shorter is no secret, and would hide half of every text.
const secretMinChars = 6;

export function createRedaction(secretNames: readonly string[], config: object): Redaction {
  const found = secretNames.flatMap((name) => textsOf(Reflect.get(config, name)));
  const secrets = [...new Set(found.flatMap(formsOf))]
    .filter((secret) => secret.length >= secretMinChars)
    // A longer one may hold a shorter one.
    .toSorted((a, b) => b.length - a.length);

  const text = (given: string) =>
    secrets.reduce((redacted, secret) => redacted.replaceAll(secret, shown), given);

  return {
    text,
    result(result) {
      if (secrets.length === 0) return result;
      const { outcome, responseBody, responseHeaders } = result;
      return {
        ...result,
        outcome: 'detail' in outcome ? { ...outcome, detail: text(outcome.detail ?? '') } : outcome,
        ...(responseBody && isUtf8(responseBody)
          ? { responseBody: Buffer.from(text(Buffer.from(responseBody).toString())) }
          : {}),
        ...(responseHeaders
          ? {
              responseHeaders: Object.fromEntries(
                Object.entries(responseHeaders).map(([name, value]) => [name, text(value)]),
              ),
            }
          : {}),
      };
    },
  };
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/**
 * What is secret in a text also stands alone: the word behind `Bearer`, and of a URL its path, or a password that is
 * encoded there.
 */
function formsOf(secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret), ...secret.split(/\s+/)];
  if (!URL.canParse(secret)) return forms;
  const { pathname, search, username, password } = new URL(secret);
  const parts = [pathname, search, username, password, decoded(password)];
  return [...forms, ...parts.filter((part) => part !== '/' && part !== '')];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
