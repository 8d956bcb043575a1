// What the schema thread is asked, and what it answers: plain data, so that it can be posted.
import type { ImportedEventType } from '../../core/openapi-webhooks.ts';

/** One wrong place: `path` from the root of what was checked. */
export interface Problem {
  path: string[];
  msg: string;
  /** The member at `path` is missing. */
  missing?: boolean;
}

export type Job =
  /** Are these JSON Schemas? `schemas`: JSON text of an object with a schema for each version. */
  | { kind: 'check'; schemas: string }
  /** Does the payload fit? `schema` is JSON text; without it, the one that is remembered under `key`. */
  | { kind: 'validate'; key: string; schema?: string; payload: Uint8Array }
  /** Which event types does the document declare? `text` is JSON, or YAML. */
  | { kind: 'openapi'; text: string; webhooksMax: number; schemasMaxBytes: number };

/** The kind of answer tells which job it belongs to; 'failed' belongs to each. */
export type Answer =
  | { kind: 'checked'; problems: Problem[] }
  | { kind: 'fits' }
  | { kind: 'wrong'; problems: Problem[] }
  /** Nothing is remembered under this key: ask again with the schema. */
  | { kind: 'schema_wanted' }
  | { kind: 'read'; eventTypes: ImportedEventType[]; problems: Problem[] }
  | { kind: 'failed'; msg: string };
