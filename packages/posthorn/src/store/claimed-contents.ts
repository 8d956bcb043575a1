// Reads what claimed deliveries send, once they are leased. In the claim's transaction, which holds the rows of the due
// endpoints, whoever accepts something for one of them would wait for it.
import type pg from 'pg';
import { textArray } from './binary-array.ts';
import type { Claimed } from './claim-deliveries.ts';
import { messageIdBounds } from './leases.ts';

/** With all that an attempt needs besides the endpoint's configuration. */
export interface ClaimedDelivery extends Claimed {
  /** Null when the content was expunged or has expired: there is nothing left to send. */
  payload: Uint8Array | null;
  contentType: string;
  /** Known of what was accepted here; a claim does not read it. */
  eventType?: string;
}

// By message, so that one that goes to many endpoints is read, sent over and kept once. The bounds ($3, $4) leave out all
// other partitions, as in settle-deliveries.ts.
const contentSql = `
select m.id, b.payload, m.content_type
from unnest($1::text[], $2::text[]) as k (application_id, id)
join posthorn.message m on m.application_id = k.application_id and m.id = k.id
left join posthorn.message_body b on b.application_id = k.application_id and b.message_id = k.id
  and b.message_id between concat($3::text) and concat($4::text)
where m.id between concat($3::text) and concat($4::text)`;

interface ContentRow {
  id: string;
  payload: Buffer | null;
  content_type: string;
}

/** In the same order. */
export async function readContents(pool: pg.Pool, claimed: readonly Claimed[]): Promise<ClaimedDelivery[]> {
  if (claimed.length === 0) return [];
  const messages = new Map(claimed.map((one) => [one.messageId, one.applicationId]));
  const { rows } = await pool.query<ContentRow>({
    name: 'claimed-contents',
    text: contentSql,
    values: [textArray([...messages.values()]), textArray([...messages.keys()]), ...messageIdBounds(claimed)],
  });
  const contents = new Map(rows.map((row) => [row.id, row]));
  return claimed.map((one) => {
    const content = contents.get(one.messageId);
    return { ...one, payload: content?.payload ?? null, contentType: content?.content_type ?? '' };
  });
}
