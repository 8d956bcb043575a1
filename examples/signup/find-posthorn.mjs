// @ts-check
// Where Posthorn is and with which token: from the environment, or from the note that `npm start` leaves in .posthorn.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

const notRunning =
  'Posthorn is not running. Start it with `npm start` in another terminal, then run this again.';
const noToken = 'POSTHORN_SERVER_URL needs its token: set POSTHORN_TOKEN too.';

/**
 * @param {NodeJS.ProcessEnv} env POSTHORN_SERVER_URL and POSTHORN_TOKEN win over the note
 * @returns {Promise<{ serverUrl: string, token: string, databaseUrl: string | undefined }>} `databaseUrl`: of Posthorn's own
 * database, when it is the one of the note
 */
export async function findPosthorn(env) {
  const running = await readNote(resolve(repository, env.POSTHORN_DATA_DIR || '.posthorn'));
  const serverUrl = env.POSTHORN_SERVER_URL || running?.url;
  if (!serverUrl || !(await answers(serverUrl))) {
    throw new Error(env.POSTHORN_SERVER_URL ? `Nothing answers at ${serverUrl}.` : notRunning);
  }
  // The token of the running `npm start` is nobody else's business.
  const token = env.POSTHORN_TOKEN || (serverUrl === running?.url ? running.token : undefined);
  if (!token) throw new Error(noToken);
  return {
    serverUrl,
    token,
    databaseUrl: serverUrl === running?.url ? running.databaseUrl : undefined,
  };
}

/**
 * @param {string} dataFolder
 * @returns {Promise<{ url: string, token: string, databaseUrl?: string } | undefined>}
 */
async function readNote(dataFolder) {
  const text = await readFile(join(dataFolder, 'dev.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** @param {string} serverUrl */
async function answers(serverUrl) {
  const health = new URL('/api/v1/health/ping', serverUrl);
  return fetch(health, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
