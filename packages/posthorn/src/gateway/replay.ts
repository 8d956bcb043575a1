// Has a request that was set aside judged again, by the source as it is now and by the time at which it came in.
import type { FetchText } from '@posthorn/webhooks/provider';
import type pg from 'pg';
import type { AcceptInbound, InboundRequest } from '../core/inbound.ts';
import type { Hidden } from '../core/redaction.ts';
import { unredact } from '../core/redaction.ts';
import type { ReplayRequest, ReplayResult } from '../core/replay.ts';
import type { Database } from '../store/database.ts';
import { updateReplayed } from '../store/record-requests.ts';
import { findRequest, requestOwner, type WholeRequestRow } from '../store/requests.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { findSourceById } from '../store/source-config.ts';
import { findPaths, pathOwner } from '../store/sources.ts';
import { factsOf, inboundRequestOf, judge, type Judgement, methodRefusal, type Refusal } from './judge.ts';
import { type OpenSource, openSource } from './open-source.ts';
import type { Received } from './received.ts';

const triesMax = 5;

export interface ReplayDeps {
  db: Database;
  box: SecretBox;
  accept: AcceptInbound;
  fetchText: FetchText;
  publicUrl: string | undefined;
}

export function createReplay(deps: ReplayDeps): ReplayRequest {
  return async ({ environmentId, sourceId, requestId }) => {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const source = await findOpenSource(deps, environmentId, sourceId);
      if (source === undefined) return { kind: 'unknown_source' };
      const row = await findRequest(deps.db.queries, sourceId, requestId);
      if (row === undefined) return { kind: 'unknown_request' };
      const result = await replayAs(deps, source, row);
      if (result !== 'stale') return result;
    }
    throw new Error('the source changes faster than its requests are verified');
  };
}

async function findOpenSource(
  { db, box, fetchText }: ReplayDeps,
  environmentId: string,
  sourceId: string,
): Promise<OpenSource | undefined> {
  const config = await findSourceById(db.pool, box, environmentId, sourceId);
  return config && openSource(config, fetchText);
}

async function replayAs(
  deps: ReplayDeps,
  source: OpenSource,
  row: WholeRequestRow,
): Promise<ReplayResult | 'stale'> {
  if (row.verdict !== 'rejected' && row.verdict !== 'altered') {
    return { kind: 'impossible', detail: 'the request was taken in: replay its messages instead' };
  }
  if (row.body === null && row.body_bytes > 0) {
    return { kind: 'impossible', detail: 'the body of the request was too large to be kept, or was deleted' };
  }
  const received = await receivedOf(deps, source.config.id, row);
  const refusedFor = methodRefusal(source, received);
  const judgement: Judgement = refusedFor
    ? { ok: false, refusal: refusedFor }
    : await judge(source, received);
  if (!judgement.ok) {
    await noteRefusal(deps.db.pool, source, { received, row, refusal: judgement.refusal });
    return { kind: 'rejected', ...judgement.refusal };
  }
  const request = again(inboundRequestOf(source, received, judgement, row.id), row);
  const acceptance = await deps.accept(request);
  switch (acceptance.kind) {
    case 'accepted':
      return { kind: 'accepted', messageIds: acceptance.messageIds };
    case 'duplicate':
      return { kind: 'accepted', messageIds: [] };
    case 'stale':
      return 'stale';
    case 'unknown_source':
      return { kind: 'unknown_source' };
  }
}

/**
 * Of two replays at the same time one stores messages. What came with the id of another request is let in under an id of
 * its own: that is what having it replayed means.
 */
function again(request: InboundRequest, { id, verdict }: WholeRequestRow): InboundRequest {
  const messages = request.messages.map((message, index) => {
    const own = `replay:${id}:${index}`;
    return { ...message, eventId: verdict === 'altered' ? own : (message.eventId ?? own) };
  });
  return { ...request, messages, replayed: true };
}

/** The request as it came in. */
async function receivedOf(
  { db, box, publicUrl }: ReplayDeps,
  sourceId: string,
  row: WholeRequestRow,
): Promise<Received> {
  const hidden = row.hidden_sealed
    ? (JSON.parse(box.open(row.hidden_sealed, requestOwner(row.id))) as Hidden)
    : undefined;
  const { headers, query } = unredact(row, hidden);
  const sealed = (await findPaths(db.queries, [sourceId])).get(sourceId);
  const token = sealed ? box.open(sealed, pathOwner(sourceId)) : '';
  const origin = publicUrl ?? `http://${headers.host?.[0] ?? 'localhost'}`;
  return {
    method: row.method,
    url: `${origin}/in/${token}`,
    query,
    headers,
    body: row.body ?? Buffer.alloc(0),
    address: row.address ?? undefined,
    atMs: row.received_at.getTime(),
  };
}

async function noteRefusal(
  pool: pg.Pool,
  source: OpenSource,
  { received, row, refusal }: { received: Received; row: WholeRequestRow; refusal: Refusal },
): Promise<void> {
  const { facts } = factsOf(source, received, row.id);
  await updateReplayed(pool, { ...facts, ...refusal, verdict: 'rejected', messageIds: [] });
}
