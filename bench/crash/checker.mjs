// @ts-check
// The judge of a run: from the two journals, the record of faults and, for the last state, the database.
// It knows nothing of Posthorn's code, only what was promised.
import { checkDatabase, checkEnds } from './check-ends.mjs';
import { checkInbound, nameMessages, readInbound } from './check-inbound.mjs';
import { checkOrder } from './check-order.mjs';
import { checkDuplicates, checkSchedule } from './check-times.mjs';
import { readDatabase } from './database-state.mjs';
import { FaultWindows } from './fault-windows.mjs';
import { readHistory } from './history.mjs';

/**
 * @typedef {object} Evidence
 * @property {number} seed
 * @property {import('./plan.mjs').Endpoint[]} endpoints
 * @property {string} producerPath
 * @property {string} receiverPath
 * @property {string} databaseUrl
 * @property {import('./faults.mjs').FaultRecord[]} record
 * @property {{ askedMs: number, doneMs: number } | undefined} switched when the `switch` endpoint was disabled
 * @property {boolean} [inbound] what was sent were requests of a provider
 * @property {number} [lateMaxMs] how late a retry may be
 * @property {readonly number[]} retrySchedule seconds before each attempt
 * @property {number} attemptTimeoutMs
 * @property {string[]} unexpected what went wrong in the run itself
 * @property {number} [unavailable] answers with 503 to the producer
 * @property {boolean} ended false: deliveries were still open when waiting was given up
 * @typedef {object} Verdict
 * @property {boolean} ok
 * @property {Record<string, { title: string, count: number, examples: string[] }>} rules
 * @property {Record<string, number>} counts
 * @typedef {object} Case
 * @property {Evidence} evidence
 * @property {import('./history.mjs').History} history
 * @property {FaultWindows} windows
 * @property {import('./database-state.mjs').DatabaseState} state
 * @property {(rule: string, what: string) => void} violate
 * @property {Record<string, number>} counts
 */

const titles = {
  I1: 'every accepted event is delivered, or exhausted in plain sight',
  I2: 'nothing else is delivered: bytes as sent, signatures valid, one message for one event',
  I3: 'what was refused is never delivered',
  I4: 'no attempt after a recorded 2xx, but for what was in flight at a fault',
  I5: 'no attempt before its time, and none far behind it',
  I6: 'a gone or disabled endpoint gets nothing more',
  I7: 'nothing crosses from one application to another',
  I8: 'endpoints with an order receive in it: what was answered before another was sent comes before it, one at a time',
  I9: 'the database agrees with the journals, nothing is left leased',
  run: 'no process ends by itself, all takeovers within 30 s',
};
const inboundTitles = {
  I10: 'what a provider was answered with 2xx is stored once, as it came, however often it was sent',
};
const examplesMax = 5;
const resumeMaxMs = 30_000;

/** @param {Evidence} evidence @returns {Promise<Verdict>} */
export async function check(evidence) {
  /** @type {Verdict['rules']} */
  const rules = {};
  const judged = { ...titles, ...(evidence.inbound ? inboundTitles : {}) };
  for (const [rule, title] of Object.entries(judged)) rules[rule] = { title, count: 0, examples: [] };
  const violate = (/** @type {string} */ name, /** @type {string} */ what) => {
    const rule = rules[name];
    if (!rule) throw new Error(`no rule ${name}`);
    rule.count += 1;
    if (rule.examples.length < examplesMax) rule.examples.push(what);
  };
  const startedAt = Date.now();
  const { endpoints, producerPath, receiverPath } = evidence;
  const history = await readHistory(producerPath, receiverPath, endpoints, violate);
  const windows = new FaultWindows(evidence.record);
  const state = await readDatabase(evidence.databaseUrl);
  /** @type {Case} */
  const the = {
    evidence,
    history,
    windows,
    state,
    violate,
    counts: {
      requests: history.requests,
      senderUnknown: history.senderUnknown,
      unavailable: evidence.unavailable ?? 0,
    },
  };
  if (evidence.inbound) {
    nameMessages(the);
    checkInbound(the, await readInbound(evidence.databaseUrl));
  }
  checkEnds(the);
  checkDatabase(the);
  checkDuplicates(the);
  checkSchedule(the);
  checkOrder(the);
  checkRun(the);
  the.counts['checkMs'] = Date.now() - startedAt;
  const ok = Object.values(rules).every(({ count }) => count === 0);
  return { ok, rules, counts: the.counts };
}

/** @param {Case} the */
function checkRun({ evidence, violate, counts }) {
  for (const what of evidence.unexpected) violate('run', what);
  const resumed = evidence.record.flatMap(({ resumedMs }) => resumedMs ?? []);
  counts['longestResumeMs'] = Math.max(0, ...resumed);
  for (const ms of resumed) if (ms > resumeMaxMs) violate('run', `a takeover took ${ms} ms`);
  for (const { kind } of evidence.record) counts[`fault_${kind}`] = (counts[`fault_${kind}`] ?? 0) + 1;
}
