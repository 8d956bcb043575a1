// Connections that kinds keep open between deliveries: one delivery at a time on each, by configuration. What an endpoint's
// change leaves behind is closed when it has been idle for long enough.
import type { Busy } from './connector.ts';

export interface SessionKind<Config extends object, Session> {
  /** Rejects soon after the signal aborts. */
  open(config: Config, signal: AbortSignal): Promise<Session>;
  /** Ends it at once, whatever is under way on it. Must not throw. */
  close(session: Session): void;
  /** False when it broke while nobody used it. */
  isUsable(session: Session): boolean;
}

const sessionsMax = 200;
const idleMaxMs = 30_000;

interface Idle<Session> {
  session: Session;
  timer: NodeJS.Timeout;
}

export class SessionPool<Config extends object, Session> {
  readonly #kind: SessionKind<Config, Session>;
  readonly #idle = new Map<Config, Idle<Session>[]>();
  #count = 0;
  #isClosed = false;

  constructor(kind: SessionKind<Config, Session>) {
    this.#kind = kind;
  }

  /** A session whose work failed, or was aborted, is closed: nobody knows what state it is in. */
  async use<T>(
    config: Config,
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
  ): Promise<T | Busy> {
    signal.throwIfAborted();
    const kept = this.#take(config);
    if (kept === undefined && this.#count >= sessionsMax) return { isBusy: true };
    if (kept === undefined) this.#count += 1;
    let session = kept;
    const close = () => session !== undefined && this.#kind.close(session);
    signal.addEventListener('abort', close, { once: true });
    let isGood = false;
    try {
      session ??= await this.#kind.open(config, signal);
      signal.throwIfAborted();
      const result = await work(session);
      isGood = !signal.aborted;
      return result;
    } finally {
      signal.removeEventListener('abort', close);
      this.#leave(config, session, isGood);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const list of this.#idle.values()) {
      for (const { session, timer } of list) {
        clearTimeout(timer);
        this.#kind.close(session);
      }
    }
    this.#idle.clear();
  }

  #take(config: Config): Session | undefined {
    const list = this.#idle.get(config) ?? [];
    for (let idle = list.pop(); idle; idle = list.pop()) {
      clearTimeout(idle.timer);
      if (list.length === 0) this.#idle.delete(config);
      if (this.#kind.isUsable(idle.session)) return idle.session;
      this.#end(idle.session);
    }
    return undefined;
  }

  #leave(config: Config, session: Session | undefined, isGood: boolean): void {
    if (session === undefined || !isGood || this.#isClosed || !this.#kind.isUsable(session)) {
      return this.#end(session);
    }
    const timer = setTimeout(() => this.#expire(config, session), idleMaxMs);
    timer.unref();
    const list = this.#idle.get(config);
    if (list) list.push({ session, timer });
    else this.#idle.set(config, [{ session, timer }]);
  }

  #expire(config: Config, session: Session): void {
    const list = this.#idle.get(config) ?? [];
    const rest = list.filter((idle) => idle.session !== session);
    if (rest.length > 0) this.#idle.set(config, rest);
    else this.#idle.delete(config);
    this.#end(session);
  }

  #end(session: Session | undefined): void {
    this.#count -= 1;
    if (session !== undefined) this.#kind.close(session);
  }
}
