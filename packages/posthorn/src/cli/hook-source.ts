// A hook of adnanh/webhook as a source of posthorn.yaml with one endpoint, the command; or why it is none.
import { isAbsolute, join, normalize } from 'node:path';
import { isFields, listAt, NotConvertible, textAt } from './hook-parts.ts';
import type { Fields } from './hook-parts.ts';
import { meaningOf } from './hook-rule.ts';
import type { RuleMeaning } from './hook-rule.ts';
import { templateOf, variableOf } from './hook-values.ts';
import type { ValueFacts } from './hook-values.ts';

/** A text that does not belong into posthorn.yaml: a file of its own, named from the folder of that. */
export interface SecretFile {
  path: string;
  text: string;
}

export interface Converted {
  uid: string;
  /** As posthorn.yaml has it. */
  source: Fields;
  command: string;
  secrets: readonly SecretFile[];
  /** What is left to be done by hand. */
  notes: readonly string[];
}

export interface LeftOut {
  uid: string;
  reasons: readonly string[];
}

const uidMaxChars = 128;
const argumentsMax = 50;
const lineMaxChars = 1_024;
const bodyMaxChars = 4_096;
const notOfUid = /[^a-zA-Z0-9\-_.]/g;
const line = /^[^\p{Cc}]+$/u;
const methodsKnown = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const contentTypes = ['application/json', 'text/plain', 'application/xml', 'text/xml'];
const noContent = 204;
export const timeoutMaxSeconds = 60;

const understood = new Set([
  'id',
  'execute-command',
  'command-working-directory',
  'response-message',
  'response-headers',
  'success-http-response-code',
  'http-methods',
  'pass-arguments-to-command',
  'pass-environment-to-command',
  'trigger-rule',
]);
const forgone: Readonly<Record<string, string>> = {
  'include-command-output-in-response':
    'is answered before its command runs: read what that writes in the attempts of its messages',
  'include-command-output-in-response-on-error': '',
  'trigger-rule-mismatch-http-response-code':
    'answers 401 to what is not signed rightly, and to what its filter leaves out as to everything else',
  'incoming-payload-content-type': 'reads JSON whatever its content type, and forms by theirs',
  'trigger-signature-soft-failures': '',
};
const missing: Readonly<Record<string, string>> = {
  'parse-parameters-as-json': 'it reads JSON inside a field (parse-parameters-as-json)',
  'pass-file-to-command': 'it passes files: the command gets the payload on its standard input',
  'pre-hook-command': 'it runs another command first (pre-hook-command)',
};

/** What is gathered of one hook: every reason is told, not the first alone. */
class Findings {
  readonly reasons: string[] = [];
  readonly notes: string[] = [];

  /** Undefined, and a reason more, when it cannot be converted. */
  read<T>(convert: () => T): T | undefined {
    try {
      return convert();
    } catch (error) {
      if (!(error instanceof NotConvertible)) throw error;
      this.reasons.push(error.message);
      return undefined;
    }
  }
}

/** The uid of a hook's source: its id, as far as a uid may say it. */
export function uidOf(hook: Fields): string {
  const uid = (typeof hook.id === 'string' ? hook.id : '').replaceAll(notOfUid, '-');
  return (uid.startsWith('src_') ? `hook-${uid}` : uid).slice(0, uidMaxChars);
}

/** `secretsFolder` is where its secrets will lie, from the folder of posthorn.yaml. */
export function convertHook(hook: Fields, secretsFolder: string): Converted | LeftOut {
  const uid = uidOf(hook);
  const findings = new Findings();
  checkMembers(hook, findings);
  const rule = findings.read(() => meaningOf(hook['trigger-rule'] ?? undefined));
  const methods = findings.read(() => methodsOf(hook, rule, findings));
  const type = rule?.door.type ?? '';
  const facts = { type, isQueryOnly: methods?.length === 1 && methods[0] === 'GET' };
  const run = findings.read(() => commandOf(hook));
  const parameters = argumentsOf(hook, facts, findings);
  const secrets = new Secrets(uid, secretsFolder);
  const variables = environmentOf(hook, { facts, secrets }, findings);
  const answer = findings.read(() => answerOf(hook, findings));
  if (findings.reasons.length > 0 || !rule || !run || !methods) return { uid, reasons: findings.reasons };
  const config = {
    ...run,
    ...(parameters.length > 0 ? { arguments: parameters } : {}),
    ...(isEmpty(variables.environment) ? {} : { environment: variables.environment }),
  };
  const endpoint = {
    kind: 'command',
    // There, a command runs once, for as long as it takes.
    retrySchedule: [],
    timeoutSeconds: timeoutMaxSeconds,
    ...(variables.isRenamed ? { disabled: true } : {}),
    ...(rule.filter === undefined ? {} : { filter: rule.filter }),
    config,
  };
  return {
    uid,
    source: {
      ...doorFields(rule, secrets, findings),
      ...(methods.join() === 'POST' ? {} : { allowedMethods: methods }),
      ...(answer ? { answer } : {}),
      endpoints: { command: endpoint },
    },
    command: run.command,
    secrets: secrets.files,
    notes: findings.notes,
  };
}

const isEmpty = (fields: Fields) => Object.keys(fields).length === 0;

function checkMembers(hook: Fields, findings: Findings): void {
  for (const name of Object.keys(hook).filter((each) => !understood.has(each))) {
    const value = hook[name];
    if (value === false || value === null || (Array.isArray(value) && value.length === 0)) continue;
    if (!Object.hasOwn(forgone, name)) {
      const known = Object.hasOwn(missing, name) ? missing[name] : undefined;
      findings.reasons.push(known ?? `it has ${name}, which is not known here`);
    } else if (forgone[name]) findings.notes.push(forgone[name]);
  }
}

/** References from posthorn.yaml to files that hold what does not belong there. */
class Secrets {
  readonly files: SecretFile[] = [];
  readonly #uid: string;
  readonly #folder: string;

  constructor(uid: string, folder: string) {
    this.#uid = uid;
    this.#folder = folder;
  }

  referenceTo(name: string, text: string): string {
    const path = `${this.#folder}/${this.#uid}.${name}`;
    // A line break at the end of the file is not read.
    this.files.push({ path, text: text.endsWith('\n') ? `${text}\n` : text });
    return `\${file:${path}}`;
  }
}

function doorFields({ door }: RuleMeaning, secrets: Secrets, { notes }: Findings): Fields {
  const { type, settings, note } = door;
  if (note !== undefined) notes.push(note);
  if (type === 'generic-webhook') {
    notes.push('proves nothing of who sends: whoever knows its new URL can, so keep that a secret');
  }
  const references = door.secrets.map((text, index) =>
    secrets.referenceTo(index === 0 ? 'secret' : `secret-${index + 1}`, text),
  );
  return {
    type,
    ...(references.length > 0 ? { secrets: references } : {}),
    ...(settings ? { settings } : {}),
  };
}

/** Its own, or POST; and GET where the rule reads the query, as that is what links and buttons send. */
function methodsOf(hook: Fields, rule: RuleMeaning | undefined, { notes }: Findings): string[] {
  const given = listAt(hook, 'http-methods').map((one) => String(one).trim().toUpperCase());
  const isOfQuery = rule?.door.settings?.place?.startsWith('query:') === true;
  if (isOfQuery) notes.push('has its token in the URL: of a GET it becomes part of the message');
  if (given.length === 0) return isOfQuery ? ['GET', 'POST'] : ['POST'];
  const known = methodsKnown.filter((method) => given.includes(method));
  if (known.length === 0) throw new NotConvertible(`it takes none of ${methodsKnown.join(', ')}`);
  if (given.some((method) => !methodsKnown.includes(method))) {
    notes.push(`takes only ${known.join(', ')} of its methods`);
  }
  return known;
}

/** Where the command lies, and the directory that it runs in. */
function commandOf(hook: Fields): { command: string; directory?: string } {
  const given = textAt(hook, 'execute-command');
  const directory = textAt(hook, 'command-working-directory');
  if (given === '') throw new NotConvertible('it has no execute-command');
  if (directory !== '' && !isAbsolute(directory)) {
    throw new NotConvertible('it has a command-working-directory that is no absolute path');
  }
  // As adnanh/webhook does, which otherwise looks along the PATH of its own process.
  const command = normalize(isAbsolute(given) || directory === '' ? given : join(directory, given));
  if (!isAbsolute(command) || command.includes(',')) {
    throw new NotConvertible('it has an execute-command that POSTHORN_ALLOW_COMMANDS cannot name');
  }
  for (const text of [command, directory]) {
    const isFit = text === '' || (line.test(text) && text.length <= lineMaxChars && !text.includes('${'));
    if (!isFit) throw new NotConvertible('it has a path that posthorn.yaml cannot hold');
  }
  return directory === '' ? { command } : { command, directory };
}

function argumentsOf(hook: Fields, facts: ValueFacts, findings: Findings): string[] {
  const entries = findings.read(() => listAt(hook, 'pass-arguments-to-command')) ?? [];
  if (entries.length > argumentsMax) findings.reasons.push(`it passes more than ${argumentsMax} arguments`);
  return entries.flatMap((entry) => findings.read(() => templateOf(entry, facts)) ?? []);
}

function environmentOf(
  hook: Fields,
  { facts, secrets }: { facts: ValueFacts; secrets: Secrets },
  findings: Findings,
): { environment: Record<string, string>; isRenamed: boolean } {
  const environment: Record<string, string> = {};
  const renamed: string[] = [];
  for (const entry of findings.read(() => listAt(hook, 'pass-environment-to-command')) ?? []) {
    const variable = findings.read(() => variableOf(entry, facts));
    if (!variable) continue;
    const { name, template, isSecret, formerly } = variable;
    if (Object.hasOwn(environment, name)) findings.reasons.push(`it passes the variable ${name} twice`);
    environment[name] = isSecret ? secrets.referenceTo(name, template) : template;
    if (formerly !== undefined) renamed.push(`${formerly} as ${name}`);
  }
  if (renamed.length > 0) {
    const names = renamed.join(', ');
    findings.notes.push(`is disabled until its command reads ${names}: then take out disabled`);
  }
  return { environment, isRenamed: renamed.length > 0 };
}

/** Undefined where the provider decides. */
function answerOf(hook: Fields, { notes }: Findings): Fields | undefined {
  const message = textAt(hook, 'response-message');
  const status = hook['success-http-response-code'] ?? 0;
  const contentType = contentTypeOf(hook, notes);
  if (message === '' && status === 0) return undefined;
  const isStatus = typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 299;
  if (status !== 0 && !isStatus)
    notes.push('answers 200: success-http-response-code must be from 200 to 299');
  const code = isStatus ? status : 200;
  const isFit = message.length <= bodyMaxChars && !message.includes('${') && code !== noContent;
  if (message !== '' && !isFit) notes.push('answers without its response-message, which no answer can hold');
  return message !== '' && isFit ? { status: code, contentType, body: message } : { status: code };
}

function contentTypeOf(hook: Fields, notes: string[]): string {
  let contentType = 'text/plain';
  for (const header of listAt(hook, 'response-headers')) {
    const { name = '', value = '' } = isFields(header) ? header : {};
    const bare = String(value).split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (String(name).toLowerCase() === 'content-type' && contentTypes.includes(bare)) contentType = bare;
    else notes.push(`answers without the header ${String(name)}`);
  }
  return contentType;
}
