// Messages as they look on the wire. Content is spliced in as text: reading and writing it again would change it.
import { isUtf8 } from 'node:buffer';
import type { Queries } from '../store/database.ts';
import { findPayloads } from '../store/messages.ts';
import type { MessageRow, SizedMessageRow } from '../store/messages.ts';
import { toList } from './pagination.ts';
import type { List, Page } from './pagination.ts';

export const jsonContentType = 'application/json; charset=utf-8';

/** Stands for content that was not asked for. */
export const withoutContent = '{}';
const expiredContent = '{"expired":true}';

// A page whose content would be larger ends early, at least one message on it: it is held in memory as a whole.
const pageContentMaxBytes = 16 * 1024 * 1024;

/** A message without its content. */
export function wireMessage(row: MessageRow) {
  return {
    id: row.id,
    eventType: row.event_type,
    eventId: row.event_id,
    channels: row.channels,
    tags: row.tags,
    deliverAt: row.deliver_at?.toISOString() ?? null,
    orderKey: row.order_key,
    eventAt: row.event_at?.toISOString() ?? null,
    timestamp: row.created_at.toISOString(),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The content as JSON text: JSON as it is, other text as a string, other bytes as a string of base64. */
export function contentText(payload: Buffer | null): string {
  if (payload === null) return expiredContent;
  if (!isUtf8(payload)) return JSON.stringify(payload.toString('base64'));
  const text = payload.toString('utf8');
  return isJson(text) ? text : JSON.stringify(text);
}

/** A message as JSON text; `content` is JSON text too. `more` adds members of its own. */
export function messageText(row: MessageRow, content: string, more: object = {}): string {
  const members = JSON.stringify({ ...wireMessage(row), ...more });
  return `${members.slice(0, -1)},"payload":${content}}`;
}

function listText(list: List<string>): string {
  const { data, ...rest } = list;
  return `{"data":[${data.join(',')}],${JSON.stringify(rest).slice(1)}`;
}

/** How many of the rows fit into a page by the size of their content. */
function countWithinBudget(rows: readonly SizedMessageRow[]): number {
  let bytes = 0;
  for (const [count, row] of rows.entries()) {
    bytes += row.payload_bytes ?? 0;
    if (bytes > pageContentMaxBytes) return Math.max(count, 1);
  }
  return rows.length;
}

/** A page of messages as JSON text, content included when asked for. `more` gives a row members of its own. */
export async function messageListText<Row extends SizedMessageRow>(
  queries: Queries,
  { applicationId, withContent }: { applicationId: string; withContent: boolean },
  { rows, page }: { rows: readonly Row[]; page: Page },
  more: (row: Row) => object = () => ({}),
): Promise<string> {
  if (!withContent) {
    return listText(
      toList(
        rows,
        page,
        ({ id }) => id,
        (row) => messageText(row, withoutContent, more(row)),
      ),
    );
  }
  const limit = Math.min(page.limit, countWithinBudget(rows));
  const read = rows.slice(0, limit + 1);
  const ids = read.slice(0, limit).map(({ id }) => id);
  const payloads = await findPayloads(queries, applicationId, ids);
  const textOf = (row: Row) => messageText(row, contentText(payloads.get(row.id) ?? null), more(row));
  return listText(toList(read, { ...page, limit }, ({ id }) => id, textOf));
}
