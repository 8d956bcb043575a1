// @ts-check
// The command line of `npm run crash`.
import { parseArgs } from 'node:util';

export const usage = `npm run crash [-- options]
  --events N      events to have accepted (50000)
  --kills N       SIGKILLs of Posthorn processes (60)
  --seconds S     squeeze or stretch the faults into S seconds
  --seed N        repeats a schedule of faults and events
  --processes N   Posthorn processes (3)
  --inbound       sends requests of GitHub to sources, some several times at once, instead of messages to the API
                  with --mutants: only the bugs of the gateway
  --copies N      with --inbound: every request N times at once; without kills, as fast as answers come
  --mutants       plants one bug after the other, and expects each to be caught
  --fail-points   kills a process at each step of accepting and delivering
  --times N       with --fail-points: how often at each (5)
  --short         about a minute: a few faults of each kind, all fail-points in one run, or three planted bugs
  --only NAME     with --mutants or --fail-points: only those whose name contains NAME; may be given again
  --no-disk-full  leaves the full disk out
  --keep          keeps journals, logs, and what came of the run with the time of every fault
  --check DIR     judges what --keep kept in DIR once more, without a run; starts the PostgreSQL that is in there
                  with --write: its verdict takes the place of the one that is kept of the same run
  --json          one JSON document on stdout, progress on stderr
  --write         keeps the result in bench/results.json and writes docs/benchmarks.md from it
`;

/**
 * @typedef {ReturnType<typeof readOptions>} Options
 * @param {string[]} args
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: 'string', default: '50000' },
      kills: { type: 'string', default: '60' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      processes: { type: 'string', default: '3' },
      inbound: { type: 'boolean', default: false },
      copies: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      'fail-points': { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      times: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true, default: [] },
      'no-disk-full': { type: 'boolean', default: false },
      'disk-full-folder': { type: 'string' },
      keep: { type: 'boolean', default: false },
      check: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.copies !== undefined && !values.inbound) throw new Error('--copies needs --inbound');
  return {
    events: number(values.events, 'events'),
    kills: number(values.kills, 'kills', 0),
    seconds: values.seconds === undefined ? undefined : number(values.seconds, 'seconds', 5),
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : number(values.seed, 'seed', 0),
    processes: number(values.processes, 'processes'),
    inbound: values.inbound,
    copies: values.copies === undefined ? undefined : number(values.copies, 'copies'),
    mutants: values.mutants,
    failPoints: values['fail-points'],
    short: values.short,
    times: number(values.times, 'times'),
    only: values.only,
    diskFull: !values['no-disk-full'],
    diskFullFolder: values['disk-full-folder'],
    keep: values.keep,
    check: values.check,
    json: values.json,
    write: values.write,
    help: values.help,
  };
}

/** @param {string | undefined} text @param {string} name @param {number} [least] */
function number(text, name, least = 1) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${name} must be a whole number from ${least} up`);
  return value;
}
