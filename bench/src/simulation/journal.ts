// What everybody outside of Posthorn knows: each attempt as its receiver saw it, each message as its sender saw it, and
// each fault. The judges compare it with the rows.
import type { HttpDeliveryRequest } from '../../../packages/posthorn/dist/delivery/connectors/http.js';
import type { MessagePlan } from './plan.ts';
import type { Actor, World } from './world.ts';

export interface Try {
  actor: Actor;
  endpointId: string;
  messageId: string;
  request: HttpDeliveryRequest;
  sentAtMs: number;
  /** When the receiver had it; undefined when it never came there. */
  arrivedAtMs?: number;
  /** The status that the receiver answered with, as far as it did. */
  answer?: number;
  retryAfterSeconds?: number | undefined;
  /** When its process knew what it came to. */
  endedAtMs?: number;
  failed?: boolean;
}

export interface Sent {
  plan: MessagePlan;
  payload: Buffer;
  /** Message ids that it was answered with. */
  acknowledged: Set<string>;
  /** Answered with a refusal: its content must never arrive. */
  refused: boolean;
  tries: number;
}

export interface Fault {
  kind: string;
  actor: string | undefined;
  fromMs: number;
  untilMs: number;
}

export class Journal {
  readonly tries: Try[] = [];
  readonly triesOf = new Map<string, Try[]>();
  readonly sent = new Map<number, Sent>();
  readonly faults: Fault[] = [];
  readonly violations: string[] = [];
  /** Deliveries that somebody asked to send again, with the time of each request. */
  readonly resent = new Map<string, number[]>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  violation(invariant: string, text: string): void {
    const line = `${invariant}: ${text} (at ${this.#world.nowMs.toFixed(1)} ms)`;
    this.#world.trace('violation', line);
    if (this.violations.length < 20) this.violations.push(line);
  }

  addTry(entry: Try): void {
    this.tries.push(entry);
    const key = `${entry.messageId} ${entry.endpointId}`;
    this.triesOf.set(key, [...(this.triesOf.get(key) ?? []), entry]);
  }

  fault(kind: string, actor: Actor | undefined, lastsMs = 0): void {
    const fromMs = this.#world.nowMs;
    this.#world.trace('fault', `${kind} ${actor?.name ?? 'postgres'} ${lastsMs.toFixed(0)}`);
    this.faults.push({ kind, actor: actor?.name, fromMs, untilMs: fromMs + lastsMs });
  }

  /** Did anything go wrong for this process, with PostgreSQL included, between the two times? */
  isDisturbed(actor: Actor, fromMs: number, untilMs: number): boolean {
    return this.faults.some(
      (fault) =>
        (fault.actor === undefined || fault.actor === actor.name) &&
        fault.fromMs <= untilMs &&
        fault.untilMs >= fromMs,
    );
  }
}
