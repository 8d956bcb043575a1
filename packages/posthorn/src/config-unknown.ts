// Variables that look like ours and are not: most often a typing mistake that would be silent otherwise.
import { settingKeys, settings } from './config-settings.ts';

const prefix = 'POSTHORN_';
const suggestionDistanceMax = 4;
/** Read by the client commands, not by the server. */
const clientVariables = ['POSTHORN_SERVER_URL'];
const nameMaxChars = 100;

/** Every variable that the program knows. @internal */
export const knownVariables: readonly string[] = [
  ...settingKeys.flatMap((key) => {
    const { env, secret } = settings[key];
    return secret === undefined ? [env] : [env, `${env}_FILE`];
  }),
  ...clientVariables,
];

/** One line for each `POSTHORN_` variable that nothing reads. Values are not shown: one may be a mistyped secret. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !knownVariables.includes(name))
    .sort()
    .map((name) => {
      const shown = name.slice(0, nameMaxChars).replace(/[^\x21-\x7e]/g, '?');
      const closest = closestName(shown);
      return `${shown} is no setting and has no effect. ${closest === undefined ? 'fix: see posthorn config' : `did you mean ${closest}?`}`;
    });
}

function closestName(name: string): string | undefined {
  const ranked = knownVariables
    .map((known) => ({ known, distance: editDistance(name, known) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= suggestionDistanceMax ? best.known : undefined;
}

/** Levenshtein: insertions, deletions and substitutions of one character. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...b].entries()) {
      const substitution = (above[column] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(substitution, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    above = current;
  }
  return above.at(-1) ?? 0;
}
