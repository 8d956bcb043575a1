// From the id or uid in a path to the row it names, within what the caller may see; everything else is a 404.
import type { Queries } from '../store/database.ts';
import { findApplication } from '../store/applications.ts';
import type { ApplicationRow } from '../store/applications.ts';
import { findEndpoint } from '../store/endpoints.ts';
import type { EndpointRow } from '../store/endpoints.ts';
import { isName } from './fields.ts';
import { notFound } from './problems.ts';

interface Reader {
  db: { queries: Queries };
}

// What cannot be an id or uid names nothing, and need not be asked of the database.

/** Throws 404 when it is unknown, deleted, or of another environment. */
export async function resolveApplication(
  { db }: Reader,
  environmentId: string,
  idOrUid: string,
): Promise<ApplicationRow> {
  const row = isName(idOrUid) ? await findApplication(db.queries, environmentId, idOrUid) : undefined;
  if (row === undefined) throw notFound('Application not found');
  return row;
}

/** Throws 404 when it is unknown, deleted, or of another application. */
export async function resolveEndpoint(
  { db }: Reader,
  applicationId: string,
  idOrUid: string,
): Promise<EndpointRow> {
  const row = isName(idOrUid) ? await findEndpoint(db.queries, applicationId, idOrUid) : undefined;
  if (row === undefined) throw notFound('Endpoint not found');
  return row;
}
