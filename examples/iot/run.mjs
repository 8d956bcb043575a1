// @ts-check
// The story of sensors and a fan, told against a running Posthorn: readings come in, 500 a second; each becomes a row of a
// table, and each one that is too warm becomes a command.
// Exits with 0 when the counts at the end are right, with 1 and the reason when not.
import { randomUUID } from 'node:crypto';
import { generateHmacSecret } from '@posthorn/webhooks';
import { findPosthorn } from '../signup/find-posthorn.mjs';
import { describeLatency } from '../social/latency.mjs';
import { createPosthornApi, Refused } from '../social/posthorn-api.mjs';
import { waitFor } from '../social/wait-for.mjs';
import { startFanController } from './fan-controller.mjs';
import { planReadings, sendReadings } from './sensors.mjs';
import { addressOf, findDatabase, openTimeSeries, row, tableName } from './time-series.mjs';

const perSecond = 500;
const seconds = Number(process.env.IOT_SECONDS || 10);
const limit = 30;
const waitMaxMs = 300_000;
const statsEveryMs = 250;
const sourcePath = '/ingest/api/v1/source/iot-example';
const tablePath = `${sourcePath}/endpoint/table`;
const fanPath = `${sourcePath}/endpoint/fans`;

/**
 * @typedef {ReturnType<typeof createPosthornApi>} Call
 * @typedef {Awaited<ReturnType<typeof openTimeSeries>>} TimeSeries
 * @typedef {Awaited<ReturnType<typeof startFanController>>} Fans
 * @typedef {Awaited<ReturnType<typeof sendReadings>>} Sent
 */

/** @param {string} line */
const say = (line) => console.log(`\n${line}`);
/** @param {string} line */
const note = (line) => console.log(`   ${line}`);

try {
  await tellStory();
} catch (error) {
  process.exitCode = 1;
  console.error(`\nfailed: ${error instanceof Error ? error.message : String(error)}`);
}

async function tellStory() {
  const posthorn = await findPosthorn(process.env);
  console.log(`Posthorn is at ${posthorn.serverUrl}`);
  const call = createPosthornApi(posthorn);
  const databaseUrl = await findDatabase(process.env);
  const timeSeries = await openTimeSeries(databaseUrl);
  const fans = await startFanController();
  try {
    const source = await makeSource(call);
    await makeEndpoints({ call, databaseUrl, fanUrl: fans.url });
    await measure({ call, source, timeSeries, fans });
  } finally {
    await fans.stop();
    await timeSeries.close();
  }
}

/** @param {Call} call */
async function makeSource(call) {
  say('1. A source for the sensors, signed by Standard Webhooks');
  const secret = generateHmacSecret();
  const asked = { type: 'standard-webhooks', name: 'IoT example', config: { secret } };
  const { id, ingestUrl } = await call('PUT', sourcePath, asked);
  note(ingestUrl.replace(/\/in\/.*/, '/in/…'));
  return { id, ingestUrl, secret };
}

/** @param {{ call: Call, databaseUrl: string, fanUrl: string }} parts */
async function makeEndpoints({ call, databaseUrl, fanUrl }) {
  say('2. What should happen: a row for each reading, a command for each one that is too warm');
  await makeTableEndpoint(call, databaseUrl);
  await call('PUT', fanPath, {
    kind: 'api',
    filter: `payload.data.temperature > ${limit}.0`,
    config: {
      method: 'PUT',
      url: `${fanUrl}/fans/{{ payload.data.room }}`,
      json: { fan: 'on', because: '{{ payload.data.id }}', temperature: '{{ payload.data.temperature }}' },
    },
  });
  note(`above ${limit} °C: PUT ${fanUrl}/fans/…`);
}

/** @param {Call} call @param {string} databaseUrl */
async function makeTableEndpoint(call, databaseUrl) {
  // A PUT would keep the password of an address, which the own database has no use for.
  await call('DELETE', tablePath).catch((error) => {
    if (!(error instanceof Refused && error.status === 404)) throw error;
  });
  try {
    await call('PUT', tablePath, { kind: 'postgres', config: { database: 'posthorn', ...row } });
    note(`rows of ${tableName}, each in the transaction that records its delivery: exactly once`);
  } catch (error) {
    if (!(error instanceof Refused && error.text.includes('POSTHORN_ALLOW_TABLES'))) throw error;
    await call('PUT', tablePath, { kind: 'postgres', config: { ...addressOf(databaseUrl), ...row } });
    note(`rows of ${tableName}, by the database's address: at least once, and one row by its key`);
    note(`(POSTHORN_ALLOW_TABLES=${tableName} npm start makes it exactly once)`);
  }
}

/** @param {{ call: Call, source: { id: string, ingestUrl: string, secret: string }, timeSeries: TimeSeries, fans: Fans }} parts */
async function measure({ call, source, timeSeries, fans }) {
  const count = perSecond * seconds;
  const run = randomUUID().slice(0, 8);
  say(`3. ${count} readings, ${perSecond} a second`);
  const startedAtMs = performance.now();
  const readings = planReadings({ run, count, limit });
  const sent = await sendReadings({ url: source.ingestUrl, secret: source.secret, perSecond, readings });
  note(`all acknowledged within ${inSeconds(sent.durationMs)}; sent again: ${repetitionsOf(sent)}`);
  note(`from when a reading was due to its acknowledgement: ${latencyOf(sent)}`);

  say('4. Posthorn carries out what it took in');
  await untilDelivered(call, source.id);
  const storedMs = performance.now() - startedAtMs;
  note(`the last row was there ${inSeconds(storedMs - sent.durationMs)} after the last acknowledgement`);
  note(`that is ${Math.round((count / storedMs) * 1000)} rows a second over all`);
  check({ run, sent, stored: await timeSeries.readings(run), fans });
}

/** @param {Call} call @param {string} sourceId */
async function untilDelivered(call, sourceId) {
  const endpoints = [await call('GET', tablePath), await call('GET', fanPath)];
  const isDone = async () => {
    const paths = endpoints.map(({ id }) => `/api/v1/app/${sourceId}/endpoint/${id}/stats`);
    const stats = await Promise.all(paths.map((path) => call('GET', path)));
    return stats.every(({ pending, sending }) => pending + sending === 0);
  };
  await waitFor('all deliveries to be done', waitMaxMs, isDone, statsEveryMs);
}

/** @param {{ run: string, sent: Sent, stored: Map<string, number>, fans: Fans }} parts */
function check({ run, sent: { acknowledged }, stored, fans }) {
  const readings = acknowledged.map(({ reading }) => reading);
  const lost = readings.filter(({ id, temperature }) => stored.get(id) !== temperature);
  const tooWarm = readings.filter(({ temperature }) => temperature > limit);
  const given = fans.commands().filter(({ because }) => because.startsWith(`${run}-`));
  const asked = new Map(given.map((command) => [command.because, command]));
  const missing = tooWarm.filter(
    ({ id, room, temperature }) => asked.get(id)?.room !== room || asked.get(id)?.temperature !== temperature,
  );
  const planned = perSecond * seconds;
  const counts = [
    `${planned} sent, ${readings.length} acknowledged, ${stored.size} stored, ${lost.length} lost`,
    `${tooWarm.length} above ${limit} °C, ${given.length} commands, ${tooWarm.length - missing.length} of them for those`,
  ].join('; ');
  const isStored = readings.length === planned && stored.size === planned && lost.length === 0;
  const isCommanded = given.length === tooWarm.length && asked.size === given.length && missing.length === 0;
  if (!isStored || !isCommanded) throw new Error(`the counts are wrong: ${counts}`);
  say(`Checked: ${counts}.`);
}

/** @param {number} durationMs */
function inSeconds(durationMs) {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

/** How many, and after which answers. @param {Sent} sent */
function repetitionsOf({ acknowledged }) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const why of acknowledged.flatMap(({ refusals }) => refusals)) counts[why] = (counts[why] ?? 0) + 1;
  const parts = Object.entries(counts).map(([why, count]) => `${count} (${why})`);
  return parts.join(', ') || 'none';
}

/** @param {Sent} sent */
function latencyOf({ acknowledged }) {
  return describeLatency(acknowledged.map(({ durationMs }) => durationMs));
}
