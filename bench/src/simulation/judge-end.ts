// Judges the end of a run, when nothing goes wrong any more and everything had its time: rows, journals and memory agree.
import type { Fleet } from './fleet.ts';
import type { Journal, Try } from './journal.ts';
import type { RowJudge } from './judge-rows.ts';
import type { Plan } from './plan.ts';
import { type Delivery, deliveryKey, isOpen, type Schema } from './schema.ts';

export interface EndDeps {
  journal: Journal;
  schema: Schema;
  plan: Plan;
  fleet: Fleet;
  rows: RowJudge;
}

/** Nothing is open, nobody dead is registered, and no process has anything in memory. */
export function isQuiet({ schema, fleet }: Pick<EndDeps, 'schema' | 'fleet'>): boolean {
  const living = fleet.living();
  return (
    schema.due.values().length === 0 &&
    schema.processes.values().length === living.length &&
    living.every(({ engine }) => Object.values(engine.counts()).every((count) => count === 0)) &&
    schema.deliveries.values().every(({ state }) => state !== 'delivering' && !isOpen(state))
  );
}

export function judgeEnd(deps: EndDeps): void {
  const { journal, schema, fleet } = deps;
  for (const delivery of schema.deliveries.values()) judgeDelivery(deps, delivery);
  for (const { endpointId, dueAtMs } of schema.due.values())
    journal.violation('I9', `${endpointId} stays on the list of due endpoints, at ${dueAtMs.toFixed(0)} ms`);
  for (const { engine, actor } of fleet.living()) {
    const { held, inFlight, bytes } = engine.counts();
    if (held !== 0 || inFlight !== 0 || bytes !== 0)
      journal.violation('I9', `${actor.name} holds ${held}, ${inFlight} under way, ${bytes} bytes`);
  }
  if (schema.processes.values().length !== fleet.living().length)
    journal.violation(
      'I9',
      `${schema.processes.values().length} processes are registered, ${fleet.living().length} run`,
    );
  judgeMessages(deps);
}

function judgeDelivery(deps: EndDeps, delivery: Delivery): void {
  const { journal, plan, rows } = deps;
  const key = deliveryKey(delivery.messageId, delivery.endpointId);
  const tries = journal.triesOf.get(key) ?? [];
  const accepted = tries.filter(({ answer }) => answer !== undefined && answer < 300);
  if (delivery.state === 'delivering' || isOpen(delivery.state))
    journal.violation('I1', `${key} is still ${delivery.state}`);
  if (delivery.state === 'succeeded' && accepted.length === 0)
    journal.violation('I1', `${key} succeeded, and no receiver took it`);
  if (delivery.state === 'cancelled' && !rows.everOff.has(delivery.endpointId))
    journal.violation('I1', `${key} was cancelled, and its endpoint was never off`);
  const gone = tries.some(({ answer }) => answer === 410);
  const ended = tries.filter(({ failed }) => failed === true).length;
  const isShort = ended < plan.delaysSeconds.length && !gone && !journal.resent.has(key);
  if (delivery.state === 'exhausted' && isShort)
    journal.violation('I1', `${key} is exhausted after ${ended} failures of ${plan.delaysSeconds.length}`);
  judgeAttempts(deps, key, tries);
}

/** Each attempt is recorded once, also one whose lease went over; only a process that died can take one with it. */
function judgeAttempts({ journal, schema, plan, fleet }: EndDeps, key: string, tries: readonly Try[]): void {
  const recorded = schema.attempts
    .values()
    .filter((row) => deliveryKey(row.messageId, row.endpointId) === key).length;
  const died = new Set(fleet.members.filter((member) => member.died).map(({ actor }) => actor));
  const certain = tries.filter(({ actor, endedAtMs }) => endedAtMs !== undefined && !died.has(actor)).length;
  if (recorded > tries.length)
    journal.violation('I9', `${key} has ${recorded} attempts, ${tries.length} were made`);
  if (recorded < certain) journal.violation('I9', `${key} has ${recorded} attempts, ${certain} ended`);
  const isAmiss = tries.length !== recorded && plan.isCalm;
  if (isAmiss) journal.violation('I9', `${key} has ${recorded} attempts, not ${tries.length}`);
}

/** I1, I2: what was promised is there, once, and its deliveries with it. */
function judgeMessages({ journal, schema }: EndDeps): void {
  const copies = new Map<number, number>();
  for (const { payload } of schema.messages.values()) {
    const { number } = JSON.parse(payload.toString()) as { number: number };
    copies.set(number, (copies.get(number) ?? 0) + 1);
  }
  for (const [number, sent] of journal.sent) {
    for (const id of sent.acknowledged) {
      if (!schema.messages.rows.get(id)?.value) journal.violation('I1', `${id} was promised and is gone`);
    }
    const count = copies.get(number) ?? 0;
    if (count > 1) journal.violation('I2', `message ${number} is stored ${count} times`);
    if (count > 0 && sent.refused) journal.violation('I3', `message ${number} was refused and is stored`);
  }
}

/** I5, fairness: without a fault, who takes everything gets its first attempts soon, whatever the others do. */
export function judgeLateness({ journal, schema, plan }: EndDeps, lateMsMax: number): number {
  let worstMs = 0;
  const steady = new Set(
    plan.endpoints.flatMap(({ id, manners, throttleRate, applicationId }) => {
      const application = plan.applications.find((one) => one.id === applicationId);
      const isFree = throttleRate === null && application?.throttleRate === null;
      const isChanged = plan.changes.some(
        ({ endpoint, kind }) => endpoint.id === id && kind !== 'resend' && kind !== 'touch',
      );
      return isFree && !isChanged && manners.every(({ manner }) => manner === 'accept') ? [id] : [];
    }),
  );
  for (const { messageId, endpointId } of schema.deliveries.values()) {
    const first = journal.triesOf.get(deliveryKey(messageId, endpointId))?.[0];
    const message = schema.messages.rows.get(messageId)?.value;
    // Who was sent a message by hand may never have been meant to get it before.
    if (!steady.has(endpointId) || !first || !message || journal.resent.has(`${messageId} ${endpointId}`))
      continue;
    const lateMs = first.sentAtMs - message.createdAtMs - (plan.delaysSeconds[0] ?? 0) * 1000;
    worstMs = Math.max(worstMs, lateMs);
    if (lateMs > lateMsMax)
      journal.violation('late', `${messageId} waits ${lateMs.toFixed(0)} ms for ${endpointId}`);
  }
  return worstMs;
}
