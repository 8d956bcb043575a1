// What every kind of endpoint but `http` is: one file each in this folder, all listed in registry.ts. A library that only
// one kind needs is loaded with its first delivery.
import type { TSchema } from 'typebox';
import type { CheckedConfig, ConfigProblem, EndpointKind } from '../../core/endpoint-kind.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { OpenedEndpoint } from '../../store/application-config.ts';

/** One delivery, as its connector gets it. */
export interface ActionDelivery {
  applicationId: string;
  messageId: string;
  endpointId: string;
  eventType: string;
  contentType: string;
  /** As accepted, or what the endpoint's transformation made of it. */
  payload: Uint8Array;
  /** Unix milliseconds of this attempt. */
  atMs: number;
  timeoutMs: number;
  /** The same for every attempt of this delivery, and for no other: what the receiver can know a repeat by. */
  idempotencyKey: string;
  /** What the endpoint authenticates with, for the kinds that take it. */
  auth?: OpenedEndpoint['auth'];
}

/**
 * What came of it. `target`: where it went, without a secret, when that is not the endpoint's own. The rest as of an HTTP
 * answer; where none is spoken, `responseBody` is what the receiver said.
 */
export interface ActionResult {
  outcome: Outcome;
  target?: string;
  responseHeaders?: Record<string, string>;
  responseBody?: Uint8Array;
  responseTruncated?: boolean;
  retryAfterSeconds?: number;
}

/** No attempt was made: too much of its kind is under way. It is tried again in a moment, and nothing counts. */
export interface Busy {
  isBusy: true;
}

/** What is written into Posthorn's own database, in the transaction that records the attempt. */
export interface OwnWrite {
  text: string;
  values: unknown[];
  /** What the number of rows that it changed means. */
  said(rowCount: number): string;
}

export interface Connector<Config extends object = object> extends EndpointKind {
  readonly schema: TSchema;
  takesSecrets?(config: Partial<Config>): boolean;
  check(config: Config): Promise<CheckedConfig>;
  /**
   * Makes one attempt. It ends soon after `signal` aborts, and leaves nothing open then. What it throws becomes an outcome:
   * UnfitError is `config`, everything else is `unreachable` by what the network said.
   */
  deliver(delivery: ActionDelivery, config: Config, signal: AbortSignal): Promise<ActionResult | Busy>;
  /** Instead of `deliver`, where this gives something. */
  ownWrite?(delivery: ActionDelivery, config: Config): OwnWrite | undefined;
  /** Closes what is kept open between deliveries. */
  close?(): Promise<void>;
}

/** All kinds, by name. */
export type Connectors = ReadonlyMap<string, Connector>;

/** The configuration does not fit the message, or what this server allows. The message is shown to the endpoint's owner. */
export class UnfitError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnfitError';
  }
}

/** It was done. */
export function accepted(said = ''): ActionResult {
  const outcome = { kind: 'accepted', status: 0 } as const;
  return said === '' ? { outcome } : { outcome, responseBody: Buffer.from(said) };
}

/** The receiver was reached, and said no. `said` is shown: one sentence without its end. */
export function refused(said: string): ActionResult {
  return { outcome: { kind: 'rejected', status: 0, detail: said } };
}

/** Nothing could be said of the delivery yet: as `Busy`, from within. */
export class BusyError extends Error {
  constructor() {
    super('too much of its kind is under way');
    this.name = 'BusyError';
  }
}

const secretMark = 'x-secret';

/** Options of a member of a configuration that is sealed and never shown. */
export const secret = { [secretMark]: true } as const;

/** The names of the members that are marked as secret. */
export function secretNamesOf(schema: TSchema): string[] {
  const properties = Reflect.get(schema, 'properties') as Record<string, object>;
  return Object.keys(properties).filter((name) => Reflect.get(properties[name] ?? {}, secretMark) === true);
}

/** The verdict on a configuration: where it goes to, unless there are problems. */
export function verdict(target: string, problems: readonly (ConfigProblem | undefined)[]): CheckedConfig {
  const found = problems.filter((problem) => problem !== undefined);
  return found.length === 0 ? { ok: true, target } : { ok: false, problems: found };
}

/** The problem of one member, when there is one. */
export function problemOf(name: string, message: string | undefined): ConfigProblem | undefined {
  return message === undefined ? undefined : { path: [name], message };
}
