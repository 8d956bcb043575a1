// @ts-check
// Planted bugs of the gateway, and the runs that expose them.
import { onlyOf } from './plan.mjs';

const stuckMs = 12_000;
const mix = onlyOf(['steady', 'pair']);

export const inboundScenarios = /** @type {const} */ ({
  inbound: { inbound: true, events: 900, processes: 2, faults: [], perSecond: 150, mix, stuckMs },
  inboundPostgres: {
    inbound: true,
    events: 2_500,
    processes: 1,
    faults: [{ kind: 'pg_kill', atMs: 3_000, target: 0, lastsMs: 0 }],
    perSecond: 250,
    mix,
    stuckMs: 25_000,
  },
});

const commit =
  'const outcomes = await inTransaction(this.#deps.pool, (client) => this.#write(client, batch, owner));';
const acknowledge = `for (const { unit } of batch) unit.resolve({ kind: 'accepted', messageIds: [] });
            `;
const accept = 'const acceptance = await accept(request);';
const remember = `this.known ??= new Set();
        if (this.known.has(request.deliveryId)) return acceptedAnswer(source);
        this.known.add(request.deliveryId);
        const acceptance = await accept(request);`;

export const inboundMutants = /** @type {const} */ ([
  {
    name: 'inbound: duplicates are not looked for',
    scenario: 'inbound',
    breaks: ['I10'],
    edits: [
      {
        file: 'gateway/read-messages.js',
        find: "if (by === 'nothing')",
        put: "if (by === 'nothing' || by === 'id')",
      },
    ],
  },
  {
    name: 'inbound: body serialised anew',
    scenario: 'inbound',
    breaks: ['I2', 'I10'],
    edits: [
      {
        file: 'gateway/read-messages.js',
        find: 'return { payload: body, contentType: undefined };',
        put: 'return { payload: Buffer.from(JSON.stringify(event.payload)), contentType: undefined };',
      },
    ],
  },
  {
    name: 'inbound: what is not verified is taken in',
    scenario: 'inbound',
    breaks: ['I3'],
    edits: [{ file: 'gateway/judge.js', find: 'return observe ?', put: 'return !observe ?' }],
  },
  {
    name: 'inbound: another body under a known id is forgotten',
    scenario: 'inbound',
    breaks: ['I10'],
    edits: [
      {
        file: 'delivery/accept-inbound.js',
        find: 'if (!altered && !request.replayed)',
        put: 'if (!request.replayed)',
      },
    ],
  },
  {
    name: 'inbound: 2xx before the commit',
    scenario: 'inboundPostgres',
    breaks: ['I1', 'I10'],
    edits: [{ file: 'delivery/accept-inbound.js', find: commit, put: acknowledge + commit }],
  },
  {
    name: 'inbound: a repetition is answered while the first is not stored yet',
    scenario: 'inboundPostgres',
    breaks: ['I1', 'I10'],
    edits: [{ file: 'gateway/receive.js', find: accept, put: remember }],
  },
]);
