// @ts-check
// What the database says after the run, read row by row.
import pg from 'pg';

const pageRows = 20_000;

/**
 * @typedef {object} DeliveryRow
 * @property {string} state
 * @property {number} attempts
 * @property {number} accepted recorded attempts that were accepted
 * @property {number} failed recorded attempts that were not
 * @property {number} firstAcceptedMs when the earliest accepted one had its answer
 * @typedef {object} DatabaseState
 * @property {Map<string, { eventId: string, n: number }>} messages by id
 * @property {Map<string, DeliveryRow>} deliveries by `message id/endpoint id`
 * @property {{ owners: number, waiting: number, leased: number }} left
 */

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
    const messageSql = `select id, event_id, substring(convert_from(payload, 'UTF8') from '"n":([0-9]+)') as n
      from posthorn.message m
      left join posthorn.message_body b on b.application_id = m.application_id and b.message_id = m.id`;
    for await (const row of rowsOf(client, messageSql)) {
      messages.set(row.id, { eventId: row.event_id, n: Number(row.n) });
    }
    /** @type {DatabaseState['deliveries']} */
    const deliveries = new Map();
    const deliverySql = 'select message_id, endpoint_id, state, attempts from posthorn.delivery';
    for await (const row of rowsOf(client, deliverySql)) {
      const empty = { accepted: 0, failed: 0, firstAcceptedMs: Number.POSITIVE_INFINITY };
      const { state, attempts } = row;
      deliveries.set(`${row.message_id}/${row.endpoint_id}`, { state, attempts, ...empty });
    }
    const attemptSql = `select message_id, endpoint_id, outcome = 'accepted' as accepted,
      extract(epoch from started_at) * 1000 + duration_ms as ended_ms from posthorn.attempt`;
    for await (const row of rowsOf(client, attemptSql)) {
      const delivery = deliveries.get(`${row.message_id}/${row.endpoint_id}`);
      if (!delivery) continue;
      if (!row.accepted) delivery.failed += 1;
      else {
        delivery.accepted += 1;
        delivery.firstAcceptedMs = Math.min(delivery.firstAcceptedMs, Number(row.ended_ms));
      }
    }
    const left = await client.query(`select
      (select count(*)::integer from posthorn.process) as owners,
      (select count(*)::integer from posthorn.delivery where state in ('pending', 'retrying')) as waiting,
      (select count(*)::integer from posthorn.delivery where state = 'delivering') as leased`);
    return { messages, deliveries, left: left.rows[0] };
  } finally {
    await client.end();
  }
}

/**
 * @param {pg.Client} client
 * @param {string} text
 * @returns {AsyncGenerator<any>}
 */
async function* rowsOf(client, text) {
  await client.query('begin');
  await client.query(`declare page no scroll cursor for ${text}`);
  for (;;) {
    const { rows } = await client.query(`fetch ${pageRows} from page`);
    if (rows.length === 0) break;
    yield* rows;
  }
  await client.query('commit');
}
