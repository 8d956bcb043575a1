// The command line of `npm run bench`.
import { parseArgs } from 'node:util';

export const caseNames = [
  'one',
  'latency',
  'idle',
  'fanout',
  'apps',
  'large',
  'batch',
  'fifo',
  'inbound',
  'hanging',
  'flood',
  'drain',
  'memory',
  'backlog',
] as const;
export type CaseName = (typeof caseNames)[number];
const shortCases: readonly CaseName[] = ['one', 'latency', 'idle'];

export interface Options {
  cases: readonly CaseName[];
  /** Fewer rounds, shorter windows. */
  isShort: boolean;
  windowMs: number;
  rounds: number;
  /** For the cases at a fixed rate; half of the measured maximum when unset. */
  ratePerSecond?: number;
  backlogRows: number;
  backlogEndpoints: number;
  json: boolean;
  write: boolean;
  profile: boolean;
}

export const usage = `npm run bench [-- OPTIONS]

Measures Posthorn, and beside it a relay that stores nothing, on this machine. Takes about a minute and a half.

  --case NAME            one case, may be repeated: ${caseNames.join(', ')}
  --all                  every case, at full length
  --duration SECONDS     length of one measured window
  --rounds N             how often each server has its turn
  --rate N               messages a second where the rate is fixed
  --backlog-rows N       rows of the case backlog (10000000), and of memory when fewer than a million
  --backlog-endpoints N  endpoints of the case backlog (100000)
  --profile              the functions of Posthorn that use the most CPU, by case; slows it
  --json                 one JSON object on stdout
  --write                keeps the results in bench/results.json and writes docs/benchmarks.md from it
  --help                 this text
`;

const shortWindowMs = 2_500;
const fullWindowMs = 5_000;
const shortRounds = 3;
const fullRounds = 5;
const defaultBacklogRows = 10_000_000;
const defaultBacklogEndpoints = 100_000;

/** The options, or what is wrong with them; 'help' when help was asked for. */
export function parseOptions(args: readonly string[]): Options | { problem: string } | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        case: { type: 'string', multiple: true, default: [] },
        all: flag,
        duration: text,
        rounds: text,
        rate: text,
        'backlog-rows': text,
        'backlog-endpoints': text,
        profile: flag,
        json: flag,
        write: flag,
        help: flag,
      },
    }));
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return 'help';
  const chosen = values.case.flatMap((list) => list.split(','));
  const unknown = chosen.filter((name) => !isCaseName(name));
  if (unknown.length > 0) return { problem: `there is no case ${unknown.join(', ')}` };
  // The profiler slows Posthorn and not the relay.
  if (values.profile && values.write)
    return { problem: '--profile changes what it measures: not together with --write' };
  const isShort = !values.all && chosen.length === 0;
  const numbers = ['duration', 'rounds', 'rate', 'backlog-rows', 'backlog-endpoints'] as const;
  const wrong = numbers.filter((name) => values[name] !== undefined && !(Number(values[name]) > 0));
  if (wrong.length > 0) return { problem: `--${wrong.join(', --')} takes a number above 0` };
  const number = (name: (typeof numbers)[number], otherwise: number) => Number(values[name] ?? otherwise);
  return {
    cases: values.all ? caseNames : isShort ? shortCases : chosen.filter(isCaseName),
    isShort,
    windowMs: number('duration', (isShort ? shortWindowMs : fullWindowMs) / 1_000) * 1_000,
    rounds: number('rounds', isShort ? shortRounds : fullRounds),
    backlogRows: number('backlog-rows', defaultBacklogRows),
    backlogEndpoints: number('backlog-endpoints', defaultBacklogEndpoints),
    json: values.json,
    write: values.write,
    profile: values.profile,
    ...(values.rate === undefined ? {} : { ratePerSecond: Number(values.rate) }),
  };
}

function isCaseName(name: string): name is CaseName {
  return (caseNames as readonly string[]).includes(name);
}
