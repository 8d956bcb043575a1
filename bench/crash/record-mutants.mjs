// @ts-check
// Planted bugs of what is decided and recorded after an attempt: no fault is needed to find them.
import { onlyOf } from './plan.mjs';

/** @satisfies {Record<string, import('./mutants.mjs').Scenario>} */
export const recordScenarios = {
  failing: {
    events: 1_300,
    processes: 1,
    faults: [],
    perSecond: 100,
    mix: onlyOf(['flaky', 'retry_after', 'gone']),
    stuckMs: 40_000,
  },
};

export const recordMutants = /** @type {const} */ ([
  {
    name: '2xx read as a failure',
    scenario: 'calm',
    breaks: ['I4'],
    edits: [
      {
        file: 'core/outcome.js',
        find: 'return status >= 200 && status <= 299',
        put: 'return status >= 200 && status <= 299 && Math.random() < 0.9',
      },
    ],
  },
  {
    name: 'no delivery for some, at an endpoint that is disabled later',
    scenario: 'switching',
    breaks: ['I1'],
    edits: [
      {
        file: 'core/matching.js',
        find: 'if (subscription.disabled)',
        put: 'if (subscription.disabled || Math.random() < 0.5)',
      },
    ],
  },
  {
    name: "a failed attempt's row is not written",
    scenario: 'failing',
    breaks: ['I9'],
    edits: [
      {
        file: 'store/settle-deliveries.js',
        find: '(settled.attempt ? [',
        put: "(settled.attempt?.outcome.kind === 'accepted' ? [",
      },
    ],
  },
  {
    name: 'what was delivered is exhausted',
    scenario: 'calm',
    breaks: ['I9'],
    edits: [
      {
        file: 'core/settle.js',
        find: "state: 'succeeded', attempts",
        put: "state: random() < 0.1 ? 'exhausted' : 'succeeded', attempts",
      },
    ],
  },
  {
    name: 'retried at once',
    scenario: 'failing',
    breaks: ['I5'],
    edits: [
      {
        file: 'core/retry-schedule.js',
        find: 'return Math.round(seconds * 1000 * (1 + policy.jitterRatio * random()));',
        put: 'return 0;',
      },
    ],
  },
  {
    name: 'Retry-After ignored',
    scenario: 'failing',
    breaks: ['I5'],
    edits: [
      { file: 'core/retry-after.js', find: "const text = value?.trim() ?? '';", put: "const text = '';" },
    ],
  },
  {
    name: 'first attempts come late',
    scenario: 'failing',
    breaks: ['I5'],
    edits: [
      {
        file: 'delivery/engine.js',
        find: 'const firstDelayMs = (policy.delaysSeconds[0] ?? 0) * 1000;',
        put: 'const firstDelayMs = 20_000;',
      },
    ],
  },
  {
    name: '410 does not disable',
    scenario: 'failing',
    breaks: ['I6'],
    edits: [{ file: 'core/settle.js', find: 'endpointGone: true', put: 'endpointGone: false' }],
  },
]);
