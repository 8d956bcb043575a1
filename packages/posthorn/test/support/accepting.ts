// What the acceptors of messages and of requests need, on a test's database.
import { randomBytes } from 'node:crypto';
import type { AcceptDeps } from '../../src/delivery/accept.ts';
import { ConfigCache } from '../../src/delivery/config-cache.ts';
import { defaultDispatchLimits } from '../../src/delivery/dispatch-limits.ts';
import { Dispatcher } from '../../src/delivery/dispatcher.ts';
import { MessagePlanner } from '../../src/delivery/message-planner.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createSecretBox } from '../../src/store/secret-box.ts';
import type { TestStore } from './store.ts';

/** Nothing starts: what is accepted here is only looked at. With a delay of the first attempt all of it waits in the database. */
export function acceptDeps({ pool, newId }: TestStore, owner: number, firstDelayMs = 0): AcceptDeps {
  const box = createSecretBox(randomBytes(32));
  const hooks = { start: () => Promise.resolve(), mayStart: () => false };
  const dispatcher = new Dispatcher(defaultDispatchLimits, hooks);
  return {
    pool,
    box,
    configs: new ConfigCache({ pool, box, clock: systemClock }),
    planner: new MessagePlanner({ dispatcher, newId, firstDelayMs }),
    leaseOwner: () => owner,
    firstDelayMs,
    clock: systemClock,
    onUncertain: () => {},
    onWaiting: () => {},
  };
}
