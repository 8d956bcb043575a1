// `${NAME}` and `${file:path}` in the texts of posthorn.yaml: secrets stand in the environment or in files of their own.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

const reference = /\$\{([^}]*)\}/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const filePrefix = 'file:';
const fileMaxBytes = 64 * 1024;
const depthMax = 32;

export interface References {
  env: Readonly<Record<string, string | undefined>>;
  /** What relative paths begin at. */
  folder: string;
}

type Fail = (what: string) => Error;

/** The same with every text filled in. Rejects with what `fail` makes of a reference that leads nowhere. */
export async function fillReferences(
  value: unknown,
  { env, folder }: References,
  fail: Fail,
): Promise<unknown> {
  const valueOf = async (name: string, place: string): Promise<string> => {
    if (name.startsWith(filePrefix)) {
      return contentOf(resolve(folder, name.slice(filePrefix.length)), (what) => fail(`${place} ${what}`));
    }
    if (!variableName.test(name)) throw fail(`${place} names a variable that cannot be one: \${${name}}`);
    const text = env[name];
    if (text === undefined || text === '')
      throw fail(`${place} needs the variable ${name}, which is not set`);
    return text;
  };
  const fill = async (one: unknown, place: string, depth: number): Promise<unknown> => {
    // A map may hold itself, by an alias.
    if (depth > depthMax) throw fail(`is nested more than ${depthMax} deep`);
    if (typeof one === 'string') return filledText(one, (name) => valueOf(name, place));
    if (Array.isArray(one)) return Promise.all(one.map((item) => fill(item, place, depth + 1)));
    if (typeof one !== 'object' || one === null) return one;
    const entries = Object.entries(one).map(
      async ([name, item]) => [name, await fill(item, `${place}, ${name}`, depth + 1)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  };
  return fill(value, 'the file', 0);
}

/** What is filled in is taken as it is: a secret may hold `${`, too. */
async function filledText(text: string, valueOf: (name: string) => Promise<string>): Promise<string> {
  const parts: string[] = [];
  let end = 0;
  for (const match of text.matchAll(reference)) {
    parts.push(text.slice(end, match.index), await valueOf(match[1] ?? ''));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)].join('');
}

/** Without the line break that editors put at the end. */
async function contentOf(path: string, fail: Fail): Promise<string> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    throw fail(`needs the file ${path}, which cannot be read (${String(code)})`);
  }
  if (content.length > fileMaxBytes)
    throw fail(`needs the file ${path}, which is larger than ${fileMaxBytes} bytes`);
  const text = content.toString('utf8').replace(/\r?\n$/, '');
  if (text === '') throw fail(`needs the file ${path}, which is empty`);
  return text;
}
