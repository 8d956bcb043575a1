// @ts-check
// Fail-points: the places at which a process kills itself, planted into a copy of the built product. The product itself
// knows nothing of them. A point that no longer fits the code stops the run.
import { takeSnapshot } from './snapshot.mjs';

/**
 * What a process needs besides load to come by a point: nothing, a SIGTERM, answers of PostgreSQL that are lost, or
 * being frozen for so long that others take over.
 * @typedef {'load' | 'term' | 'mute' | 'freeze'} Need
 * @typedef {object} FailPoint
 * @property {string} name `area: what has happened, what has not`
 * @property {Need} need
 * @property {number} passMax it dies on one of its first passes, which one is drawn
 * @property {import('./plan.mjs').Mix} mix event types that lead here
 * @property {boolean} isAlone no other process may run, or it would come by this point instead
 * @property {boolean} isLast a run comes by it only once
 * @property {import('./snapshot.mjs').Edit} edit
 */
/**
 * @typedef {Partial<Pick<FailPoint, 'need' | 'passMax' | 'mix' | 'isAlone' | 'isLast'>>} More
 * @typedef {(name: string, file: string, find: string, more?: More) => FailPoint} Make
 */

const switchFile = 'crash-at.js';
const switchText = `const { CRASH_AT, CRASH_PASS } = process.env;
let passes = 0;
export function crashAt(name) {
  if (name !== CRASH_AT) return;
  passes += 1;
  if (passes >= Number(CRASH_PASS)) process.kill(process.pid, 'SIGKILL');
}
`;
const busyPassMax = 40;
/** @type {FailPoint['mix']} */
const usual = [
  ['steady', 60],
  ['pair', 15],
  ['flaky', 25],
];
/** @type {FailPoint['mix']} */
const gone = [
  ['steady', 60],
  ['gone', 40],
];
/** @type {FailPoint['mix']} */
const dead = [
  ['steady', 20],
  ['dead', 80],
];

const call = (/** @type {string} */ name) => `crashAt(${JSON.stringify(name)});\n`;
const point = (
  /** @type {string} */ name,
  /** @type {import('./snapshot.mjs').Edit} */ edit,
  /** @type {More} */ more,
) => {
  const usually = { need: /** @type {const} */ ('load'), passMax: busyPassMax, mix: usual };
  return { ...usually, isAlone: false, isLast: false, ...more, name, edit };
};

/** Dies before the code `find`. @type {Make} */
const before = (name, file, find, more = {}) =>
  point(name, { file, find, put: `${call(name)}${find}` }, more);
/** Dies after it. @type {Make} */
const after = (name, file, find, more = {}) =>
  point(name, { file, find, put: `${find}\n${call(name)}` }, more);
/** Dies when what `find` sends is on its way, and nothing has been heard of it. @type {Make} */
const during = (name, file, find, more = {}) =>
  point(name, { file, find, put: `setImmediate(() => { ${call(name)} });\n${find}` }, more);

const accept = 'const results = await acceptMessages(this.#deps.pool';
const settle = 'const { movedCount, failingEndpoints } = await settleDeliveries(';
const once = { passMax: 1 };
const few = { passMax: 3 };
const term = /** @type {const} */ ({ need: 'term', passMax: 1 });
const mute = /** @type {const} */ ({ need: 'mute', passMax: 1 });
const toGone = { passMax: 1, mix: gone, isAlone: true };
const hasGone = { ...toGone, isLast: true };
/** @type {More} */
const hasGoneToo = {
  ...hasGone,
  mix: [
    ['steady', 60],
    ['gone_too', 40],
  ],
};
const toDead = { passMax: 1, mix: dead };

/** @type {readonly FailPoint[]} */
export const failPoints = [
  before('accept: the statement is not sent', 'delivery/accept.js', accept),
  during('accept: the statement is sent, its answer not heard', 'delivery/accept.js', accept),
  before(
    'accept: committed, nobody told',
    'delivery/accept.js',
    'return this.#conclude(batch, results, owner);',
  ),
  before('accept: dispatched, not answered', 'api/messages.js', 'return reply\n            .code(202)'),
  {
    ...before('accept: answered', 'api/app.js', 'const route = request.routeOptions.url;'),
    edit: {
      file: 'api/app.js',
      find: 'const route = request.routeOptions.url;',
      put: `if (reply.statusCode === 202) ${call('accept: answered')}const route = request.routeOptions.url;`,
    },
  },
  after(
    'accept: a conflict is found, not answered',
    'delivery/accept.js',
    'const conflicts = await findConflicts(this.#deps.pool, stores);',
    once,
  ),
  before(
    'dispatch: its turn has come, nothing has begun',
    'delivery/dispatcher.js',
    'this.#hooks.start(work).then(end, end);',
  ),
  before('attempt: prepared, not begun', 'delivery/attempt.js', 'const result = await (request.grant'),
  after(
    'attempt: connected, nothing is sent',
    'delivery/connectors/http-attempt.js',
    "return controller.abort(new Error('the attempt is over'));",
  ),
  during(
    'attempt: the request is sent, no answer yet',
    'delivery/connectors/http-attempt.js',
    'onNextSocket?.(message.socket);',
  ),
  before(
    'attempt: the status is read, the answer not at its end',
    'delivery/connectors/http-attempt.js',
    'this.#status = status;',
  ),
  before(
    'attempt: answered, not judged',
    'delivery/attempt.js',
    'const { transition, endpointGone } = settle(',
  ),
  before('settle: the statement is not sent', 'delivery/settler.js', settle),
  during('settle: the statement is sent, its answer not heard', 'delivery/settler.js', settle),
  before('settle: written, nothing told', 'delivery/settler.js', 'if (movedCount < batch.length) {'),
  before('settle: told, memory not free', 'delivery/settler.js', 'const isLate = new Set(late);'),
  before(
    'disable: the statement is not sent',
    'delivery/endpoint-disabler.js',
    'if (await disableEndpoint(pool, endpointId, reason))',
    toGone,
  ),
  during(
    'disable: the statement is sent, its answer not heard',
    'store/disable-endpoint.js',
    'const { rowCount } = await pool.query(disableSql',
    hasGone,
  ),
  before('disable: written', 'store/disable-endpoint.js', 'return rowCount === 1;', hasGoneToo),
  before(
    'give back: a closed endpoint, the statement not sent',
    'delivery/engine.js',
    'await releaseLeases(this.#deps.pool, waiting, delayMs);',
    toDead,
  ),
  after(
    'give back: a closed endpoint, written, memory not free',
    'delivery/engine.js',
    'await releaseLeases(this.#deps.pool, waiting, delayMs);',
    toDead,
  ),
  before(
    'claim: endpoints locked, nothing leased',
    'store/claim-deliveries.js',
    'const endpointIds = textArray(due.rows',
    few,
  ),
  before(
    'claim: leased, not committed',
    'store/claim-deliveries.js',
    'return rows.map((row) => claimedOf(row, owner));',
    few,
  ),
  during(
    'transaction: the commit is sent, its answer not heard',
    'store/transaction.js',
    "await client.query('commit');",
    few,
  ),
  before(
    'claim: committed, memory knows nothing',
    'delivery/claimer.js',
    'for (const lease of claimed)\n        reading.add(',
    few,
  ),
  before(
    'claim: contents read, memory knows nothing',
    'delivery/claimer.js',
    'for (const work of works)\n        dispatcher.expect(work);',
    few,
  ),
  before('claim: in memory', 'delivery/claimer.js', 'return works.length;', few),
  before(
    'heartbeat: not sent',
    'delivery/lease-keeper.js',
    'const { alive, wasSilentMs, silentIds } = await recordHeartbeat(',
    once,
  ),
  before(
    'register: registered, nothing taken over',
    'delivery/lease-keeper.js',
    'await this.#recover({ deadIds',
    once,
  ),
  before(
    'recovery: the dead are locked',
    'store/leases.js',
    'return bury(client, dead.rows.map((row) => row.id));',
    once,
  ),
  before(
    'recovery: freed, not committed',
    'store/leases.js',
    'return { processIds, deliveryCount: rows[0]?.count ?? 0 };',
    once,
  ),
  before(
    'recovery: committed',
    'delivery/lease-keeper.js',
    "log.warn({ processIds, deliveries: deliveryCount }, 'took over",
    once,
  ),
  before('lost leases: taken for dead, memory knows nothing', 'delivery/lease-keeper.js', 'onLost();', {
    need: 'freeze',
    passMax: 1,
  }),
  before(
    'sweep: strays found, not given back',
    'delivery/lease-keeper.js',
    'const freed = await releaseLeases(pool, stray);',
    mute,
  ),
  after(
    'sweep: strays given back',
    'delivery/lease-keeper.js',
    'const freed = await releaseLeases(pool, stray);',
    mute,
  ),
  before(
    'start: all is written, it does not listen',
    'server.js',
    'const { url, port } = await listen(',
    once,
  ),
  before(
    'stop: what waits is not given back',
    'delivery/engine.js',
    'this.#giveBack(this.#dispatcher.removeWaiting(), 0);',
    term,
  ),
  after(
    'stop: what waits is given back',
    'delivery/engine.js',
    'await Promise.all([this.#settler.drain(), this.#returns.drain()]);',
    term,
  ),
  before(
    'stop: all is settled, the process not off the list',
    'delivery/lease-keeper.js',
    'await forgetProcess(this.#deps.pool, this.#owner);',
    term,
  ),
  after(
    'stop: off the list',
    'delivery/lease-keeper.js',
    'await forgetProcess(this.#deps.pool, this.#owner);',
    term,
  ),
];

/** The product with every point planted; none does anything unless a process is told its name. @param {string} folder */
export function snapshotWithFailPoints(folder) {
  const edits = failPoints.map(({ edit }) => edit);
  return takeSnapshot(folder, edits, { name: switchFile, text: switchText, exported: 'crashAt' });
}

/** The environment that arms one. @param {FailPoint} failPoint @param {() => number} random */
export function armedWith({ name, passMax }, random) {
  return { CRASH_AT: name, CRASH_PASS: String(1 + Math.floor(random() * passMax)) };
}
