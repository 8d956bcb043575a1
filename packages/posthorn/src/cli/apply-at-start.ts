// Applies posthorn.yaml to a server that has just started, with a token of its own that ends with the work.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { createIdSource } from '../lib/ids.ts';
import { openDatabase } from '../store/database.ts';
import type { Queries } from '../store/database.ts';
import { createToken, revokeToken } from '../store/tokens.ts';
import { createApiClient } from './api-client.ts';
import { applyFile, ingestPath } from './apply.ts';
import { withDatabaseErrors } from './database-access.ts';
import type { Io } from './io.ts';
import type { ServerFacts } from './start-server.ts';

const requestTimeoutMs = 30_000;
const tokenForMs = 10 * 60 * 1000;

/** Rejects with `CliError` when the file is wrong, or the server refuses something in it. */
export async function applyAtStart(
  file: string,
  { server, databaseUrl }: { server: ServerFacts; databaseUrl: string },
  io: Io,
): Promise<void> {
  const { environmentId, url: serverUrl } = server;
  const database = openDatabase({
    url: databaseUrl,
    connectionsMax: 1,
    applicationName: 'posthorn apply',
    onIdleError() {},
  });
  try {
    await withDatabaseErrors(() =>
      withToken(database.queries, { environmentId, name: file }, async (token) => {
        const api = createApiClient({ serverUrl, token, requestTimeoutMs, basePath: ingestPath });
        await applyFile(file, api, io, false);
      }),
    );
  } finally {
    await database.close();
  }
}

/** The name is what the audit log shows. */
async function withToken(
  queries: Queries,
  { environmentId, name }: { environmentId: string; name: string },
  work: (token: string) => Promise<void>,
): Promise<void> {
  const newId = createIdSource(systemClock.now, randomBytes);
  const expiresAt = new Date(systemClock.now() + tokenForMs);
  const token = await createToken(queries, { id: newId('tok_'), environmentId, name, expiresAt });
  try {
    await work(token.text);
  } finally {
    await revokeToken(queries, environmentId, token.id);
  }
}
