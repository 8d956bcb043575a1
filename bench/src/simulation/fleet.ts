// The processes of a run: each a whole Engine of the product, with clocks, chance and connections of its own.
import { Engine } from '../../../packages/posthorn/dist/delivery/engine.js';
import { defaultLeaseTimes } from '../../../packages/posthorn/dist/delivery/lease-keeper.js';
import { createIdSource } from '../../../packages/posthorn/dist/lib/ids.js';
import type { EngineDeps } from '../../../packages/posthorn/dist/delivery/engine.js';
import { type Link, ConnectionPool } from './connection.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Receivers } from './receivers.ts';
import { Actor, epochMs, type World } from './world.ts';

export const retryAfterSecondsMax = 15;
const policyOf = (plan: Plan) => ({
  delaysSeconds: plan.delaysSeconds,
  jitterRatio: 0.2,
  retryAfterSecondsMax,
});
const stopTimeoutMs = 25_000;

export interface Member {
  slot: number;
  actor: Actor;
  pid: number;
  pool: ConnectionPool;
  engine: Engine;
  /** Takes messages: started, and not stopping. */
  isOpen: boolean;
  /** It was killed, or did not come to its end in time. */
  died: boolean;
}

export interface FleetDeps {
  world: World;
  journal: Journal;
  random: Random;
  plan: Plan;
  link: Link;
  receivers: Receivers;
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const box: EngineDeps['box'] = { seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() };

export class Fleet {
  readonly #deps: FleetDeps;
  readonly members: Member[] = [];
  #startCount = 0;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  start(slot: number, pid = 1_000 + this.#startCount): void {
    const { world, random, plan, link } = this.#deps;
    this.#startCount += 1;
    const skewMs = Math.round(random.between(-90_000, 90_000));
    const actor = new Actor(`p${slot}.${this.#startCount}`, { skewMs, uptimeMs: random.between(1, 1e6) });
    world.trace('start', actor.name);
    const pool = new ConnectionPool(link, actor);
    const own = random.fork();
    const clock = {
      now: () => epochMs + world.nowMs + actor.skewMs,
      monotonicMs: () => world.nowMs + actor.uptimeMs,
    };
    const log = this.#logOf(actor);
    const engine = new Engine({
      pool: pool as unknown as EngineDeps['pool'],
      // Connections of the model stand in no queue.
      heartbeatPool: pool as unknown as EngineDeps['pool'],
      box,
      connector: this.#deps.receivers.connector(actor),
      connectors: new Map(),
      transform: () => Promise.reject(new Error('no endpoint of the model has a transformation')),
      policy: policyOf(plan),
      attemptTimeoutMs: plan.attemptTimeoutMs,
      failingMaxMs: plan.failingMaxMs,
      limits: plan.limits,
      leaseTimes: defaultLeaseTimes,
      identity: { host: plan.sharesHost ? 'one' : `host-${slot}`, pid, version: 'simulated' },
      isAlive: (other) => this.members.some((one) => one.pid === other && one.actor.alive),
      userAgent: 'simulation',
      clock,
      newId: createIdSource(clock.now, (size) => own.bytes(size)),
      random: () => own.next(),
      log,
    });
    const member: Member = { slot, actor, pid, pool, engine, isOpen: false, died: false };
    this.members.push(member);
    world.after(actor, 0, () => void this.#boot(member));
  }

  living(): Member[] {
    return this.members.filter(({ actor }) => actor.alive);
  }

  inSlot(slot: number): Member | undefined {
    return this.living().find((member) => member.slot === slot);
  }

  crash(member: Member): void {
    this.#deps.journal.fault('crash', member.actor, Number.POSITIVE_INFINITY);
    member.died = true;
    member.actor.alive = false;
    member.isOpen = false;
    member.pool.orphan();
  }

  freeze(member: Member, lastsMs: number): void {
    const { world, journal } = this.#deps;
    journal.fault('freeze', member.actor, lastsMs);
    member.actor.frozenUntilMs = world.nowMs + lastsMs;
  }

  /** As on SIGTERM; `then` is called when the process is gone. */
  stop(member: Member, then: () => void): void {
    const { world, journal } = this.#deps;
    member.isOpen = false;
    const askedAtMs = world.nowMs;
    const gone = () => {
      if (!member.actor.alive) return;
      if (world.nowMs - askedAtMs >= stopTimeoutMs) this.crash(member);
      member.actor.alive = false;
      member.pool.orphan();
      then();
    };
    world.after(member.actor, 0, () => {
      world.trace('stop', member.actor.name);
      member.engine.stop(stopTimeoutMs).then(gone, () => {
        // The database was away: what it held stays leased, as after a crash.
        journal.fault('stop failed', member.actor, Number.POSITIVE_INFINITY);
        member.died = true;
        gone();
      });
    });
  }

  /** Without a database the product waits and tries again; so does whoever started it. */
  async #boot(member: Member): Promise<void> {
    const { world } = this.#deps;
    try {
      await member.engine.start();
      member.isOpen = true;
    } catch {
      // A process that does not come up ends, and is started again.
      member.died = true;
      member.actor.alive = false;
      member.pool.orphan();
      world.after(world.outside, 1_000, () => {
        if (!this.inSlot(member.slot)) this.start(member.slot);
      });
    }
  }

  #logOf(actor: Actor): EngineDeps['log'] {
    const { world } = this.#deps;
    const tell = (fields: object, message: string) => {
      const { err } = fields as { err?: Error };
      world.trace('log', `${actor.name} ${message}${err ? `: ${err.message}` : ''}`);
    };
    return { ...quiet, warn: tell, error: tell };
  }
}
