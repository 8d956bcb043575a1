// Has a request that was set aside judged again, by the source as it is now and by the time at which it came in.
import type { FetchText } from '@posthorn/webhooks/provider';
import { schemaReason, unverifiedReason } from '../core/inbound-names.ts';
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
import {
  factsOf,
  inboundRequestOf,
  judge,
  type Judgement,
  methodRefusal,
  ownEventId,
  shownRefusal,
} from './judge.ts';
import { type OpenSource, openSource } from './open-source.ts';
import type { Received } from './received.ts';
import type { Refused, RefusalKeeper } from './refusals.ts';
import { type JudgeEvent, validated } from './validate.ts';

const triesMax = 5;

export interface ReplayDeps {
  db: Database;
  box: SecretBox;
  accept: AcceptInbound;
  refusals: RefusalKeeper;
  judgeEvent: JudgeEvent;
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
  const impossible = whyImpossible(row);
  if (impossible !== undefined) return { kind: 'impossible', detail: impossible };
  const received = await receivedOf(deps, source.config.id, row);
  const judgement = await judgeAgain(source, received, row);
  if (!judgement.ok) return noteRefusal(deps, { source, received, row, refusal: judgement.refusal });
  const whole = again(inboundRequestOf(source, received, judgement, row.id), row);
  const request = await validated(whole, source.config.validation, deps.judgeEvent);
  if ('refusal' in request) return noteRefusal(deps, { source, received, row, refusal: request.refusal });
  const acceptance = await deps.accept(request);
  if (acceptance.kind === 'stale' || acceptance.kind === 'unknown_source') return 'stale';
  const { verdict, reason = '', detail = '' } = request;
  if (verdict === 'parked') return { kind: 'parked', reason, detail };
  return { kind: 'accepted', messageIds: acceptance.kind === 'accepted' ? acceptance.messageIds : [] };
}

function whyImpossible({ verdict, reason, body, body_bytes }: WholeRequestRow): string | undefined {
  const isSetAside = ['rejected', 'altered', 'parked'].includes(verdict);
  // Of a batch that was taken in, some events may be missing.
  if (!isSetAside && reason !== schemaReason) return 'the request was taken in: replay its messages instead';
  if (body !== null || body_bytes === 0) return undefined;
  return 'the body of the request was too large to be kept, or was deleted';
}

/** What was verified when it came in is not verified again: its credentials were not kept. */
async function judgeAgain(
  source: OpenSource,
  received: Received,
  { verdict, reason, detail, secret_id: secretId }: WholeRequestRow,
): Promise<Judgement> {
  // Nor does having it again make it one that was.
  if (verdict === 'unverified' || (verdict !== 'rejected' && reason === unverifiedReason)) {
    const refusal = { reason: unverifiedReason, detail: detail ?? '' };
    return { ok: true, verdict: 'unverified', refusal };
  }
  if (verdict !== 'rejected') return { ok: true, verdict: 'accepted', secretId: secretId ?? undefined };
  const refusal = methodRefusal(source, received);
  return refusal ? { ok: false, refusal } : judge(source, received);
}

/**
 * Of two replays at the same time one stores messages. What came with the id of another request is let in under an id of
 * its own: that is what having it replayed means.
 */
function again(request: InboundRequest, { id, verdict }: WholeRequestRow): InboundRequest {
  const messages = request.messages.map((message, index) => {
    const own = ownEventId(id, index);
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

interface RefusedAgain extends Refused {
  row: WholeRequestRow;
}

async function noteRefusal(
  { db, refusals }: ReplayDeps,
  { row, ...refused }: RefusedAgain,
): Promise<ReplayResult> {
  const { facts } = factsOf(refused.source, refused.received, row.id);
  const why = shownRefusal(refused.refusal);
  const diagnosis = await refusals.diagnosis(refused);
  // What says that it was not verified stays with it.
  const reason = row.verdict !== 'rejected' && row.reason === unverifiedReason ? row.reason : why.reason;
  const { verdict } = row;
  await updateReplayed(db.pool, { ...facts, ...why, ...diagnosis, reason, verdict, messageIds: [] });
  return { kind: 'rejected', ...why };
}
