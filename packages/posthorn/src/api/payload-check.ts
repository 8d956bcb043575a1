// Whether a message may be published under its event type. For an environment that asks for nothing it is two look-ups in
// memory.
import { latestSchema } from '../core/schema-version.ts';
import type { Clock } from '../lib/clock.ts';
import type { Queries } from '../store/database.ts';
import type { EventTypePolicy } from '../store/event-type-policy.ts';
import { findEventType } from '../store/event-types.ts';
import { EventTypePolicies } from './event-type-policies.ts';
import { invalid, invalidField } from './problems.ts';
import type { FieldProblem } from './problems.ts';
import type { SchemaDesk } from './schemas/desk.ts';
import type { Problem } from './schemas/jobs.ts';

const anything = 'true';

export interface PayloadCheckDeps {
  db: { queries: Queries };
  clock: Clock;
  schemas: SchemaDesk;
}

/** What is checked of a message. `place`: where its payload stands in the body. */
export interface CheckedMessage {
  eventType: string;
  payload: Uint8Array;
  place: readonly string[];
}

/** An event that came in by another way than the API. */
export type JudgedEvent = Pick<CheckedMessage, 'eventType' | 'payload'>;

export interface PayloadCheck {
  /** Undefined when there is nothing to wait for. Throws, or rejects with, 422 when the message may not be published. */
  check(environmentId: string, message: CheckedMessage): Promise<void> | undefined;
  /** What is wrong with an event by its event type's schema, whatever that asks of messages; undefined when it fits. */
  judge(environmentId: string, event: JudgedEvent): Promise<string | undefined>;
  /** To be called when event types were changed through this process: the next message is judged by them. */
  forget(environmentId: string): void;
}

function fieldProblem(place: readonly string[], { path, msg, missing }: Problem): FieldProblem {
  const type = missing === true ? 'value_error.missing' : 'value_error';
  return { loc: ['body', ...place, ...path], msg, type };
}

export function createPayloadCheck({ db: { queries }, clock, schemas }: PayloadCheckDeps): PayloadCheck {
  const policies = new EventTypePolicies(queries, clock);

  async function loadSchema(environmentId: string, name: string): Promise<string> {
    const row = await findEventType(queries, environmentId, name);
    const schema = row && latestSchema(row.schemas);
    return schema === undefined ? anything : JSON.stringify(schema);
  }

  function problemsOf(environmentId: string, { eventType, payload }: JudgedEvent, version: string) {
    return schemas.validate(environmentId, payload, {
      // With the version of all of them: a change of one compiles the others anew, which is rare and cheap.
      key: `${environmentId}/${version}/${eventType}`,
      load: () => loadSchema(environmentId, eventType),
    });
  }

  async function validate(environmentId: string, message: CheckedMessage, version: string): Promise<void> {
    const { eventType, place } = message;
    const problems = await problemsOf(environmentId, message, version);
    if (problems === undefined) return;
    if (Array.isArray(problems)) throw invalid(problems.map((problem) => fieldProblem(place, problem)));
    const msg = `cannot be checked against the schema of ${eventType}: ${problems.msg}`;
    throw invalidField(place.join('.'), msg);
  }

  function judge(environmentId: string, message: CheckedMessage, policy: EventTypePolicy | undefined) {
    if (policy === undefined) return undefined;
    if (policy.known !== undefined && !policy.known.has(message.eventType)) {
      const msg = 'is not an event type of this environment, or is archived: create it first';
      throw invalidField('eventType', msg);
    }
    if (!policy.validated.has(message.eventType)) return undefined;
    return validate(environmentId, message, policy.version);
  }

  return {
    check(environmentId, message) {
      const policy = policies.of(environmentId);
      if (!(policy instanceof Promise)) return judge(environmentId, message, policy);
      return policy.then((loaded) => judge(environmentId, message, loaded));
    },
    async judge(environmentId, event) {
      const policy = await policies.of(environmentId);
      if (policy === undefined || !policy.described.has(event.eventType)) return undefined;
      const problems = await problemsOf(environmentId, event, policy.version);
      if (problems === undefined) return undefined;
      if (!Array.isArray(problems)) return `it cannot be checked: ${problems.msg}`;
      const [first] = problems;
      return first && `${['payload', ...first.path].join('.')} ${first.msg}`;
    },
    forget: (environmentId) => policies.forget(environmentId),
  };
}
