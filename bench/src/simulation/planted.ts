// Planted bugs: each a small edit of a copy of the built product, or of the model of PostgreSQL where the bug would be
// in its SQL. Each must break one of its rules within the seeds: it is the simulation that is on trial here.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Edit {
  /** Within packages/posthorn/dist, or within bench/dist/simulation for the model. */
  product?: string;
  model?: string;
  find: string;
  put: string;
}

interface PlantedBug {
  name: string;
  /** At least one of these rules must break. */
  breaks: string[];
  edits: Edit[];
}

const commit = 'const results = await acceptMessages(this.#deps.pool, stores, { owner, firstDelayMs });';

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'settling without looking at the lease',
    breaks: ['lease', 'I4', 'I9'],
    edits: [
      {
        model: 'statement-settle.js',
        find: 'if (seen.leaseOwner !== owners[i] || seen.leaseSeq !== sequences[i])',
        put: 'if (false)',
      },
    ],
  },
  {
    name: 'retry after 2xx',
    breaks: ['I4', 'I5'],
    edits: [
      {
        product: 'core/settle.js',
        find: "if (outcome.kind === 'accepted')",
        put: "if (outcome.kind === 'accepted' && (attempts > 1 || random() < 0.9))",
      },
    ],
  },
  {
    name: 'no recovery of the dead',
    breaks: ['I1', 'I9'],
    edits: [
      {
        product: 'store/leases.js',
        find: 'if (processIds.length === 0)',
        put: 'if (processIds.length >= 0)',
      },
    ],
  },
  {
    name: 'dispatch before the commit',
    breaks: ['I2', 'I4', 'I9'],
    edits: [
      {
        product: 'delivery/accept.js',
        find: commit,
        put: `for (const { store } of batch) this.#planner.dispatch(store, { leaseGranted: true }, owner); ${commit}`,
      },
    ],
  },
  {
    name: 'answer before the commit',
    breaks: ['I1'],
    edits: [
      {
        product: 'delivery/accept.js',
        find: commit,
        put: `for (const { pending, store } of batch) pending.resolve({ kind: 'accepted', applicationId: store.applicationId, messageId: store.id, createdAt: new Date(), replayed: false }); ${commit}`,
      },
    ],
  },
  {
    name: 'the breaker never lets anything through again',
    breaks: ['I1'],
    edits: [
      {
        product: 'core/endpoint-gate.js',
        find: 'if (nowMs < gate.closedUntilMs)',
        put: 'if (gate.closedUntilMs > 0)',
      },
    ],
  },
  {
    name: 'the breaker never trips',
    breaks: ['breaker'],
    edits: [
      {
        product: 'core/endpoint-gate.js',
        find: 'failuresInARow >= limits.failuresInARowMax &&',
        put: 'failuresInARow >= Infinity &&',
      },
    ],
  },
  {
    name: 'rate limits not looked at',
    breaks: ['rate'],
    edits: [
      {
        product: 'delivery/throttle.js',
        find: 'limits.map((limit) => this.#bucket(limit))',
        put: '[]',
      },
    ],
  },
  {
    name: 'no rate limit while a changed configuration is loaded',
    breaks: ['rate'],
    edits: [
      {
        product: 'delivery/config-cache.js',
        find: 'entry.refused = true;',
        put: 'this.#forget(config);',
      },
      {
        product: 'delivery/throttle.js',
        find: 'const { limits, untilMs } = this.#reading(work, nowMs);',
        put: 'return 0;',
      },
    ],
  },
  {
    name: 'two limits that wait for each other',
    breaks: ['I1', 'late'],
    edits: [
      {
        product: 'delivery/throttle.js',
        find: 'bucket.keepsOne = true;',
        put: '',
      },
    ],
  },
  {
    name: 'room never given back',
    breaks: ['I9'],
    edits: [
      {
        product: 'delivery/dispatcher.js',
        find: 'if (!this.#held.delete(leaseKey(work)))',
        put: 'if (!this.#held.delete(leaseKey(work)) || this.#held.size % 2 === 1)',
      },
    ],
  },
  {
    name: 'more under way than an endpoint may have',
    breaks: ['cap'],
    edits: [
      {
        product: 'delivery/dispatcher.js',
        find: 'return gate ? slotsOf(gate, this.#clock.monotonicMs()) : this.#gateLimits.inFlightMax;',
        put: 'return 1000;',
      },
    ],
  },
  {
    name: 'unknown leases never given back',
    breaks: ['I1'],
    edits: [
      {
        product: 'delivery/lease-keeper.js',
        find: 'if (stray.length === 0)',
        put: 'if (stray.length >= 0)',
      },
    ],
  },
  {
    name: 'attempts lost while PostgreSQL is away',
    breaks: ['I4', 'I9'],
    edits: [{ product: 'delivery/settler.js', find: 'await pause(retryDelayMs);', put: 'return;' }],
  },
  {
    name: 'the living are taken for dead',
    breaks: ['lease', 'I4', 'I9'],
    edits: [
      {
        model: 'statement-leases.js',
        find: 'one.heartbeatAtMs < tx.nowMs - silentMaxMs && silent',
        put: 'one.heartbeatAtMs < tx.nowMs - 500 && silent',
      },
      {
        model: 'statement-leases.js',
        find: 'one.id !== id && one.heartbeatAtMs < tx.nowMs - silentMaxMs',
        put: 'one.id !== id && one.heartbeatAtMs < tx.nowMs - 500',
      },
    ],
  },
  {
    name: 'stored with an old configuration',
    breaks: ['I1'],
    edits: [
      {
        model: 'statement-accept.js',
        find: '&& String(application.version) === input.version',
        put: '',
      },
    ],
  },
  {
    name: 'disabled endpoints still served',
    breaks: ['I6'],
    edits: [
      { product: 'delivery/attempt.js', find: '!endpoint || endpoint.disabled ||', put: '!endpoint ||' },
    ],
  },
  {
    name: 'overflow not put on the list of due endpoints',
    breaks: ['I1'],
    edits: [{ model: 'statement-accept.js', find: 'markDue(schema, tx, dues);', put: '' }],
  },
  {
    name: 'endpoint off the list with rows waiting',
    breaks: ['I1'],
    edits: [
      {
        model: 'statement-claim.js',
        find: 'left.length > 0 ? { ...due,',
        put: 'left.length > 1 ? { ...due,',
      },
    ],
  },
  {
    name: 'retried before its time',
    breaks: ['I5'],
    edits: [
      {
        product: 'core/retry-schedule.js',
        find: '(1 + policy.jitterRatio * random())',
        put: '(1 - policy.jitterRatio * random())',
      },
    ],
  },
  {
    name: 'Retry-After not kept',
    breaks: ['I5'],
    edits: [
      {
        product: 'core/retry-schedule.js',
        find: 'Math.max(scheduledSeconds, askedSeconds)',
        put: 'scheduledSeconds',
      },
    ],
  },
  {
    name: 'resends counted as automatic attempts',
    breaks: ['I5'],
    edits: [
      {
        product: 'core/settle.js',
        find: 'manual ? delivery.attempts : delivery.attempts + 1',
        put: 'delivery.attempts + 1',
      },
    ],
  },
];

const root = fileURLToPath(new URL('../../../', import.meta.url));

type TakeSnapshot = (folder: string, edits: { file: string; find: string; put: string }[]) => Promise<string>;

async function plant(folder: string, { edits }: PlantedBug): Promise<string> {
  const url = new URL('../../crash/snapshot.mjs', import.meta.url).href;
  const { takeSnapshot } = (await import(url)) as { takeSnapshot: TakeSnapshot };
  await takeSnapshot(
    folder,
    edits.flatMap(({ product, find, put }) => (product === undefined ? [] : [{ file: product, find, put }])),
  );
  const simulation = join(folder, 'bench', 'dist', 'simulation');
  await cp(join(root, 'bench', 'dist', 'simulation'), simulation, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  for (const { model, find, put } of edits) {
    if (model === undefined) continue;
    const path = join(simulation, model);
    const text = await readFile(path, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`the planted bug does not fit in ${model}: ${find}`);
    await writeFile(
      path,
      text.replace(find, () => put),
    );
  }
  return join(simulation, 'main.js');
}

export interface Trial {
  name: string;
  /** The first seed that showed it; undefined when none did. */
  seed: number | undefined;
  violation: string;
  seeds: number;
}

/** Runs the seeds on a copy with the bug until one breaks a rule. */
export async function tryBug(bug: PlantedBug, seeds: number): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-planted-'));
  try {
    const main = await plant(folder, bug);
    const args = [main, '--seeds', String(seeds), '--first', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 }).catch(
      (error: unknown) => error as { stdout: string },
    );
    const { broken, ...summary } = JSON.parse(stdout) as {
      seeds: number;
      broken: { seed: number; violations: string[] }[];
    };
    const [first] = broken;
    const expected = first?.violations.find((line) => bug.breaks.some((rule) => line.startsWith(`${rule}:`)));
    const violation = expected ?? first?.violations[0] ?? '';
    return { name: bug.name, seed: expected ? first?.seed : undefined, violation, seeds: summary.seeds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
