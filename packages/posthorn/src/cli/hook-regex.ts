// The regular expressions of adnanh/webhook (Go's) that a filter can ask for without one: texts at the start, at the end, or
// anywhere, with alternatives. What is not one of these is undefined, never something near it.

/** `singleLine`: the text holds no line break besides, because `.` does not stand for one. */
export interface TextTest {
  kind: 'equals' | 'startsWith' | 'endsWith' | 'contains' | 'any';
  text: string;
  singleLine: boolean;
}

type Mark = '^' | '$' | '.*' | '|' | '(' | ')';
type Token = { literal: string } | { mark: Mark };
/** A piece of one alternative: texts of which one stands there, or a mark. */
type Piece = readonly string[] | '^' | '$' | '.*';

const patternMaxChars = 512;
const testsMax = 16;
const tokenPattern = /\(\?:|\.\*|\\[^A-Za-z0-9\s]|[\^$|()]|[^\\.*+?{}[\]()|^$]/uy;

function tokensOf(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < pattern.length) {
    const found = tokenPattern.exec(pattern)?.[0];
    if (found === undefined) return undefined;
    tokens.push(tokenOf(found));
  }
  return tokens;
}

function tokenOf(found: string): Token {
  if (found === '(?:') return { mark: '(' };
  if (found === '.*' || /^[\^$|()]$/.test(found)) return { mark: found as Mark };
  return { literal: found.startsWith('\\') ? found.slice(1) : found };
}

/** Parts alternatives at the top, and reads groups of texts. */
function alternativesOf(tokens: readonly Token[]): Piece[][] | undefined {
  const alternatives: Piece[][] = [[]];
  let group: string[] | undefined;
  for (const token of tokens) {
    const pieces = alternatives.at(-1) ?? [];
    if (group) {
      const isOpen = addToGroup(group, token);
      if (isOpen === undefined) return undefined;
      if (isOpen) continue;
      pieces.push(group);
      group = undefined;
    } else if ('literal' in token) {
      pieces.push([token.literal]);
    } else if (token.mark === '|') {
      alternatives.push([]);
    } else if (token.mark === '(') {
      group = [''];
    } else {
      if (token.mark === ')') return undefined;
      pieces.push(token.mark);
    }
  }
  return group ? undefined : alternatives;
}

/** False when the token closes the group; undefined for what is no text. */
function addToGroup(group: string[], token: Token): boolean | undefined {
  if ('literal' in token) {
    group.push((group.pop() ?? '') + token.literal);
    return true;
  }
  if (token.mark === '|') group.push('');
  else if (token.mark !== ')') return undefined;
  return token.mark === '|';
}

/** One test for each text that the alternative can stand for. */
function testsOf(pieces: readonly Piece[]): TextTest[] | undefined {
  const shape = pieces.map((piece) => (typeof piece === 'string' ? piece : 'x')).join('');
  const kind = /^(\^?)((?:\.\*)?)(x*)((?:\.\*)?)(\$?)$/.exec(shape);
  if (kind === null) return undefined;
  const [, start = '', before = '', , after = '', end = ''] = kind;
  let texts = [''];
  for (const piece of pieces) {
    if (typeof piece === 'string') continue;
    texts = texts.flatMap((text) => piece.map((choice) => text + choice));
    if (texts.length > testsMax) return undefined;
  }
  const isAny = kind[3] === '';
  const tests = texts.map((text) => (isAny ? anyTest(shape) : testOf(text, { start, before, after, end })));
  return tests.every((test) => test !== undefined) ? tests : undefined;
}

function anyTest(shape: string): TextTest | undefined {
  if (shape === '^$') return { kind: 'equals', text: '', singleLine: false };
  // With both anchors a line break in the text is none of it; with one, the other end may lie behind or before it.
  return { kind: 'any', text: '', singleLine: shape.startsWith('^') && shape.endsWith('$') };
}

function testOf(
  text: string,
  { start, before, after, end }: Record<'start' | 'before' | 'after' | 'end', string>,
): TextTest | undefined {
  const isFromStart = start !== '';
  const isToEnd = end !== '';
  // What `.*` must fill up to an anchor holds no line break; the text itself must then hold none either.
  const isFilled = (isFromStart && before !== '') || (isToEnd && after !== '');
  // `^text.*$`, `^.*text$` and `^.*text.*$` are about the whole text; others about a line of it.
  if (isFilled && (!isFromStart || !isToEnd || text.includes('\n'))) return undefined;
  const atStart = isFromStart && before === '';
  const atEnd = isToEnd && after === '';
  if (atStart && atEnd) return { kind: 'equals', text, singleLine: false };
  if (atStart) return { kind: 'startsWith', text, singleLine: isFilled };
  return { kind: atEnd ? 'endsWith' : 'contains', text, singleLine: isFilled };
}

/** Of which one must hold; undefined where no filter can ask for the same. */
export function textTests(pattern: string): TextTest[] | undefined {
  if (pattern.length > patternMaxChars) return undefined;
  const tokens = tokensOf(pattern);
  const alternatives = tokens && alternativesOf(tokens);
  const tests = alternatives?.map(testsOf);
  if (!tests?.every((each) => each !== undefined)) return undefined;
  const all = tests.flat();
  return all.length <= testsMax ? all : undefined;
}
