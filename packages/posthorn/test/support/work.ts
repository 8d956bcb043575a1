// Deliveries as the dispatcher is given them, each of a message of its own.
import type { Work } from '../../src/delivery/dispatch-hooks.ts';

let made = 0;
export function makeWork(endpointId: string, bytes = 10, more: Partial<Work> = {}): Work {
  made += 1;
  return {
    applicationId: 'app_1',
    messageId: `msg_${String(made).padStart(8, '0')}`,
    endpointId,
    leaseOwner: 1,
    leaseSeq: 1,
    attempts: 0,
    trigger: 'scheduled',
    hasResumeAt: false,
    payload: new Uint8Array(bytes),
    contentType: 'application/json',
    ...more,
  };
}
