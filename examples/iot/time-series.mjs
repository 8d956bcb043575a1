// @ts-check
// The table that the readings end up in. Posthorn writes it; this makes it and reads it.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const noDatabase = 'The database is not known: set DATABASE_URL to the one that Posthorn was started with.';

const tableSql = `
create table if not exists public.sensor_reading (
  reading_id text primary key,
  sensor text not null,
  room text not null,
  temperature numeric not null,
  measured_at timestamptz not null
);
create index if not exists sensor_reading_measured_at on public.sensor_reading using brin (measured_at)`;

const rowsSql = `
select reading_id, temperature::float8 as temperature from public.sensor_reading
where starts_with(reading_id, $1)`;

export const tableName = 'public.sensor_reading';

/** Which part of the message goes where. With the key, a row that comes again changes nothing. */
export const row = {
  table: tableName,
  columns: {
    reading_id: 'payload.data.id',
    sensor: 'payload.data.sensor',
    room: 'payload.data.room',
    temperature: 'payload.data.temperature',
    measured_at: 'payload.data.measuredAt',
  },
  key: ['reading_id'],
};

/**
 * DATABASE_URL, or that of the database that `npm start` brought along.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
export async function findDatabase(env) {
  if (env.DATABASE_URL) return env.DATABASE_URL;
  // Another Posthorn has another database than the one that runs here.
  if (env.POSTHORN_SERVER_URL) throw new Error(noDatabase);
  const note = join(resolve(repository, env.POSTHORN_DATA_DIR || '.posthorn'), 'dev.json');
  const { databaseUrl } = JSON.parse(await readFile(note, 'utf8').catch(() => '{}'));
  if (typeof databaseUrl !== 'string') throw new Error(noDatabase);
  return databaseUrl;
}

/** @param {string} databaseUrl */
export async function openTimeSeries(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'iot example' });
  await client.connect();
  await client.query(tableSql);
  return {
    /** The temperatures of a run, by reading. @param {string} run @returns {Promise<Map<string, number>>} */
    async readings(run) {
      const { rows } = await client.query(rowsSql, [`${run}-`]);
      return new Map(rows.map(({ reading_id: id, temperature }) => [id, temperature]));
    },
    close: () => client.end(),
  };
}

/**
 * The same database as an address for Posthorn, for when the operator has not opened the table.
 *
 * @param {string} databaseUrl
 */
export function addressOf(databaseUrl) {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  // On this machine: no certificate has a name for it.
  if (/^(?:127\.|localhost$|\[::1\]$)/.test(url.hostname)) url.search = '?sslmode=disable';
  return password === '' ? { url: url.href } : { url: url.href, password };
}
