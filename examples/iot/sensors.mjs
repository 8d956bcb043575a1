// @ts-check
// Stands for the sensors: each reading is a request of its own, signed by Standard Webhooks and sent when it is due, or
// as soon as its sensor's one before was answered. What gets no 2xx is sent again under its own id, as a good sensor does.
import { setTimeout as pause } from 'node:timers/promises';
import { createSigner } from '@posthorn/webhooks';

const timeoutMs = 30_000;
const triesMax = 10;
const tryAgainAfterMs = 500;
const tickMs = 10;
const roomCount = 8;

/**
 * @typedef {{ id: string, sensor: string, room: string, temperature: number, measuredAt: string }} Reading
 * @typedef {{ reading: Reading, durationMs: number, refusals: string[] }} Acknowledged from when it was due to its 2xx
 */

/**
 * The readings of a run. Every hundredth is above the limit; every fiftieth of the others is the limit itself, which is not.
 *
 * @param {{ run: string, count: number, limit: number }} options
 * @returns {Omit<Reading, 'measuredAt'>[]}
 */
export function planReadings({ run, count, limit }) {
  return Array.from({ length: count }, (_, n) => {
    const usual = 18 + ((n * 7) % 80) / 10;
    const temperature = n % 100 === 99 ? limit + 0.1 + (n % 7) : n % 50 === 0 ? limit : usual;
    const sensor = `sensor-${n % 100}`;
    return { id: `${run}-${n}`, sensor, room: `room-${n % roomCount}`, temperature: rounded(temperature) };
  });
}

/**
 * Rejects when a reading was not acknowledged after all of its tries.
 *
 * @param {{ url: string, secret: string, perSecond: number, readings: Omit<Reading, 'measuredAt'>[] }} options
 * @returns {Promise<{ acknowledged: Acknowledged[], durationMs: number }>} in all
 */
export async function sendReadings({ url, secret, perSecond, readings }) {
  const signer = await createSigner(secret);
  const startedAtMs = performance.now();
  /** @type {Promise<Acknowledged>[]} */
  const answers = [];
  /** @type {Map<string, Promise<unknown>>} a sensor sends its readings one after the other */
  const busy = new Map();
  while (answers.length < readings.length) {
    const dueCount = Math.ceil(((performance.now() - startedAtMs) / 1000) * perSecond);
    for (const planned of readings.slice(answers.length, dueCount)) {
      const dueAtMs = startedAtMs + (answers.length / perSecond) * 1000;
      const reading = { ...planned, measuredAt: new Date(performance.timeOrigin + dueAtMs).toISOString() };
      const before = busy.get(reading.sensor) ?? Promise.resolve();
      const answer = before.then(() => untilAcknowledged({ url, signer, reading, dueAtMs }));
      busy.set(reading.sensor, answer);
      // What fails is heard where all answers are awaited.
      answer.catch(() => {});
      answers.push(answer);
    }
    await pause(tickMs);
  }
  const acknowledged = await Promise.all(answers);
  return { acknowledged, durationMs: performance.now() - startedAtMs };
}

/**
 * @param {{ url: string, signer: import('@posthorn/webhooks').Signer, reading: Reading, dueAtMs: number }} parts
 * @returns {Promise<Acknowledged>}
 */
async function untilAcknowledged({ url, signer, reading, dueAtMs }) {
  const body = JSON.stringify({ type: 'sensor.reading', timestamp: reading.measuredAt, data: reading });
  /** @type {string[]} */
  const refusals = [];
  while (refusals.length < triesMax) {
    const headers = {
      ...(await signer.sign(reading.id, Math.floor(Date.now() / 1000), body)),
      'content-type': 'application/json',
    };
    const init = { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) };
    const refusal = await fetch(url, init).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok ? '' : `status ${response.status}`;
      },
      ({ name, cause }) => cause?.code ?? name,
    );
    if (refusal === '') return { reading, durationMs: performance.now() - dueAtMs, refusals };
    refusals.push(refusal);
    await pause(tryAgainAfterMs * refusals.length);
  }
  throw new Error(`the reading ${reading.id} was never acknowledged: ${refusals.join(', ')}`);
}

/** @param {number} temperature one digit behind the point */
const rounded = (temperature) => Math.round(temperature * 10) / 10;
