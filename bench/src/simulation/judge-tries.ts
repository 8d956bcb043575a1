// Judges each attempt as it leaves, arrives and ends: what is sent, to whom, how often, and when not.
import { createHmac } from 'node:crypto';
import type { AttemptResult } from '../../../packages/posthorn/dist/delivery/connectors/http.js';
import type { Journal, Try } from './journal.ts';
import type { EndpointPlan, Plan } from './plan.ts';
import { deliveryKey, type Schema } from './schema.ts';
import { epochMs, type World } from './world.ts';

// An attempt uses a configuration that was current a second ago, and waits for at most a few statements.
const configAgeMsMax = 1_000;
const slackMs = 60;
const failuresInARowMax = 10;
const coolDownFirstMs = 5_000;
const coolDownMaxMs = 120_000;
const holdMaxMs = 300_000;
const rateWindowsMs = [1_000, 10_000];
const lateMaxMs = 50;
// How long the effect of a fault can last: a lease that goes over, a statement that times out.
const aftermathMs = 30_000;

/** What a process knows of an endpoint's health. */
interface Health {
  failuresInARow: number;
  coolDownMs: number;
  closedFromMs: number;
  closedUntilMs: number;
}

/** Since when an endpoint takes nothing, and when its limits were changed last. */
export interface EndpointHistory {
  offSinceMs: number;
  changedAtMs: number;
}

export interface TryDeps {
  world: World;
  journal: Journal;
  schema: Schema;
  plan: Plan;
  histories: Map<string, EndpointHistory>;
}

export class TryJudge {
  readonly #deps: TryDeps;
  readonly #endpoints: Map<string, EndpointPlan>;
  readonly #inFlight = new Map<string, Set<Try>>();
  readonly #health = new Map<string, Health>();
  readonly #starts = new Map<string, number[]>();

  constructor(deps: TryDeps) {
    this.#deps = deps;
    this.#endpoints = new Map(deps.plan.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  }

  readonly sent = (entry: Try): void => {
    this.#judgeContent(entry);
    this.#judgeLease(entry);
    this.#judgeRoom(entry);
    this.#judgeSilence(entry);
    this.#judgeOff(entry);
    this.#judgeRates(entry);
    this.#flightsOf(entry).add(entry);
    this.#flightsOfAll(entry).add(entry);
  };

  /** I4, I3. */
  readonly arrived = (entry: Try): void => {
    const { journal, world } = this.#deps;
    const key = deliveryKey(entry.messageId, entry.endpointId);
    const earlier = (journal.triesOf.get(key) ?? []).filter(
      (one) => one !== entry && one.arrivedAtMs !== undefined && (one.answer ?? 999) < 300,
    );
    for (const first of earlier) {
      const asked = journal.resent.get(key)?.some((atMs) => atMs >= first.sentAtMs - aftermathMs);
      if (asked || journal.isDisturbed(first.actor, first.sentAtMs - aftermathMs, world.nowMs)) continue;
      journal.violation(
        'I4',
        `${key} arrives again at ${entry.actor.name}, after a 2xx to ${first.actor.name}`,
      );
    }
    const together = (journal.triesOf.get(key) ?? []).filter(
      (one) => one !== entry && one.endedAtMs === undefined,
    );
    for (const other of together) {
      if (!journal.isDisturbed(other.actor, other.sentAtMs - aftermathMs, world.nowMs))
        journal.violation(
          'I4',
          `${key} is under way twice, from ${other.actor.name} and ${entry.actor.name}`,
        );
    }
  };

  readonly ended = (entry: Try, result: AttemptResult): void => {
    this.#flightsOf(entry).delete(entry);
    this.#flightsOfAll(entry).delete(entry);
    const health = this.#healthOf(entry);
    const { nowMs } = this.#deps.world;
    if (result.outcome.kind === 'accepted') {
      health.failuresInARow = 0;
      health.coolDownMs = 0;
      return;
    }
    health.failuresInARow += 1;
    if (health.failuresInARow >= failuresInARowMax && nowMs >= health.closedUntilMs) {
      health.coolDownMs = Math.min(
        coolDownMaxMs,
        health.coolDownMs === 0 ? coolDownFirstMs : health.coolDownMs * 2,
      );
      this.#close(health, health.coolDownMs);
    }
    const { retryAfterSeconds, responseStatus } = result;
    const isBusy = responseStatus === 429 || responseStatus === 503;
    if (isBusy && retryAfterSeconds) this.#close(health, Math.min(holdMaxMs, retryAfterSeconds * 1000));
  };

  #close(health: Health, closedMs: number): void {
    const { nowMs } = this.#deps.world;
    if (nowMs >= health.closedUntilMs) health.closedFromMs = nowMs;
    health.closedUntilMs = Math.max(health.closedUntilMs, nowMs + closedMs);
  }

  /** I2, I7: the bytes that somebody sent, signed, stored before they leave, to an endpoint of their own application. */
  #judgeContent({ request, messageId, endpointId, actor }: Try): void {
    const { journal, schema, world } = this.#deps;
    const endpoint = this.#endpoints.get(endpointId);
    const message = schema.messages.rows.get(messageId)?.value;
    if (!endpoint) return journal.violation('I2', `nobody has the endpoint ${request.url}`);
    if (!message) return journal.violation('I2', `${messageId} leaves before it is stored`);
    if (message.applicationId !== endpoint.applicationId)
      journal.violation(
        'I7',
        `${messageId} of ${message.applicationId} goes to ${endpointId} of ${endpoint.applicationId}`,
      );
    const { number } = JSON.parse(Buffer.from(request.body).toString()) as { number: number };
    const sent = journal.sent.get(number);
    if (!sent || !sent.payload.equals(request.body))
      journal.violation('I2', `${messageId} is not what was sent`);
    if (sent?.refused) journal.violation('I3', `${messageId} was refused, and is delivered`);
    const timestamp = request.headers['webhook-timestamp'];
    if (timestamp !== String(Math.floor((epochMs + world.nowMs + actor.skewMs) / 1000)))
      journal.violation('I2', `${messageId} is signed for another time`);
    const key = Buffer.from(endpoint.secret.slice('whsec_'.length), 'base64');
    const signed = createHmac('sha256', key).update(`${messageId}.${timestamp}.`).update(request.body);
    if (request.headers['webhook-signature'] !== `v1,${signed.digest('base64')}`)
      journal.violation('I2', `${messageId} is signed wrongly`);
  }

  /** An attempt is made under a lease; without one only by a process that something happened to. */
  #judgeLease({ actor, messageId, endpointId }: Try): void {
    const { journal, schema, world } = this.#deps;
    const delivery = schema.deliveries.rows.get(deliveryKey(messageId, endpointId))?.value;
    if (delivery?.state === 'delivering') return;
    if (journal.isDisturbed(actor, world.nowMs - aftermathMs, world.nowMs)) return;
    journal.violation(
      'I9',
      `${actor.name} sends ${messageId} to ${endpointId}, which is ${delivery?.state ?? 'not there'}`,
    );
  }

  #judgeRoom(entry: Try): void {
    const { journal, plan } = this.#deps;
    const own = this.#flightsOf(entry).size + 1;
    if (own > plan.limits.inFlightPerEndpointMax)
      journal.violation('cap', `${entry.actor.name} has ${own} attempts under way to ${entry.endpointId}`);
    const all = this.#flightsOfAll(entry).size + 1;
    if (all > plan.limits.inFlightMax)
      journal.violation('cap', `${entry.actor.name} has ${all} attempts under way`);
  }

  /** While the breaker is closed, or the endpoint asked for a pause, nothing starts; then one at a time. */
  #judgeSilence(entry: Try): void {
    const { journal, world } = this.#deps;
    const { nowMs } = world;
    const health = this.#healthOf(entry);
    if (nowMs - health.closedFromMs <= slackMs) return;
    if (journal.isDisturbed(entry.actor, health.closedFromMs - aftermathMs, nowMs)) return;
    // A timer of Node fires up to a millisecond early; the product looks at the clock again.
    if (nowMs < health.closedUntilMs - 1) {
      journal.violation(
        'breaker',
        `${entry.actor.name} sends to ${entry.endpointId}, closed for ${health.closedUntilMs - nowMs} ms more`,
      );
    } else if (health.coolDownMs > 0 && this.#flightsOf(entry).size > 0) {
      journal.violation(
        'breaker',
        `${entry.actor.name} probes ${entry.endpointId} with more than one attempt`,
      );
    }
  }

  /** I6. */
  #judgeOff({ actor, endpointId, messageId }: Try): void {
    const { journal, world, histories } = this.#deps;
    const offSinceMs = histories.get(endpointId)?.offSinceMs ?? Number.POSITIVE_INFINITY;
    if (world.nowMs <= offSinceMs + configAgeMsMax + slackMs) return;
    if (journal.isDisturbed(actor, offSinceMs - aftermathMs, world.nowMs)) return;
    journal.violation(
      'I6',
      `${actor.name} sends ${messageId} to ${endpointId}, off since ${offSinceMs.toFixed(0)} ms`,
    );
  }

  #judgeRates({ actor, endpointId }: Try): void {
    const { journal, world, schema } = this.#deps;
    const { nowMs } = world;
    if (journal.isDisturbed(actor, nowMs - aftermathMs, nowMs)) return;
    const endpoint = schema.endpoints.rows.get(endpointId)?.value;
    const application = schema.applications.rows.get(endpoint?.applicationId ?? '')?.value;
    const [rate, shared] = [endpoint?.throttleRate ?? 0, application?.throttleRate ?? 0];
    const hasBoth = rate > 0 && shared > 0;
    this.#judgeRate(endpointId, rate, hasBoth);
    this.#judgeRate(application?.id ?? '', shared, hasBoth);
  }

  #judgeRate(id: string, rate: number, hasBoth: boolean): void {
    const { journal, world, histories, plan } = this.#deps;
    if (rate === 0) return;
    const starts = this.#starts.get(id) ?? [];
    this.#starts.set(id, starts);
    starts.push(world.nowMs);
    for (const windowMs of rateWindowsMs) {
      const fromMs = world.nowMs - windowMs;
      if ((histories.get(id)?.changedAtMs ?? 0) > fromMs - 3_000) continue;
      if (journal.faults.some((fault) => fault.actor === undefined && fault.untilMs > fromMs - 3_000))
        continue;
      const count = starts.filter((atMs) => atMs > fromMs).length;
      const lateMs = Math.max(lateMaxMs, 1000 / rate) + slackMs;
      // A process may keep one start of a limit for as long as it waits for one of the other.
      const most = Math.floor(((windowMs + lateMs) * rate) / 1000) + 1 + (hasBoth ? plan.slotCount : 0);
      if (count > most)
        journal.violation('rate', `${count} attempts of ${id} in ${windowMs} ms, at ${rate} per second`);
    }
  }

  #flightsOf({ actor, endpointId }: Try): Set<Try> {
    return this.#flights(`${actor.name} ${endpointId}`);
  }

  #flightsOfAll({ actor }: Try): Set<Try> {
    return this.#flights(actor.name);
  }

  #flights(key: string): Set<Try> {
    const known = this.#inFlight.get(key) ?? new Set<Try>();
    this.#inFlight.set(key, known);
    return known;
  }

  #healthOf({ actor, endpointId }: Try): Health {
    const key = `${actor.name} ${endpointId}`;
    const known = this.#health.get(key) ?? {
      failuresInARow: 0,
      coolDownMs: 0,
      closedFromMs: Number.NEGATIVE_INFINITY,
      closedUntilMs: 0,
    };
    this.#health.set(key, known);
    return known;
  }
}
