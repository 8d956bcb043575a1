// @ts-check
// Planted bugs: each a small edit of the built product, the run that exposes it, and the rules it must break.
import { inboundMutants, inboundScenarios } from './inbound-mutants.mjs';
import { onlyOf } from './plan.mjs';
import { recordMutants, recordScenarios } from './record-mutants.mjs';

/**
 * @typedef {object} Scenario
 * @property {number} events
 * @property {number} processes
 * @property {readonly import('./schedule.mjs').PlannedFault[]} faults
 * @property {number} [perSecond]
 * @property {import('./plan.mjs').Mix} [mix]
 * @property {boolean} [inbound]
 * @property {number} [slowMs]
 * @property {readonly number[]} [retrySchedule]
 * @property {number} [stuckMs]
 * @property {number} [quietMs]
 * @typedef {object} Mutant
 * @property {string} name
 * @property {keyof typeof scenarios} scenario
 * @property {readonly string[]} breaks at least one of these rules
 * @property {readonly import('./snapshot.mjs').Edit[]} edits
 */

const stuckMs = 12_000;
const kill = (/** @type {number} */ atMs, /** @type {number} */ target) =>
  /** @type {const} */ ({ kind: 'kill', atMs, target, lastsMs: 300 });

export const scenarios = /** @satisfies {Record<string, Scenario>} */ ({
  calm: {
    events: 400,
    processes: 1,
    faults: [],
    perSecond: 150,
    mix: onlyOf(['steady', 'pair', 'slow']),
    stuckMs,
    quietMs: 2_500,
  },
  pair: {
    events: 900,
    processes: 2,
    faults: [],
    perSecond: 60,
    slowMs: 400,
    mix: onlyOf(['steady', 'pair']),
    stuckMs,
  },
  switching: { events: 1_300, processes: 1, faults: [], perSecond: 100, mix: onlyOf(['switch']), stuckMs },
  kills: {
    events: 4_000,
    processes: 2,
    faults: [kill(2_000, 0), kill(4_000, 1), kill(6_500, 0), kill(9_000, 1), kill(11_500, 0)],
    perSecond: 330,
    mix: onlyOf(['steady', 'pair']),
    slowMs: 50,
    stuckMs,
  },
  postgres: {
    events: 3_000,
    processes: 1,
    faults: [{ kind: 'pg_kill', atMs: 3_000, target: 0, lastsMs: 0 }],
    perSecond: 250,
    mix: onlyOf(['steady', 'pair']),
    slowMs: 20,
    stuckMs: 25_000,
  },
  mute: {
    events: 2_500,
    processes: 1,
    faults: [2_000, 6_000].map((atMs) => ({ kind: 'proxy_mute', atMs, target: 0, lastsMs: 400 })),
    perSecond: 250,
    mix: onlyOf(['steady', 'pair']),
    stuckMs: 25_000,
  },
  overflow: {
    events: 1_500,
    processes: 1,
    faults: [],
    perSecond: 0,
    slowMs: 60,
    mix: onlyOf(['seldom']),
    stuckMs,
  },
  zombie: {
    events: 90,
    processes: 2,
    faults: [{ kind: 'freeze', atMs: 2_500, target: 0, lastsMs: 24_000 }],
    perSecond: 30,
    mix: onlyOf(['hang']),
    // What comes soon after a thaw is excused: the failure that the thawed process writes is to be tried again later.
    retrySchedule: [0, 6, 6, 6, 6, 6, 6],
    stuckMs: 40_000,
    quietMs: 5_000,
  },
  fifo: {
    events: 700,
    processes: 2,
    faults: [kill(2_000, 0), kill(5_000, 1)],
    perSecond: 90,
    mix: onlyOf(['fifo', 'fifo_skip']),
    stuckMs: 40_000,
  },
  key: {
    events: 700,
    processes: 2,
    faults: [kill(2_000, 0), kill(5_000, 1)],
    perSecond: 90,
    mix: onlyOf(['key']),
    stuckMs: 40_000,
  },
  ...recordScenarios,
  ...inboundScenarios,
});

const guard = `
    and d.lease_owner = i.lease_owner and d.lease_seq = i.lease_seq`;
const commit = 'const results = await acceptMessages(this.#deps.pool, stores, { owner, firstDelayMs });';
const acknowledge = `for (const { pending, store } of batch) pending.resolve({ kind: 'accepted', applicationId: store.applicationId, messageId: store.id, createdAt: new Date(), replayed: false });
            `;
const dispatch = `for (const { store } of batch) this.#planner.dispatch(store, { leaseGranted: true }, owner);
            `;

/** @type {readonly Mutant[]} */
export const mutants = [
  {
    name: 'body serialised anew',
    scenario: 'calm',
    breaks: ['I2'],
    edits: [
      {
        file: 'delivery/prepare.js',
        find: 'const body = transformed?.payload ?? work.payload ?? new Uint8Array();',
        put: 'const body = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(work.payload ?? []).toString())));',
      },
    ],
  },
  {
    name: 'retry after 2xx',
    scenario: 'calm',
    breaks: ['I4'],
    edits: [
      {
        file: 'core/settle.js',
        find: "if (outcome.kind === 'accepted')",
        put: "if (outcome.kind === 'accepted' && (attempts > 1 || random() < 0.9))",
      },
    ],
  },
  {
    name: 'signature over another time',
    scenario: 'calm',
    breaks: ['I2'],
    edits: [
      {
        file: 'delivery/prepare.js',
        find: 'sign(work.messageId, timestamp, body)',
        put: 'sign(work.messageId, timestamp - 1, body)',
      },
    ],
  },
  {
    name: 'endpoints of other applications',
    scenario: 'calm',
    breaks: ['I7'],
    edits: [
      {
        file: 'store/application-config.js',
        find: 'from posthorn.endpoint e where e.application_id = a.id and e.deleted_at is null',
        put: 'from posthorn.endpoint e where e.deleted_at is null',
      },
    ],
  },
  {
    name: 'disabled endpoints still served',
    scenario: 'switching',
    breaks: ['I6'],
    edits: [
      { file: 'delivery/attempt.js', find: '!endpoint || endpoint.disabled ||', put: '!endpoint ||' },
      { file: 'core/matching.js', find: 'if (subscription.disabled)', put: 'if (false)' },
    ],
  },
  {
    name: 'no leave for those who live: recovery frees every lease',
    scenario: 'pair',
    breaks: ['I4'],
    edits: [
      {
        file: 'store/leases.js',
        find: "where heartbeat_at < now() - $1::bigint * interval '1 ms' and id",
        put: "where heartbeat_at < now() - least($1::bigint, 500) * interval '1 ms' and id",
      },
      {
        file: 'store/processes.js',
        find: "id <> $1 and heartbeat_at < now() - $2::bigint * interval '1 ms'",
        put: "id <> $1 and heartbeat_at < now() - least($2::bigint, 500) * interval '1 ms'",
      },
    ],
  },
  {
    name: 'answer before the commit',
    scenario: 'postgres',
    breaks: ['I1', 'I9'],
    edits: [{ file: 'delivery/accept.js', find: commit, put: acknowledge + commit }],
  },
  {
    name: 'no recovery',
    scenario: 'kills',
    breaks: ['I1', 'I9'],
    edits: [
      { file: 'store/leases.js', find: 'if (processIds.length === 0)', put: 'if (processIds.length >= 0)' },
    ],
  },
  {
    name: 'attempts lost while PostgreSQL is away',
    scenario: 'postgres',
    breaks: ['I4', 'I9'],
    edits: [{ file: 'delivery/settler.js', find: 'await pause(retryDelayMs);', put: 'return;' }],
  },
  {
    name: 'synchronous_commit off',
    scenario: 'postgres',
    breaks: ['I1', 'I9'],
    edits: [{ file: 'store/database.js', find: "'synchronous_commit=on'", put: "'synchronous_commit=off'" }],
  },
  {
    name: 'dispatch before the commit',
    scenario: 'mute',
    breaks: ['I2', 'I4', 'I9'],
    edits: [{ file: 'delivery/accept.js', find: commit, put: dispatch + commit }],
  },
  {
    name: 'no lease sweep',
    scenario: 'mute',
    breaks: ['I1', 'I9'],
    edits: [
      { file: 'delivery/lease-keeper.js', find: 'if (stray.length === 0)', put: 'if (stray.length >= 0)' },
    ],
  },
  {
    name: 'event ids not looked at',
    scenario: 'mute',
    breaks: ['I2'],
    edits: [
      {
        file: 'store/accept-messages.js',
        find: '  on conflict do nothing\n  returning message_id\n), stored as (',
        put: '  on conflict (application_id, event_id) do update set message_id = excluded.message_id\n  returning message_id\n), stored as (',
      },
    ],
  },
  {
    name: 'overflow not put on the list of due endpoints',
    scenario: 'overflow',
    breaks: ['I1', 'I9'],
    edits: [
      {
        file: 'store/accept-messages.js',
        find: 'where next_attempt_at is not null group by endpoint_id',
        put: 'where false group by endpoint_id',
      },
    ],
  },
  {
    name: 'endpoint off the list with rows waiting',
    scenario: 'overflow',
    breaks: ['I1', 'I9'],
    edits: [
      {
        file: 'store/claim-deliveries.js',
        find: 'filter (where l.message_id is null)',
        put: 'filter (where false)',
      },
    ],
  },
  {
    name: 'settling without looking at the lease',
    scenario: 'zombie',
    breaks: ['I4'],
    edits: [{ file: 'store/settle-deliveries.js', find: guard, put: '' }],
  },
  {
    name: 'fifo: the front is taken in any order',
    scenario: 'fifo',
    breaks: ['I8'],
    edits: [
      {
        file: 'store/claim-in-order.js',
        find: 'order by c.order_at, c.message_id',
        put: 'order by md5(c.message_id)',
      },
    ],
  },
  {
    name: 'fifo: several at a time',
    scenario: 'fifo',
    breaks: ['I8'],
    edits: [
      {
        file: 'delivery/dispatcher.js',
        find: 'lane.orderedCount > 0 ? 1 : Infinity',
        put: 'lane.orderedCount > 0 ? 3 : Infinity',
      },
    ],
  },
  {
    name: 'fifo: claimed while another process is at it',
    scenario: 'fifo',
    breaks: ['I8'],
    edits: [
      {
        file: 'store/claim-in-order.js',
        find: "where d.state = 'delivering' and d.endpoint_id = i.endpoint_id",
        put: "where d.state = 'delivering' and d.endpoint_id = i.endpoint_id and d.lease_owner = $1",
      },
    ],
  },
  {
    name: 'fifo: a failure does not hold up those in memory',
    scenario: 'fifo',
    breaks: ['I8'],
    edits: [{ file: 'delivery/engine.js', find: 'if (finished.holdsUp)', put: 'if (false)' }],
  },
  {
    name: 'fifo: a failure does not hold up those in the database',
    scenario: 'fifo',
    breaks: ['I8'],
    edits: [
      {
        file: 'store/claim-in-order.js',
        find: "when w.state = 'retrying' and not r.blocks",
        put: "when w.state = 'retrying'",
      },
    ],
  },
  {
    name: 'key: the front is taken in any order',
    scenario: 'key',
    breaks: ['I8'],
    edits: [
      {
        file: 'store/claim-by-key.js',
        find: 'order by order_at, message_id limit 1',
        put: 'order by md5(message_id) limit 1',
      },
    ],
  },
  {
    name: 'key: claimed while one with it is under way',
    scenario: 'key',
    breaks: ['I8'],
    edits: [
      {
        file: 'store/claim-by-key.js',
        find: 'where message_id is not null and not busy and',
        put: 'where message_id is not null and',
      },
    ],
  },
  {
    name: 'key: its turn is not looked at when one of it ends',
    scenario: 'key',
    breaks: ['I1', 'I9'],
    edits: [{ file: 'store/settle-parts.js', find: 'where had_turn and', put: 'where false and' }],
  },
  ...recordMutants,
  ...inboundMutants,
];
