// @ts-check
// What may be answered to whom, and what must be in the database afterwards.
import { createHash } from 'node:crypto';
import { ask } from '../crash/postgres.mjs';

/** @typedef {import('./ground.mjs').Made} Made */
/** @typedef {import('./wire.mjs').Heard} Heard */

const examplesMax = 5;
const shownBytes = 300;
const unavailable = 503;
/** Of a framing that is not sure, everything behind the first answer would be of what hides in it. */
const answersOfOne = 1;

const hashOf = (/** @type {Uint8Array | string} */ bytes) => createHash('sha256').update(bytes).digest('hex');
const isAck = (/** @type {number} */ status) => status >= 200 && status < 300;

export class Judge {
  /** @type {Record<string, { count: number, examples: string[] }>} */
  rules = {};
  /** @type {Record<string, number>} */
  statuses = {};
  /** @type {Record<string, number>} */
  cases = {};
  /** By id: what must be stored. @type {Map<string, string>} */
  #stored = new Map();

  /** @param {string} rule @param {string} what */
  violate(rule, what) {
    const found = (this.rules[rule] ??= { count: 0, examples: [] });
    found.count += 1;
    if (found.examples.length < examplesMax) found.examples.push(what);
  }

  /** @param {string} name @param {string} id @param {Made} made @param {Heard} heard */
  hear(name, id, made, heard) {
    const { answers, rest } = heard;
    this.cases[name] = (this.cases[name] ?? 0) + 1;
    const what = () => `${name} ${id}: ${shown(made, heard)}`;
    for (const { status, headers } of answers) {
      this.statuses[status] = (this.statuses[status] ?? 0) + 1;
      const isLater = status === unavailable && Number(headers['retry-after']) > 0;
      if (status >= 500 && !isLater) this.violate('no 5xx but 503 with Retry-After', what());
    }
    if (answers.length === 0) this.statuses['none'] = (this.statuses['none'] ?? 0) + 1;
    // Of an answer to HEAD there is the length of what is left out.
    const isHead = made.pieces[0]?.toString('latin1').startsWith('HEAD ') ?? false;
    if (rest !== '' && !made.abort && !isHead) this.violate('answers are well-formed', what());
    const acks = answers.filter(({ status }) => isAck(status)).length;
    if (made.expected === 'refused' && acks > 0) this.violate('what is wrong is refused', what());
    if (
      made.expected === 'framing' &&
      answers.length > answersOfOne &&
      answers.slice(1).some(({ status }) => isAck(status))
    )
      this.violate('nothing is hidden in another request', what());
    if (made.expected !== 'stored') return;
    if (answers.length !== 1 || acks !== 1) this.violate('what is right is taken in', what());
    else this.#stored.set(id, hashOf(made.body ?? Buffer.alloc(0)));
  }

  /** @param {string} databaseUrl @param {{ hidden: string, bystander: string, sent: readonly { id: string, body: string, status: number }[] }} doors */
  async judgeDatabase(databaseUrl, { hidden, bystander, sent }) {
    const acked = sent.filter(({ status }) => isAck(status));
    for (const { id, body } of acked) this.#stored.set(id, hashOf(body));
    const rows = await ask(
      databaseUrl,
      `select e.application_id as source, e.event_id as id, encode(sha256(b.payload), 'hex') as hash
       from posthorn.message_event_id e
       join posthorn.message_body b on b.application_id = e.application_id and b.message_id = e.message_id
       where e.event_id = any ($1::text[]) or e.application_id = $2`,
      [[...this.#stored.keys()], hidden],
    );
    const found = new Map();
    for (const { source, id, hash } of rows) {
      if (source === hidden) this.violate('nothing is hidden in another request', `${id} arrived`);
      if (found.has(id)) this.violate('what is answered 2xx is stored once', `${id} is there twice`);
      found.set(id, hash);
    }
    for (const [id, hash] of this.#stored) {
      if (found.get(id) !== hash)
        this.violate('what is answered 2xx is stored as it came', `${id}: ${found.get(id) ?? 'not there'}`);
    }
    const [{ count } = { count: 0 }] = await ask(
      databaseUrl,
      'select count(*)::integer from posthorn.message where application_id = $1',
      [bystander],
    );
    if (count < acked.length || count > sent.length)
      this.violate('what is answered 2xx is stored once', `${count} messages of ${sent.length} requests`);
  }

  get ok() {
    return Object.keys(this.rules).length === 0;
  }
}

/** @param {Made} made @param {Heard} heard */
function shown({ pieces }, { answers, rest, closed, failure }) {
  const sent = Buffer.concat([...pieces])
    .subarray(0, shownBytes)
    .toString('latin1');
  const got = answers.map(({ status, headers }) => `${status} ${headers['retry-after'] ?? ''}`.trim());
  return `[${got.join(', ')}]${rest === '' ? '' : ` and ${JSON.stringify(rest.slice(0, shownBytes))}`}${closed ? ', closed' : ''} ${failure} to ${JSON.stringify(sent)}`;
}
