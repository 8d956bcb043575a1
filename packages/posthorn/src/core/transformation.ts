// What a transformation is given, and what may come of it. It runs elsewhere (delivery/transformations/).
import { checkCustomHeaders } from './headers.ts';
import { urlMaxChars } from './url-rules.ts';

export type TransformationLanguage = 'javascript' | 'jsonata';

/** What an endpoint has of it, while it is enabled. */
export interface Transformation {
  code: string;
  language: TransformationLanguage;
  variables: Readonly<Record<string, string>>;
}

export type TransformedMethod = 'POST' | 'PUT';

/** What is about to be sent. `payload` is JSON, or a text that is not. */
export interface WebhookDraft {
  url: string;
  eventType: string;
  payload: Uint8Array;
}

export interface TransformationJob {
  /** Whose turn it is: applications take turns, and within them their endpoints. */
  applicationId: string;
  endpointId: string;
  transformation: Transformation;
  /** Undefined: the code is only looked at. */
  webhook?: WebhookDraft;
}

/** `payload` undefined: it says the same as before, and goes out byte for byte as it came. */
export interface TransformedWebhook {
  method: TransformedMethod;
  url: string;
  headers: Record<string, string>;
  payload: Uint8Array | undefined;
}

/** `logs`: what the code wrote to its console. */
export type TransformationResult = { logs: readonly string[]; durationMs: number } & (
  | { kind: 'transformed'; webhook: TransformedWebhook }
  | { kind: 'checked' }
  | { kind: 'cancelled' }
  /** `busy`: it did not get its turn, which says nothing about the code. `message`: a sentence without its end. */
  | { kind: 'failed'; cause: 'code' | 'busy'; message: string }
);

/** Never rejects, but when this process stops. */
export type Transform = (job: TransformationJob) => Promise<TransformationResult>;

export const transformationLimits = {
  codeMaxBytes: 50 * 1024,
  variablesMaxBytes: 16 * 1024,
  /** What it may give for a payload. */
  payloadMaxBytes: 2 * 1024 * 1024,
  /** Of time that it had a processor for, as far as that can be told, and at the most. */
  runTimeoutMs: 1_000,
  runHardTimeoutMs: 4_000,
  logLinesMax: 100,
  logLineMaxChars: 1_000,
  messageMaxChars: 1_000,
} as const;

/** What comes out of the sandbox besides the payload. */
export interface Envelope {
  method: TransformedMethod;
  url: string;
  headers: Record<string, string>;
  cancel: boolean;
  /** The payload says the same as before. */
  isSame: boolean;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The envelope, or what is wrong with it: nothing in it can be trusted. */
export function readEnvelope(text: string): Envelope | string {
  const given = parse(text);
  if (!isMap(given)) return 'handler must return the webhook';
  const { method, url, headers, cancel, isSame } = given;
  if (method !== 'POST' && method !== 'PUT') return 'the method of the webhook must be "POST" or "PUT"';
  if (typeof url !== 'string') return 'the url of the webhook must be a text';
  if (url.length > urlMaxChars) return `the url of the webhook is longer than ${urlMaxChars} characters`;
  if (!isMap(headers)) return 'the headers of the webhook must be an object of texts';
  const problem = headersProblem(headers);
  if (problem !== undefined) return problem;
  return {
    method,
    url,
    headers: { ...headers } as Record<string, string>,
    cancel: cancel === true,
    isSame: isSame === true,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function headersProblem(headers: Record<string, unknown>): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') return `the value of header ${JSON.stringify(name)} must be a text`;
  }
  return checkCustomHeaders(headers as Record<string, string>);
}
