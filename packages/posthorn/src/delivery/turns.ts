// Whose turn it is: applications one after another, and within each its lanes one after another. An application with a
// thousand busy endpoints gets the same share of what is short as one with a single endpoint.
import { Fifo } from '../lib/fifo.ts';

export class Turns<Lane extends { applicationId: string }> {
  readonly #lanesOf = new Map<string, Fifo<Lane>>();
  #applications = new Fifo<string>();

  add(lane: Lane): void {
    let lanes = this.#lanesOf.get(lane.applicationId);
    if (!lanes) {
      lanes = new Fifo();
      this.#lanesOf.set(lane.applicationId, lanes);
      this.#applications.push(lane.applicationId);
    }
    lanes.push(lane);
  }

  /** Takes the lane whose turn it is out of the line; undefined when nobody waits. */
  take(): Lane | undefined {
    const applicationId = this.#applications.shift();
    if (applicationId === undefined) return undefined;
    const lanes = this.#lanesOf.get(applicationId);
    const lane = lanes?.shift();
    if (lanes && lanes.length > 0) this.#applications.push(applicationId);
    else this.#lanesOf.delete(applicationId);
    return lane;
  }

  clear(): void {
    this.#lanesOf.clear();
    this.#applications = new Fifo();
  }
}
