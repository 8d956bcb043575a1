// @ts-check
// The command line of `npm run fuzz:http`.
import { parseArgs } from 'node:util';

export const usage = `npm run fuzz:http [-- options]
  Sends malformed requests to the doors of sources, /in/..., and watches the process, its memory and its other senders.
  --seconds S   how long (60)
  --seed N      repeats the cases
  --case NAME   only those whose name begins with NAME; may be given again
  --json        one JSON document on stdout, progress on stderr
`;

/** @typedef {ReturnType<typeof readOptions>} Options @param {string[]} args */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      case: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { case: cases, json, help } = values;
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error('--seconds takes a number above 0');
  if (!Number.isInteger(seed)) throw new Error('--seed takes a whole number');
  return { seconds, seed, cases, json, help };
}
