// What people do to Posthorn in a run: send messages, change endpoints, ask for one more attempt.
import { Kysely, PostgresDialect } from 'kysely';
import { requestResend } from '../../../packages/posthorn/dist/store/resend.js';
import type { Queries } from '../../../packages/posthorn/dist/store/database.js';
import type { Fleet, Member } from './fleet.ts';
import type { Journal, Sent } from './journal.ts';
import type { Change, EndpointPlan, MessagePlan } from './plan.ts';
import type { Random } from './random.ts';
import type { Transaction } from './rows.ts';
import { deliveryKey, type Endpoint } from './schema.ts';
import type { Server } from './server.ts';
import { bumpVersion } from './statement-settle.ts';
import type { World } from './world.ts';

export const environmentId = 'env_simulated';
const triesMax = 4;
const tryAgainMs = 3_000;

export interface SenderDeps {
  world: World;
  journal: Journal;
  random: Random;
  server: Server;
  fleet: Fleet;
}

export function endpointRow(plan: EndpointPlan): Endpoint {
  const { id, applicationId, url, eventTypes, channels, throttleRate, secret } = plan;
  const base = { id, applicationId, url, eventTypes, channels, throttleRate };
  const secretHex = Buffer.from(secret).toString('hex');
  return { ...base, secretHex, disabled: false, disabledReason: null, deleted: false };
}

export class Senders {
  readonly #deps: SenderDeps;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
  }

  send(plan: MessagePlan): void {
    const padding = 'x'.repeat(plan.padding);
    const payload = Buffer.from(JSON.stringify({ number: plan.number, padding }));
    const sent: Sent = { plan, payload, acknowledged: new Set(), refused: false, tries: 0 };
    this.#deps.journal.sent.set(plan.number, sent);
    this.#try(sent);
  }

  change(change: Change): void {
    const { journal, world } = this.#deps;
    world.trace('change', `${change.kind} ${change.endpoint.id}`);
    const { id } = change.endpoint;
    switch (change.kind) {
      case 'create':
        return this.#alter(change.endpoint, () => endpointRow(change.endpoint));
      case 'disable':
        return this.#alter(change.endpoint, (row) => row && { ...row, disabled: true });
      case 'enable':
        return this.#alter(change.endpoint, (row) => row && { ...row, disabled: false });
      case 'touch':
        return this.#alter(change.endpoint, (row) => row && { ...row });
      case 'delete':
        return this.#alter(change.endpoint, (row) => row && { ...row, deleted: true });
      case 'rate':
        return this.#alter(change.endpoint, (row) => row && { ...row, throttleRate: change.rate });
      case 'resend': {
        const [messageId] = journal.sent.get(change.number)?.acknowledged ?? [];
        const member = this.#anyOpen();
        if (messageId !== undefined && member)
          this.#resend(member, messageId, id, change.endpoint.applicationId);
      }
    }
  }

  #anyOpen(): Member | undefined {
    const open = this.#deps.fleet.living().filter(({ isOpen }) => isOpen);
    return open.length > 0 ? this.#deps.random.pick(open) : undefined;
  }

  #try(sent: Sent): void {
    const { world } = this.#deps;
    const member = this.#anyOpen();
    sent.tries += 1;
    if (member) world.after(member.actor, 0.1, () => void this.#accept(member, sent));
    const { key, eventId } = sent.plan;
    // Without a name of its own a message that is sent again is another one.
    if (key === null && eventId === null && member) return;
    world.after(world.outside, tryAgainMs, () => {
      if (sent.acknowledged.size === 0 && !sent.refused && sent.tries < triesMax) this.#try(sent);
    });
  }

  async #accept({ engine, actor }: Member, sent: Sent): Promise<void> {
    const { world, journal, server } = this.#deps;
    const { plan, payload } = sent;
    const idempotency = plan.key === null ? {} : { idempotency: { key: plan.key, fingerprint: payload } };
    try {
      const acceptance = await engine.accept({
        environmentId,
        application: plan.application.uid ?? plan.application.id,
        eventType: plan.eventType,
        channels: plan.channels,
        payload,
        ...idempotency,
        ...(plan.eventId === null ? {} : { eventId: plan.eventId }),
      });
      world.trace('answer', `${actor.name} ${plan.number} ${acceptance.kind}`);
      if (acceptance.kind === 'accepted') {
        sent.acknowledged.add(acceptance.messageId);
        const stored = server.schema.messages.rows.get(acceptance.messageId)?.value;
        if (!stored?.payload.equals(payload))
          journal.violation('I1', `${acceptance.messageId} is promised, and not stored as it was sent`);
      } else if (acceptance.kind === 'unknown_application') {
        journal.violation('I1', `${plan.application.id} is unknown to ${actor.name}`);
      } else if (sent.tries === 1) {
        // A second try can be refused because of the first one, whose answer was lost.
        sent.refused = true;
      }
    } catch (error) {
      world.trace('answer', `${actor.name} ${plan.number} ${(error as Error).message}`);
    }
  }

  #alter(endpoint: EndpointPlan, alter: (row: Endpoint | undefined) => Endpoint | undefined): void {
    const { server } = this.#deps;
    const tx = server.begin();
    tx.origin = 'console';
    server.runIn(
      tx,
      (own: Transaction) => {
        bumpVersion(server.schema, own, endpoint.applicationId);
        const row = server.schema.endpoints.row(endpoint.id);
        own.lock(row, 'update');
        const altered = alter(own.read(row));
        if (altered) own.write(row, altered);
        return [];
      },
      () => server.commit(tx),
    );
  }

  #resend(member: Member, messageId: string, endpointId: string, applicationId: string): void {
    const { world, journal } = this.#deps;
    const key = deliveryKey(messageId, endpointId);
    journal.resent.set(key, [...(journal.resent.get(key) ?? []), world.nowMs]);
    const pool = member.pool as unknown as ConstructorParameters<typeof PostgresDialect>[0]['pool'];
    const db: Queries = new Kysely({ dialect: new PostgresDialect({ pool }) });
    world.after(member.actor, 0, () => {
      requestResend(db, { applicationId, messageId, endpointId }).then(
        () => member.engine.wake(),
        (error: Error) => world.trace('resend', error.message),
      );
    });
  }
}
