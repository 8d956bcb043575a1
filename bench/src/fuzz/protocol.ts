// What the threads of the fuzzer tell each other.
import type { PlantedName } from './planted.ts';

export interface FuzzData {
  heartbeat: SharedArrayBuffer;
  seconds: number;
  seed: number;
  /** A bug to be found. */
  planted: PlantedName | undefined;
  /** Only this one is run. */
  input: Uint8Array | undefined;
}

export interface FuzzReport {
  kind: 'report' | 'done';
  executions: number;
  /** Blocks of our code that ran. */
  blocks: number;
  corpus: number;
  seconds: number;
}

export interface FuzzFinding {
  kind: 'found';
  input: Uint8Array;
  problem: string;
}
