// An endpoint that moves to another origin may have come into other hands: what it authenticated with at the old one is
// given again, or taken away, in the same change (docs/decisions/0031).
import type { EndpointChanges, EndpointRow } from '../store/endpoints.ts';
import { isSensitiveName } from './endpoint-headers.ts';
import { invalid } from './problems.ts';
import type { FieldProblem } from './problems.ts';

type Before = Pick<EndpointRow, 'url' | 'auth_shown'>;

const originOf = (url: string) => (URL.canParse(url) ? new URL(url).origin : url);

/** `openHeaders` gives the custom headers from before the change, when they matter. Throws 422. */
export function checkMove(
  before: Before,
  changes: EndpointChanges,
  openHeaders: () => Readonly<Record<string, string>>,
): void {
  const { url } = changes;
  if (url === undefined || originOf(url) === originOf(before.url)) return;
  const problems: FieldProblem[] = [];
  // A certificate is shown without its key: nobody can use it elsewhere.
  const auth = before.auth_shown !== null && before.auth_shown.type !== 'mtls';
  if (auth && changes.auth_sealed === undefined) problems.push(problem('auth', 'what it authenticates with'));
  if (changes.headers_sealed === undefined) {
    const names = Object.keys(openHeaders()).filter((name) => isSensitiveName(name));
    if (names.length > 0) problems.push(problem('headers', `its headers (${names.join(', ')})`));
  }
  if (problems.length > 0) throw invalid(problems);
}

function problem(field: 'auth' | 'headers', what: string): FieldProblem {
  const none = field === 'auth' ? 'null' : '{}';
  return {
    loc: ['body', field],
    msg: `the url goes to another origin: give ${what} again in the same request, or ${none} for none`,
    type: 'value_error.missing',
  };
}
