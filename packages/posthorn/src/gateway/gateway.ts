// The inbound side of one process: providers' requests come in, and are judged, stored, answered and had again.
import type { FetchText } from '@posthorn/webhooks/provider';
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AcceptInbound } from '../core/inbound.ts';
import type { ReplayRequest } from '../core/replay.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { lockApplication } from '../store/applications.ts';
import type { Database } from '../store/database.ts';
import type { SecretBox } from '../store/secret-box.ts';
import { insertSecrets, listSecrets } from '../store/source-secrets.ts';
import { secretOwner } from '../store/sources.ts';
import { AnswerWaiter } from './answer-waiter.ts';
import { Door } from './door.ts';
import type { OpenSource } from './open-source.ts';
import { Receiver } from './receive.ts';
import { RefusalKeeper } from './refusals.ts';
import { createReplay } from './replay.ts';
import { SourceBook } from './source-book.ts';
import type { JudgeEvent } from './validate.ts';

export interface GatewayDeps {
  db: Database;
  box: SecretBox;
  newId: NewId;
  clock: Clock;
  random: () => number;
  log: Log;
  accept: AcceptInbound;
  /** Holds an event against the schema of its event type. */
  judgeEvent: JudgeEvent;
  /** Reads public keys of providers. */
  fetchText: FetchText;
  /** Fetches a URL that a provider wants to see fetched. */
  confirm(url: string): Promise<void>;
  publicUrl: string | undefined;
  /** Some request was refused, and why is stored; cheap to call. */
  onRefused(): void;
}

export interface Gateway {
  /** Whether a request is a provider's. */
  isFor(request: IncomingMessage): boolean;
  /** `isClosing`: no further request is to come on the connection. */
  serve(request: IncomingMessage, response: ServerResponse, isClosing: () => boolean): void;
  replay: ReplayRequest;
  /** Requests that wait for the answer of an endpoint get the ordinary one. */
  stop(): void;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const { db, box, newId } = deps;
  const { pool } = db;
  const learn = ({ config: { id } }: OpenSource, secret: string) =>
    db.queries.transaction().execute(async (transaction) => {
      if (!(await lockApplication(transaction, id))) return false;
      const known = await listSecrets(transaction, id);
      if (known.length === 0) {
        const sealed = box.seal(secret, secretOwner(id));
        await insertSecrets(transaction, id, [{ id: newId('sec_'), sealed, learned: true }]);
        return true;
      }
      // The same one again is the same question again. Whoever knows the path must not put another in its place.
      return known.some(({ secret_sealed }) => isSame(box.open(secret_sealed, secretOwner(id)), secret));
    });
  const refusals = new RefusalKeeper({ ...deps, pool });
  const answers = new AnswerWaiter({ ...deps, pool });
  const receiver = new Receiver({ ...deps, refusals, answers, learn });
  const door = new Door({ ...deps, receiver, book: new SourceBook({ ...deps, pool }) });
  const replay = createReplay({ ...deps, refusals });
  return { isFor: door.isFor, serve: door.serve, replay, stop: () => answers.stop() };
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}
