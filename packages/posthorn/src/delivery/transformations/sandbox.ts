// Runs a user's code in QuickJS, which is WebAssembly: it reaches nothing but what it is given. Each run has a runtime of
// its own. Bounded here: its memory, its stack, and its time as far as QuickJS looks at the clock; whoever is inside of
// one long native call is stopped from outside, by ending the thread (pool.ts).
import { readFileSync } from 'node:fs';
import variant from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  Scope,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';
import { transformationLimits } from '../../core/transformation.ts';
import type { RunTimer } from './run-timer.ts';
import { jsonataHandler, prelude } from './prelude.ts';

// The compiler knows the browser's WebAssembly only.
declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => never };

// QuickJS counts what it allocates, but not what is allocated for it: only the size of WebAssembly's memory is a bound
// that holds (quickjs-emscripten issues 255 and 271).
const pageBytes = 64 * 1024;
const wasmMemoryMinBytes = 16 * 1024 * 1024;
const wasmMemoryMaxBytes = 96 * 1024 * 1024;
const memoryMaxBytes = 64 * 1024 * 1024;
const stackMaxBytes = 256 * 1024;
const jobsMax = 100_000;
const envelopeMaxChars = 64 * 1024;
const codeFile = 'transformation.js';

/** As a worker is told: texts, so that nothing of the host's gets inside. */
export interface SandboxJob {
  language: 'javascript' | 'jsonata';
  code: string;
  /** JSON. */
  variables: string;
  webhook?: { url: string; eventType: string; payload: string; isText: boolean };
}

export type SandboxResult = { logs: string[] } & (
  | { kind: 'checked' }
  | { kind: 'ran'; envelope: string; body: string }
  | { kind: 'failed'; message: string }
);

/** What the code did wrong, as the run's answer. */
class CodeError extends Error {}

interface Realm {
  context: QuickJSContext;
  runtime: QuickJSRuntime;
  scope: Scope;
  logs: string[];
}

export class Sandbox {
  readonly #startTimer: () => RunTimer;
  #module: Promise<QuickJSWASMModule> | undefined;

  constructor(startTimer: () => RunTimer) {
    this.#startTimer = startTimer;
  }

  /** Loads QuickJS. Rejects, as `run` does, only when QuickJS itself breaks. */
  async prepare(): Promise<QuickJSWASMModule> {
    this.#module ??= newQuickJSWASMModuleFromVariant(
      newVariant(variant as unknown as QuickJSSyncVariant, {
        wasmMemory: new WebAssembly.Memory({
          initial: wasmMemoryMinBytes / pageBytes,
          maximum: wasmMemoryMaxBytes / pageBytes,
        }),
      }),
    );
    return this.#module;
  }

  async run(job: SandboxJob): Promise<SandboxResult> {
    const quickJs = await this.prepare();
    // Texts are handed over as C does it.
    if (job.webhook?.payload.includes('\0')) {
      return { kind: 'failed', message: 'the payload contains U+0000', logs: [] };
    }
    const timer = this.#startTimer();
    const runtime = quickJs.newRuntime({
      memoryLimitBytes: memoryMaxBytes,
      maxStackSizeBytes: stackMaxBytes,
      interruptHandler: () => timer.isOver(),
    });
    const logs: string[] = [];
    try {
      return { ...evaluateIn(runtime, logs, job), logs };
    } catch (error) {
      // What failed in there may have left the memory grown, or worse: the next run gets a new instance.
      this.#module = undefined;
      if (!(error instanceof CodeError)) throw error;
      const message = timer.isOver()
        ? `it ran for longer than ${transformationLimits.runTimeoutMs} ms`
        : error.message;
      return { kind: 'failed', message, logs };
    } finally {
      if (this.#module) runtime.dispose();
    }
  }
}

type Evaluated = { kind: 'checked' } | { kind: 'ran'; envelope: string; body: string };

function evaluateIn(runtime: QuickJSRuntime, logs: string[], job: SandboxJob): Evaluated {
  return Scope.withScope((scope) => {
    const context = scope.manage(runtime.newContext());
    return evaluate({ context, runtime, scope, logs }, job);
  });
}

function evaluate(realm: Realm, job: SandboxJob): Evaluated {
  const { context, scope } = realm;
  const own = (handle: QuickJSHandle) => scope.manage(handle);
  const text = (value: string) => own(context.newString(value));
  const emit = own(
    context.newFunction('emit', (line) => {
      if (realm.logs.length < transformationLimits.logLinesMax) realm.logs.push(context.getString(line));
    }),
  );
  const { logLineMaxChars, payloadMaxBytes } = transformationLimits;
  const start = unwrap(realm, context.evalCode(prelude, 'posthorn.js'));
  const api = call(realm, start, [emit, own(context.newNumber(logLineMaxChars))]);
  const explain = own(context.getProp(api, 'explain'));
  const explained: Explained = { ...realm, explain };
  const handler = handlerOf(explained, job);
  if (!job.webhook) return { kind: 'checked' };
  const { url, eventType, payload, isText } = job.webhook;
  const textMark = isText ? context.true : context.false;
  const opened = [text(payload), textMark, text(url), text(eventType), text(job.variables)];
  const webhook = call(explained, own(context.getProp(api, 'open')), opened);
  const returned = settled(explained, call(explained, handler, [webhook]));
  const closed = call(explained, own(context.getProp(api, 'close')), [returned, textMark]);
  const read = (name: string, maxChars: number) =>
    readText(explained, own(context.getProp(closed, name)), maxChars);
  return { kind: 'ran', envelope: read('envelope', envelopeMaxChars), body: read('body', payloadMaxBytes) };
}

interface Explained extends Realm {
  explain?: QuickJSHandle;
}

function handlerOf(realm: Explained, { language, code }: SandboxJob): QuickJSHandle {
  const { context, scope } = realm;
  if (language === 'jsonata') {
    const library = unwrap(realm, context.evalCode(jsonataSource(), 'jsonata.js'));
    const make = unwrap(realm, context.evalCode(jsonataHandler, 'posthorn.js'));
    return call(realm, make, [library, scope.manage(context.newString(code))]);
  }
  unwrap(realm, context.evalCode(code, codeFile));
  // Not a property of the global object when it was declared with const.
  const handler = unwrap(
    realm,
    context.evalCode("typeof handler === 'function' ? handler : null", 'posthorn.js'),
  );
  if (context.typeof(handler) !== 'function') throw new CodeError('it declares no function called handler');
  return handler;
}

let jsonataText: string | undefined;

function jsonataSource(): string {
  jsonataText ??= readFileSync(new URL(import.meta.resolve('jsonata/jsonata.min.js')), 'utf8');
  return `(() => { const module = { exports: {} }; const exports = module.exports; ${jsonataText}; return module.exports; })()`;
}

type Given = ReturnType<QuickJSContext['callFunction']>;

function call(realm: Explained, fn: QuickJSHandle, args: QuickJSHandle[]): QuickJSHandle {
  return unwrap(realm, realm.context.callFunction(fn, realm.context.undefined, ...args));
}

function unwrap(realm: Explained, result: Given): QuickJSHandle {
  if (result.error) throw new CodeError(messageOf(realm, realm.scope.manage(result.error)));
  return realm.scope.manage(result.value);
}

/** What a promise came to; there is nothing in here that could settle it later. */
function settled(realm: Explained, value: QuickJSHandle): QuickJSHandle {
  const { runtime, context, scope } = realm;
  const jobs = runtime.executePendingJobs(jobsMax);
  if (jobs.error) throw new CodeError(messageOf(realm, scope.manage(jobs.error)));
  const state = context.getPromiseState(value);
  if (state.type === 'pending' && runtime.hasPendingJob())
    throw new CodeError(`it took more than ${jobsMax} turns of its promises`);
  if (state.type === 'pending') throw new CodeError('handler returned a promise that nothing settles');
  if (state.type === 'rejected') throw new CodeError(messageOf(realm, scope.manage(state.error)));
  return state.notAPromise ? value : scope.manage(state.value);
}

function messageOf({ context, scope, explain }: Explained, error: QuickJSHandle): string {
  const explained = explain && context.callFunction(explain, context.undefined, error);
  if (explained && !explained.error) {
    const text = context.getString(scope.manage(explained.value));
    const [message = '', stack = ''] = text.split('\u0001', 2);
    const line = /transformation\.js:(\d+)/.exec(stack)?.[1];
    return (
      message.slice(0, transformationLimits.messageMaxChars) + (line === undefined ? '' : ` (line ${line})`)
    );
  }
  if (explained?.error) scope.manage(explained.error);
  // Whatever stopped the code stops its explanation too.
  const name =
    context.typeof(error) === 'object'
      ? context.getString(scope.manage(context.getProp(error, 'message')))
      : '';
  return name === '' ? 'it failed' : `it was stopped: ${name.slice(0, transformationLimits.messageMaxChars)}`;
}

function readText({ context, scope }: Explained, value: QuickJSHandle, maxChars: number): string {
  const chars = context.getNumber(scope.manage(context.getProp(value, 'length')));
  if (chars > maxChars) throw new CodeError(`what it gives is larger than ${maxChars} characters`);
  return context.getString(value);
}
