// How an endpoint wants to be delivered to: optional fields, where null is the server's way.
import Type from 'typebox';
import type { Static } from 'typebox';
import { signatureHeaderProblems } from '../core/headers.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import type { SignatureStyle } from '../store/tables.ts';
import { nullable } from './fields.ts';
import { invalid, invalidField } from './problems.ts';

const retriesMax = 50;
const retryDelayMaxSeconds = 604_800;
const retryDelaysSumMaxSeconds = 14 * 86_400;
// As many as the server's own setting may have.
const timeoutMaxSeconds = 60;

const headerName = Type.String({ minLength: 1 });
const SignatureHeadersField = Type.Object({ id: headerName, timestamp: headerName, signature: headerName });

export const optionFields = {
  /** Seconds before each retry; the first attempt is not one. */
  retrySchedule: Type.Optional(
    nullable(
      Type.Array(Type.Integer({ minimum: 1, maximum: retryDelayMaxSeconds }), { maxItems: retriesMax }),
    ),
  ),
  timeoutSeconds: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: timeoutMaxSeconds }))),
  signatureStyle: Type.Optional(
    nullable(
      Type.Union([
        Type.Literal('standard'),
        Type.Literal('svix'),
        Type.Literal('both'),
        Type.Literal('custom'),
      ]),
    ),
  ),
  signatureHeaders: Type.Optional(nullable(SignatureHeadersField)),
};
const OptionsIn = Type.Object(optionFields);
type OptionsIn = Static<typeof OptionsIn>;

interface OptionColumns {
  retry_delays_seconds: number[] | null;
  timeout_seconds: number | null;
  signature_style: SignatureStyle;
  /** JSON. */
  signature_headers: string | null;
}

/** The columns of an endpoint whose body names none of the options. */
const optionDefaults: OptionColumns = {
  retry_delays_seconds: null,
  timeout_seconds: null,
  signature_style: 'standard',
  signature_headers: null,
};

/** The columns that a body names. Throws 422 when a value cannot be. */
export function optionChanges(body: OptionsIn): Partial<OptionColumns> {
  const { retrySchedule, timeoutSeconds, signatureStyle, signatureHeaders } = body;
  checkRetrySchedule(retrySchedule ?? []);
  if (signatureHeaders) checkSignatureHeaders(signatureHeaders);
  return {
    ...(retrySchedule === undefined ? {} : { retry_delays_seconds: retrySchedule }),
    ...(timeoutSeconds === undefined ? {} : { timeout_seconds: timeoutSeconds }),
    ...(signatureStyle === undefined
      ? {}
      : { signature_style: signatureStyle ?? optionDefaults.signature_style }),
    ...(signatureHeaders === undefined ? {} : { signature_headers: storedNames(signatureHeaders) }),
  };
}

/** The columns of a whole endpoint: what its body leaves out gets its default. */
export function optionColumns(body: OptionsIn): OptionColumns {
  return { ...optionDefaults, ...optionChanges(body) };
}

/** The options as the API shows them. */
export function wireOptions(row: EndpointRow) {
  return {
    retrySchedule: row.retry_delays_seconds,
    timeoutSeconds: row.timeout_seconds,
    signatureStyle: row.signature_style,
    signatureHeaders: row.signature_headers,
  };
}

function checkRetrySchedule(delaysSeconds: readonly number[]): void {
  const sumSeconds = delaysSeconds.reduce((sum, delay) => sum + delay, 0);
  if (sumSeconds <= retryDelaysSumMaxSeconds) return;
  const most = `at most ${retryDelaysSumMaxSeconds} (14 days) are allowed`;
  throw invalidField('retrySchedule', `is ${sumSeconds} seconds in all, ${most}`);
}

function checkSignatureHeaders(names: Static<typeof SignatureHeadersField>): void {
  const problems = signatureHeaderProblems(names);
  if (problems.length === 0) return;
  throw invalid(
    problems.map(([part, why]) => ({
      loc: ['body', 'signatureHeaders', part],
      msg: `${JSON.stringify(names[part])} cannot be used: ${why}`,
      type: 'value_error',
    })),
  );
}

/** What a caller added beside the three names is not kept. */
function storedNames(names: Static<typeof SignatureHeadersField> | null): string | null {
  if (names === null) return null;
  const { id, timestamp, signature } = names;
  return JSON.stringify({ id, timestamp, signature });
}
