// What every route file is handed, and what is added to Fastify's request.
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Accept } from '../core/acceptance.ts';
import type { Access, Caller } from '../core/access.ts';
import type { EndpointKinds } from '../core/endpoint-kind.ts';
import type { ReplayRequest } from '../core/replay.ts';
import type { Transform } from '../core/transformation.ts';
import type { UrlRules } from '../core/url-rules.ts';
import type { Clock } from '../lib/clock.ts';
import type { NewId } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import type { Database } from '../store/database.ts';
import type { SecretBox } from '../store/secret-box.ts';
import type { OtherDoor } from './http-server.ts';
import type { PayloadCheck } from './payload-check.ts';
import type { SchemaDesk } from './schemas/desk.ts';

export interface ApiDeps {
  db: Database;
  box: SecretBox;
  newId: NewId;
  clock: Clock;
  /** Takes a message into the engine. */
  accept: Accept;
  /** Serves the providers beside the API, and has their requests again; tests of the API do without. */
  gateway?: OtherDoor & { replay: ReplayRequest };
  /** The origin by which others reach this server; undefined: the one that they say they called. */
  publicUrl?: string | undefined;
  /** Tells the dispatcher that deliveries may have become due; a hint, cheap to call. */
  wake(): void;
  /** Runs or checks the code of a transformation. */
  transform: Transform;
  /** The kinds of endpoints that there are besides `http`. */
  kinds: EndpointKinds;
  /** Tells the engine that somebody wants to be told of attempts; cheap to call. */
  onOperationalUse(): void;
  /** The APIs whose hooks a source can be reconciled with; without a slash at their end. */
  githubApiUrls: readonly string[];
  /** Tells whoever reconciles that a source is due; a hint too. */
  wakeReconciler(): void;
  /** Tells whoever works on background tasks that there is a new one; a hint too. */
  wakeTasks(): void;
  log: FastifyBaseLogger;
  /** For requests that the database failed: an outage is told once, not once a request. */
  outageLog: Log;
  /** Judges schemas and payloads in threads of its own. */
  schemas: SchemaDesk;
  /** Whether a message may be published under its event type. */
  payloads: PayloadCheck;
  bodyMaxBytes: number;
  urlRules: UrlRules;
  version: string;
}

/**
 * The API with its TypeBox types. Paths are written in full (`/api/v1/app/:app/endpoint/:endpoint/msg/:msg`), and
 * every route says in its `config` who may call it: `access: 'read'`. One that does not is for tokens with `manage`.
 */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  // What the OpenAPI document says of a route; each has a default (reference/).
  interface FastifySchema {
    operationId?: string;
    summary?: string;
    description?: string;
    tags?: string[];
    /** Leaves the route out of the document. */
    hide?: boolean;
  }
  interface FastifyInstance {
    outageLog: Log;
    /** What every route declared, by `GET /api/v1/app`. */
    access: ReadonlyMap<string, Access | undefined>;
  }
  interface FastifyRequest {
    /** The environment of the token; empty on public routes. */
    environmentId: string;
    /** Null on public routes. */
    caller: Caller | null;
    /** For the audit log: the application that a change is about, where the route found it. */
    auditedApplicationId: string | null;
    /** For the audit log: ids that neither the path nor the answer shows. */
    auditedObjects: Record<string, string> | null;
    /** The body exactly as it came; empty when there is none. */
    bodyBytes: Buffer;
  }
  interface FastifyContextConfig {
    /** Who may call it (core/access.ts). */
    access?: Access;
    /** Whether it is written down in the audit log; unless given, what changes something is. */
    audited?: boolean;
    /** Served to a poller's own token, too, where its path names that poller. */
    pollerToken?: boolean;
    /** A POST that needs no idempotency.ts: it changes nothing, or has a way of its own to be safe when repeated. */
    repeatable?: boolean;
  }
}
