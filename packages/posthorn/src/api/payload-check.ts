// Whether a message may be published under its event type. For an environment that asks for nothing it is two look-ups in
// memory.
import { latestSchema } from '../core/schema-version.ts';
import type { EventTypePolicy } from '../store/event-type-policy.ts';
import { findEventType } from '../store/event-types.ts';
import type { ApiDeps } from './context.ts';
import { EventTypePolicies } from './event-type-policies.ts';
import { invalid, invalidField } from './problems.ts';
import type { FieldProblem } from './problems.ts';
import type { Problem } from './schemas/jobs.ts';

const anything = 'true';

/** What is checked of a message. `place`: where its payload stands in the body. */
export interface CheckedMessage {
  eventType: string;
  payload: Uint8Array;
  place: readonly string[];
}

export interface PayloadCheck {
  /** Undefined when there is nothing to wait for. Throws, or rejects with, 422 when the message may not be published. */
  check(environmentId: string, message: CheckedMessage): Promise<void> | undefined;
  /** To be called when event types were changed through this process: the next message is judged by them. */
  forget(environmentId: string): void;
}

function fieldProblem(place: readonly string[], { path, msg, missing }: Problem): FieldProblem {
  const type = missing === true ? 'value_error.missing' : 'value_error';
  return { loc: ['body', ...place, ...path], msg, type };
}

export function createPayloadCheck({
  db: { queries },
  clock,
  schemas,
}: Pick<ApiDeps, 'db' | 'clock' | 'schemas'>): PayloadCheck {
  const policies = new EventTypePolicies(queries, clock);

  async function loadSchema(environmentId: string, name: string): Promise<string> {
    const row = await findEventType(queries, environmentId, name);
    const schema = row && latestSchema(row.schemas);
    return schema === undefined ? anything : JSON.stringify(schema);
  }

  async function validate(environmentId: string, message: CheckedMessage, version: string): Promise<void> {
    const { eventType, payload, place } = message;
    const problems = await schemas.validate(environmentId, payload, {
      // With the version of all of them: a change of one compiles the others anew, which is rare and cheap.
      key: `${environmentId}/${version}/${eventType}`,
      load: () => loadSchema(environmentId, eventType),
    });
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
    forget: (environmentId) => policies.forget(environmentId),
  };
}
