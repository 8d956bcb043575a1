// @ts-check
// What is left of a run, and the verdict on it. What was kept can be judged once more: a rule that was made stricter is
// held against what was seen before.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { check } from './checker.mjs';
import { startPostgres } from './postgres.mjs';

/** What the checker needs beside the journals and the database, in the folder of the run. */
const evidenceName = 'evidence.json';

/** @typedef {Omit<import('./checker.mjs').Evidence, 'producerPath' | 'receiverPath' | 'databaseUrl'> & { database: string }} KeptEvidence */

/** @param {string} folder of a run */
export const journalsIn = (folder) => ({
  producerPath: join(folder, 'producer.journal'),
  receiverPath: join(folder, 'receiver.journal'),
});

/** @param {string} folder of the run @param {string} databaseUrl @param {KeptEvidence} evidence */
export async function judge(folder, databaseUrl, evidence) {
  await writeFile(join(folder, evidenceName), JSON.stringify(evidence));
  return check({ ...evidence, ...journalsIn(folder), databaseUrl });
}

/** @param {string} folder that `--keep` named; its PostgreSQL is started where it is, and stopped */
export async function checkKept(folder) {
  const startedAt = Date.now();
  const run = join(folder, 'run');
  /** @type {KeptEvidence} */
  const evidence = JSON.parse(
    await readFile(join(run, evidenceName), 'utf8').catch(() => {
      throw new Error(`no run is kept in ${folder}: give the folder that --keep named at the end of a run`);
    }),
  );
  // JSON knows no infinity: null is a fault that never ended.
  const record = evidence.record.map((fault) => ({
    ...fault,
    endMs: fault.endMs ?? Number.POSITIVE_INFINITY,
  }));
  const postgres = await startPostgres(join(folder, 'postgres'));
  try {
    await postgres.untilBack();
    const verdict = await check({
      ...evidence,
      record,
      ...journalsIn(run),
      databaseUrl: postgres.urlOf(evidence.database),
    });
    return { verdict, seed: evidence.seed, ms: Date.now() - startedAt };
  } finally {
    await postgres.stop();
  }
}
