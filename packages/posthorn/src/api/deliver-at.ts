// Whether a message is still there when its time comes.
import { findEnvironment } from '../store/environments.ts';
import type { ApiDeps } from './context.ts';
import type { MessageContent } from './message-body.ts';
import { invalidField } from './problems.ts';

/** No environment keeps messages for less. */
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Undefined when there is nothing to wait for. Rejects with 422 when the environment will have deleted the message:
 * what is still open is kept beyond that, but a poller would never be given it.
 */
export function checkDeliverAt(
  deps: Pick<ApiDeps, 'db' | 'clock'>,
  environmentId: string,
  { deliverAt }: Pick<MessageContent, 'deliverAt'>,
): Promise<void> | undefined {
  const inMs = (deliverAt?.getTime() ?? 0) - deps.clock.now();
  return inMs < dayMs ? undefined : refuseUnkept(deps, environmentId, inMs);
}

async function refuseUnkept({ db }: Pick<ApiDeps, 'db'>, environmentId: string, inMs: number): Promise<void> {
  const environment = await findEnvironment(db.queries, environmentId);
  const days = environment?.message_retention_days ?? Number.POSITIVE_INFINITY;
  if (inMs < days * dayMs) return;
  const kept = `this environment keeps messages for ${days} days (messageRetentionDays)`;
  throw invalidField('deliverAt', `is when the message has been deleted already: ${kept}`);
}
