// @ts-check
// Which faults excuse what: the times at which an answer may have been lost between the receiver and the database.

/** @typedef {import('./faults.mjs').FaultRecord} FaultRecord */
/** @typedef {Pick<import('./history.mjs').Hit, 'receivedMs' | 'answeredMs' | 'sender'>} Times */

/** How long an answer takes at most to be written down while PostgreSQL works. */
const settleMs = 2_000;
/** The same before a kill: a machine that is busy starting processes writes late. */
const settleBusyMs = 8_000;
/** The same after an outage: connections are made anew, and everything that waited is written. */
const recoverMs = 8_000;
/** Outages of at least this length make processes look dead to each other: 15 s of silence less a heartbeat. */
const silentMs = 8_000;
/** What a frozen process had in hand goes out this soon after it goes on, on a machine that is busy starting others. */
const thawMs = 3_000;
/**
 * A request is received when the receiver reads it, and may be the last of a process that was killed before: on a busy
 * machine 124 ms were seen between the two.
 */
const unreadMs = 300;

/** Whether a fault met one of these processes, as far as both are known. @param {FaultRecord} fault @param {readonly number[]} senders */
const met = ({ pid = 0 }, senders) => pid === 0 || senders.some((sender) => sender === 0 || sender === pid);

export class FaultWindows {
  /** When PostgreSQL could not be relied on; sorted, joined where they are close. @type {{ startMs: number, endMs: number }[]} */
  outages = [];
  /** @type {FaultRecord[]} */
  kills;
  /** @type {FaultRecord[]} */
  freezes;
  /** Everything that excuses a duplicate: kills, freezes, long outages. @type {FaultRecord[]} */
  excusing;
  #record;

  /** @param {readonly FaultRecord[]} record */
  constructor(record) {
    this.#record = record.toSorted((a, b) => a.startMs - b.startMs);
    this.kills = this.#record.filter(({ kind }) => kind === 'kill');
    this.freezes = this.#record.filter(({ kind }) => kind === 'freeze');
    for (const { kind, startMs, endMs } of this.#record) {
      if (!kind.startsWith('p') && kind !== 'disk_full') continue;
      const last = this.outages.at(-1);
      if (last && startMs <= last.endMs + recoverMs) last.endMs = Math.max(last.endMs, endMs);
      else this.outages.push({ startMs, endMs });
    }
    this.long = this.outages.filter(({ startMs, endMs }) => endMs - startMs >= silentMs);
    const long = this.long.map((outage) => ({ kind: 'outage', ...outage }));
    this.excusing = [...this.kills, ...this.freezes, ...long];
  }

  /**
   * By when an answer given at `ms` is surely in the database, if its process lives.
   * @param {number} ms
   * @param {number} [withinMs]
   */
  settledBy(ms, withinMs = settleMs) {
    let by = ms + withinMs;
    for (const { startMs, endMs } of this.outages) {
      if (startMs <= by && endMs + recoverMs >= ms) by = Math.max(by, endMs + recoverMs);
    }
    return by;
  }

  /** True when the answer to `hit` may have been lost, so that `again` came. @param {Times} hit @param {Pick<Times, 'receivedMs' | 'sender'>} again */
  mayBeLost({ receivedMs, answeredMs, sender }, { receivedMs: againMs, sender: againBy }) {
    const by = this.settledBy(answeredMs);
    const byAtMost = Math.max(by, answeredMs + settleBusyMs);
    if (
      this.kills.some(
        (kill) => kill.startMs + unreadMs >= receivedMs && kill.startMs <= byAtMost && met(kill, [sender]),
      )
    )
      return true;
    if (this.long.some(({ startMs, endMs }) => startMs <= by && endMs + recoverMs >= receivedMs)) return true;
    return this.freezes.some(
      (freeze) =>
        met(freeze, [sender, againBy]) &&
        ((freeze.startMs <= by && freeze.endMs + thawMs >= receivedMs) ||
          (againMs >= freeze.endMs && againMs <= freeze.endMs + thawMs)),
    );
  }

  /** True when no fault of any kind touches this time. @param {number} fromMs @param {number} toMs */
  isQuiet(fromMs, toMs) {
    return !this.#record.some(
      ({ startMs, endMs }) =>
        startMs <= toMs + settleMs && Math.min(endMs + recoverMs, Number.MAX_SAFE_INTEGER) >= fromMs,
    );
  }

  /** True when a process was frozen, or just thawed, at `ms`. @param {number} ms */
  isThawing(ms) {
    return this.freezes.some(({ endMs }) => ms >= endMs - 100 && ms <= endMs + thawMs);
  }

  /** True when a process was frozen, or had just thawed, at some time between the two. @param {number} fromMs @param {number} toMs */
  isFrozen(fromMs, toMs) {
    return this.freezes.some(({ startMs, endMs }) => startMs <= toMs && endMs + thawMs >= fromMs);
  }

  /** How many processes may have been taken for dead between the two, and have written when they were back. @param {number} fromMs @param {number} toMs */
  takenForDead(fromMs, toMs) {
    return [...this.freezes, ...this.long].filter(
      ({ startMs, endMs }) => startMs <= toMs && endMs + recoverMs >= fromMs,
    ).length;
  }

  /** The faults that touch the seconds before `ms`, for a reader. @param {number} ms */
  before(ms) {
    const near = this.#record.filter(
      ({ startMs, endMs }) => startMs <= ms && Math.min(endMs, ms) + settleBusyMs >= ms,
    );
    const texts = near.map(
      ({ kind, startMs, endMs }) =>
        `${kind} ${Math.round(ms - startMs)} ms before${Number.isFinite(endMs) ? `, over for ${Math.round(ms - endMs)} ms` : ''}`,
    );
    return texts.join('; ') || 'no fault near';
  }

  /** How many kills and freezes of the sender, if it is known, and long outages happened between the two. @param {number} fromMs @param {number} toMs @param {number} [sender] */
  excusingBetween(fromMs, toMs, sender = 0) {
    let count = 0;
    for (const fault of this.excusing)
      if (fault.startMs >= fromMs && fault.startMs <= toMs && met(fault, [sender])) count += 1;
    return count;
  }
}
