// Keeps an endpoint's secrets out of what is recorded of its attempts, whoever repeats them: an error of a library that
// names the whole URL, or a receiver that echoes what it was sent.
import type { AttemptResult } from './connectors/http.ts';

export interface Redaction {
  text(text: string): string;
  result(result: AttemptResult): AttemptResult;
}

const shown = '***';
// What is shorter is no secret, and would hide half of every text.
const secretMinChars = 6;

/** The texts in the members of a configuration that are called so. */
export function secretTextsIn(config: object, secretNames: readonly string[]): string[] {
  return secretNames.flatMap((name) => textsOf(Reflect.get(config, name)));
}

export function createRedaction(found: readonly string[]): Redaction {
  const secrets = [...new Set(found.flatMap(formsOf))]
    .filter((secret) => secret.length >= secretMinChars)
    // A longer one may hold a shorter one.
    .toSorted((a, b) => b.length - a.length);

  const text = (given: string) => without(secrets, given);
  // Byte by byte, so that it does not matter whether the rest is text.
  const secretBytes = secrets.map(bytesOf);
  const body = (given: Uint8Array, isTruncated: boolean) => {
    const redacted = without(secretBytes, Buffer.from(given).toString('latin1'));
    return Buffer.from(isTruncated ? withoutBegun(secretBytes, redacted) : redacted, 'latin1');
  };

  return {
    text,
    result(result) {
      if (secrets.length === 0) return result;
      const { outcome, responseBody, responseHeaders, responseTruncated } = result;
      return {
        ...result,
        outcome: 'detail' in outcome ? { ...outcome, detail: text(outcome.detail ?? '') } : outcome,
        ...(responseBody ? { responseBody: body(responseBody, responseTruncated) } : {}),
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

function without(secrets: readonly string[], given: string): string {
  return secrets.reduce((redacted, secret) => redacted.replaceAll(secret, shown), given);
}

/** Each byte as a character. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** What was cut off may have been the rest of a secret. */
function withoutBegun(secrets: readonly string[], given: string): string {
  for (const secret of secrets) {
    for (let length = secret.length - 1; length >= secretMinChars; length -= 1) {
      if (given.endsWith(secret.slice(0, length))) return given.slice(0, -length) + shown;
    }
  }
  return given;
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
  const [, ...words] = secret.split(/\s+/);
  const forms = [secret, ...words].flatMap((text) => [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
  ]);
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
