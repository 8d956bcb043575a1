// What a hook of adnanh/webhook passes to its command, as the templates of an action. Texts that stand in the file stay what
// they are: nothing in them is read as a template, or as a reference of posthorn.yaml.
import { isFields, isSecretName, NotConvertible, parameterOf, stepsOf, textAt } from './hook-parts.ts';
import { sourceWords } from './hook-filter.ts';
import { isEventHeader } from './hook-rule.ts';

/** Of the source: the provider, and whether what comes has no body, so that its query is the payload. */
export interface ValueFacts {
  type: string;
  isQueryOnly: boolean;
}

interface Variable {
  name: string;
  template: string;
  /** A text of the file that is called a secret. */
  isSecret: boolean;
  /** What the command finds it as, when that is another name than it was. */
  formerly: string | undefined;
}

const templateMaxChars = 8_192;
const variablePattern = /^HOOK_[A-Za-z0-9_]{1,59}$/;

/** What could begin a place of a template, or a reference. */
const mark = /\{[{%]|\$\{/;

/** A text that templates put out as it is. */
function literalTemplate(text: string): string {
  if (text.includes('\0')) throw new NotConvertible('it passes U+0000');
  // A template must not be empty.
  if (text === '') return '{{ "" }}';
  // Whole runs: of what is written instead, nothing may stand beside another brace or dollar.
  return text.replaceAll(/[{$]+%?/g, (run) =>
    mark.test(run) ? run.replaceAll(/[{$]/g, (character) => `{{ "${character}" }}`) : run,
  );
}

/** Of an entry of `pass-arguments-to-command`, and of others that name a value. */
export function templateOf(value: unknown, facts: ValueFacts): string {
  const template = unboundedTemplate(value, facts);
  if (template.length <= templateMaxChars) return template;
  throw new NotConvertible(
    `it passes a text that makes a template of more than ${templateMaxChars} characters`,
  );
}

function unboundedTemplate(value: unknown, { type, isQueryOnly }: ValueFacts): string {
  const parameter = parameterOf(value);
  const { source, name } = parameter;
  if (source === 'string') return literalTemplate(name);
  if (source === 'payload' || (source === 'url' && isQueryOnly)) return `{{ ${placeOf(name)} }}`;
  if (source === 'entire-payload' || (source === 'entire-query' && isQueryOnly))
    return '{{ payload | json }}';
  if (source === 'header' && isEventHeader(type, name)) return '{{ eventType | split: "." | first }}';
  throw new NotConvertible(`it passes ${sourceWords(parameter)}, which no template sees`);
}

function placeOf(name: string): string {
  return stepsOf(name).reduce((place, step) => {
    if (/^\d{1,9}$/.test(step)) return `${place}[${Number(step)}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `${place}.${step}` : `${place}["${step}"]`;
  }, 'payload');
}

/** Of an entry of `pass-environment-to-command`. */
export function variableOf(value: unknown, facts: ValueFacts): Variable {
  const { source, name } = parameterOf(value);
  const given = isFields(value) ? textAt(value, 'envname') : '';
  const wanted = given === '' ? `HOOK_${name}` : given;
  const own = ownName(wanted);
  return {
    name: own,
    template: templateOf(value, facts),
    isSecret: source === 'string' && isSecretName(wanted),
    formerly: own === wanted ? undefined : wanted,
  };
}

function ownName(wanted: string): string {
  if (variablePattern.test(wanted)) return wanted;
  const bare = wanted.replace(/^HOOK_/, '').replaceAll(/[^A-Za-z0-9_]/g, '_');
  const name = `HOOK_${bare}`;
  if (variablePattern.test(name)) return name;
  throw new NotConvertible('it names a variable that cannot be one here');
}
