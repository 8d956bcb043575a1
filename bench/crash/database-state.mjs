// @ts-check
// What the database says after the run, read row by row.
import pg from 'pg';

const pageRows = 20_000;

/**
 * @typedef {object} DeliveryRow
 * @property {string} endpointId
 * @property {string} state
 * @property {number} attempts
 * @property {number} accepted recorded attempts that were accepted
 * @property {number} failed recorded attempts that were not
 * @property {number} firstAcceptedMs when the earliest accepted one had its answer
 * @property {number} firstFailedMs when the earliest one that was not accepted began
 * @typedef {object} DatabaseState
 * @property {Map<string, { n: number, deliveries: DeliveryRow[] }>} messages by id
 * @property {number} orphans deliveries without a message
 * @property {{ owners: number, waiting: number, leased: number }} left
 */

const messageSql = `select id, substring(convert_from(payload, 'UTF8') from '"n":([0-9]+)')
  from posthorn.message m
  left join posthorn.message_body b on b.application_id = m.application_id and b.message_id = m.id`;
// Counted by PostgreSQL: a row for each attempt would be most of the reading.
const deliverySql = `select d.message_id, d.endpoint_id, d.state, d.attempts,
    coalesce(a.accepted, 0), coalesce(a.failed, 0), a.first_ms, a.failed_ms
  from posthorn.delivery d left join (
    select message_id, endpoint_id, count(*) filter (where outcome = 'accepted') as accepted,
      count(*) filter (where outcome <> 'accepted') as failed,
      min(extract(epoch from started_at) * 1000 + duration_ms) filter (where outcome = 'accepted') as first_ms,
      min(extract(epoch from started_at) * 1000) filter (where outcome <> 'accepted') as failed_ms
    from posthorn.attempt group by message_id, endpoint_id
  ) a on a.message_id = d.message_id and a.endpoint_id = d.endpoint_id`;

/** @param {DatabaseState} state @param {string} messageId @param {string | undefined} endpointId */
export const deliveryOf = ({ messages }, messageId, endpointId) =>
  messages.get(messageId)?.deliveries.find((row) => row.endpointId === endpointId);

/**
 * @param {string} url
 * @returns {Promise<DatabaseState>}
 */
export async function readDatabase(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    /** @type {DatabaseState['messages']} */
    const messages = new Map();
    for await (const [id, n] of rowsOf(client, messageSql))
      messages.set(id, { n: Number(n), deliveries: [] });
    // The same few texts a million times over are kept once.
    const known = new Map();
    const once = (/** @type {string} */ text) => known.get(text) ?? (known.set(text, text) && text);
    let orphans = 0;
    for await (const row of rowsOf(client, deliverySql)) {
      const [messageId, endpointId, state, attempts, accepted, failed, firstMs, failedMs] = row;
      const counts = { attempts, accepted: Number(accepted), failed: Number(failed) };
      const firstAcceptedMs = firstMs === null ? Number.POSITIVE_INFINITY : Number(firstMs);
      const firstFailedMs = failedMs === null ? Number.POSITIVE_INFINITY : Number(failedMs);
      const message = messages.get(messageId);
      if (!message) orphans += 1;
      message?.deliveries.push({
        endpointId: once(endpointId),
        state: once(state),
        ...counts,
        firstAcceptedMs,
        firstFailedMs,
      });
    }
    const left = await client.query(`select
      (select count(*)::integer from posthorn.process) as owners,
      (select count(*)::integer from posthorn.delivery where state in ('pending', 'retrying')) as waiting,
      (select count(*)::integer from posthorn.delivery where state = 'delivering') as leased`);
    return { messages, orphans, left: left.rows[0] };
  } finally {
    await client.end();
  }
}

/**
 * @param {pg.Client} client
 * @param {string} text
 * @returns {AsyncGenerator<any>}
 */
export async function* rowsOf(client, text) {
  await client.query('begin');
  await client.query(`declare page no scroll cursor for ${text}`);
  for (;;) {
    const { rows } = await client.query({ text: `fetch ${pageRows} from page`, rowMode: 'array' });
    if (rows.length === 0) break;
    yield* rows;
  }
  await client.query('commit');
}
