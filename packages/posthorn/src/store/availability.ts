// Tells a database that is away, or cannot work right now, from a statement that is wrong: the first is answered with
// "try again", the second is a bug. Also names the one violation that callers cause, a value that is taken.

import pg from 'pg';
import { OverloadedError } from '../core/acceptance.ts';

const uniqueViolation = '23505';
const lockNotAvailable = '55P03';
const queryCanceled = '57014';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const unavailableClasses = ['08', '53', '58'];
const unavailableStates = new Set([
  '25006', // read_only_sql_transaction: a standby answers, the primary has moved
  '40001', // serialization_failure
  '40P01', // deadlock_detected: the other one won, the same request works when it comes again
  lockNotAvailable,
  '25P03', // idle_in_transaction_session_timeout: this process stood still within a transaction, and its next
  '25P04', // statement was on its way when it woke up; transaction_timeout, the same within a message
  queryCanceled, // the statement timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: starting up or recovering
  '57P05', // idle_session_timeout
]);

const unavailableErrnos = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTCONN',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // The Unix socket of a server that is not running.
  'ENOENT',
]);
const socketCalls = new Set(['connect', 'read', 'write', 'getaddrinfo', 'shutdown']);

// Errors of pg and pg-pool that carry no code.
const unavailableMessages = [
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Connection terminated',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
];

function textProperty(error: object, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

function isUnavailableCode(error: Error, code: string): boolean {
  if (unavailableStates.has(code)) return true;
  if (/^[0-9A-Z]{5}$/.test(code) && unavailableClasses.includes(code.slice(0, 2))) return true;
  return unavailableErrnos.has(code) && socketCalls.has(textProperty(error, 'syscall') ?? '');
}

/** True when the same statement may well succeed later, by itself: PostgreSQL is gone, restarts, is full or too slow. */
export function passesByItself(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof OverloadedError) return true;
  // A name with several addresses fails with one error for each of them.
  if (error instanceof AggregateError && error.errors.some(passesByItself)) return true;
  const code = textProperty(error, 'code');
  if (code !== undefined) return isUnavailableCode(error, code);
  return unavailableMessages.some((message) => error.message.startsWith(message));
}

// Whoever logs in is refused, or the database is not there: while passwords change, or a backup takes its place. Beside
// the severity, which speaks the language of the server.
const refusedLogins = new Set(['28000', '28P01', '3D000', '57P04']);
const endingSeverities = new Set(['FATAL', 'PANIC']);

function endsConnection(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  return endingSeverities.has(error.severity ?? '') || refusedLogins.has(error.code ?? '');
}

// Codes of Node for a connection that could not be made secure: https://nodejs.org/api/tls.html#x509-certificate-error-codes
const insecureCode =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$)/;
const insecureMessage = 'The server does not support SSL connections';

function isInsecure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message === insecureMessage || insecureCode.test(textProperty(error, 'code') ?? '');
}

/** True when no statement can be to blame: it passes by itself, or once somebody has put the way to PostgreSQL right. */
export const isDatabaseUnavailable = (error: unknown): boolean =>
  passesByItself(error) || endsConnection(error) || isInsecure(error);

/**
 * True when PostgreSQL itself said so, and goes on with this connection: it may answer something else well, and what the
 * connection is in the middle of is known.
 */
export const isAnswer = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && !endsConnection(error);

const isBug = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;

/** False when what was to be written is to blame: PostgreSQL does not take it, or it could not be sent. */
export const isWorthRepeating = (error: unknown): boolean =>
  isDatabaseUnavailable(error) || !(isAnswer(error) || isBug(error));

/** True when there is no more to be had from the connection that this happened on. */
export const isConnectionLost = (error: unknown): boolean => isDatabaseUnavailable(error) && !isAnswer(error);

/** True when a lock was not to be had in the time that the statement was ready to wait for it. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && textProperty(error, 'code') === lockNotAvailable;
}

/** True when PostgreSQL gave a statement up because it, or a lock that it needs, took too long: it had no effect. */
export function wasGivenUp(error: unknown): boolean {
  return isLockTimeout(error) || (error instanceof Error && textProperty(error, 'code') === queryCanceled);
}

/** True for SQLSTATE 23505; with `constraint`, only for a violation of that constraint or unique index. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (!(error instanceof Error) || textProperty(error, 'code') !== uniqueViolation) return false;
  return constraint === undefined || textProperty(error, 'constraint') === constraint;
}
