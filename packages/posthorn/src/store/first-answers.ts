// What endpoints answered to messages that somebody waits for.
import type pg from 'pg';

export interface FirstAnswer {
  messageId: string;
  status: number;
  contentType: string | null;
  /** Null where there was none, or it is not the whole of it. */
  body: Buffer | null;
}

interface Row {
  message_id: string;
  status: number;
  content_type: string | null;
  body: Buffer | null;
}

// By the first attempt that was accepted. `$3` keeps it to the partitions of today.
const text = `
select w.message_id, a.response_status as status, a.response_headers ->> 'content-type' as content_type,
  case when not a.response_truncated and not (a.response_headers ? 'content-encoding') then a.response_body end as body
from unnest($1::text[], $2::text[]) as w (application_id, message_id)
cross join lateral (
  select * from posthorn.attempt
  where application_id = w.application_id and message_id = w.message_id and id >= $3
    and outcome = 'accepted' and response_status is not null
  order by id limit 1
) a`;

export async function findFirstAnswers(
  pool: pg.Pool,
  waiting: readonly { sourceId: string; messageId: string }[],
  attemptIdMin: string,
): Promise<FirstAnswer[]> {
  const values = [
    waiting.map(({ sourceId }) => sourceId),
    waiting.map(({ messageId }) => messageId),
    attemptIdMin,
  ];
  const { rows } = await pool.query<Row>({ name: 'first-answers', text, values });
  return rows.map((row) => ({
    messageId: row.message_id,
    status: row.status,
    contentType: row.content_type,
    body: row.body,
  }));
}
