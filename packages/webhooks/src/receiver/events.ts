// The types of events: what a handler is given, by provider and event type.
import type { ProviderEvent } from '../provider/read-events.ts';
import type { PayloadSchema, SchemaOutput } from '../schema/standard-schema.ts';

/**
 * Payloads by provider and event type. Empty here: you add what your code knows.
 *
 *     declare module '@posthorn/webhooks/events' {
 *       interface ProviderEvents {
 *         stripe: { 'invoice.paid': { id: string } };
 *       }
 *     }
 *
 * Types that are not listed stay possible; their payload is `unknown`.
 */
export interface ProviderEvents {}

/** The map for `ProviderEvents` that a union of events makes, such as `Stripe.Event`, by the field that names them. */
export type EventsByType<Event, Key extends keyof Event> = {
  [Single in Event as Single[Key] & string]: Single;
};

/** Schemas by event type, or by a pattern such as `customer.*`. */
export type PayloadSchemas = Readonly<Record<string, PayloadSchema>>;

type KnownEvents<Name> = Name extends keyof ProviderEvents ? ProviderEvents[Name] : unknown;

/** An event type, a prefix followed by `*`, or `*`. */
export type EventPattern<Name, Schemas> =
  | Extract<keyof KnownEvents<Name> | keyof Schemas, string>
  | '*'
  // Keeps the names above in an editor's suggestions, where `string` alone would swallow them.
  | (string & Record<never, never>);

/** The type that an event has when the pattern matches. */
export type MatchedType<Pattern> = Pattern extends `${string}*` ? string : Pattern;

type SchemaPayload<Schemas, Type> = {
  [Key in keyof Schemas]: Key extends Type
    ? SchemaOutput<Schemas[Key]>
    : Key extends `${infer Prefix}*`
      ? Type extends `${Prefix}${string}`
        ? SchemaOutput<Schemas[Key]>
        : never
      : never;
}[keyof Schemas];

type ExactPayload<Name, Schemas, Type> = Type extends keyof Schemas
  ? SchemaOutput<Schemas[Type]>
  : [SchemaPayload<Schemas, Type>] extends [never]
    ? Type extends keyof KnownEvents<Name>
      ? KnownEvents<Name>[Type]
      : unknown
    : SchemaPayload<Schemas, Type>;

type PrefixedPayload<Name, Schemas, Prefix extends string> = {
  [Type in keyof KnownEvents<Name>]: Type extends `${Prefix}${string}`
    ? ExactPayload<Name, Schemas, Type>
    : never;
}[keyof KnownEvents<Name>];

/** The payload that a handler for `Pattern` is given: its schema's output, else what `ProviderEvents` says, else unknown. */
export type PayloadOf<Name, Schemas, Pattern> = Pattern extends keyof Schemas
  ? SchemaOutput<Schemas[Pattern]>
  : Pattern extends `${infer Prefix}*`
    ? [PrefixedPayload<Name, Schemas, Prefix>] extends [never]
      ? unknown
      : PrefixedPayload<Name, Schemas, Prefix>
    : ExactPayload<Name, Schemas, Pattern>;

/** One verified event. `id` is the same on every retry, where the provider gives one. */
export type ReceivedEvent<Type = string, Payload = unknown> = Omit<ProviderEvent, 'type' | 'payload'> & {
  readonly type: Type;
  readonly payload: Payload;
};
