// A vitest reporter that prints nothing: it counts the run and writes the result as JSON to $TEST_SUMMARY_FILE,
// for scripts/test.mjs to print when everything else has been said.
import { writeFileSync } from 'node:fs';

/** What is written: `{ passed, failed, skipped: [{ name, reason }], repeated: [{ name, reason }], isSelection }`, counts of test cases. */
export default class CountReporter {
  onInit(vitest) {
    this.isSelection = Boolean(vitest.config.testNamePattern);
  }

  onTestRunEnd(modules, unhandledErrors) {
    // An error outside any test case is a failure too; it counts as one, or a broken file would count as nothing.
    const { isSelection } = this;
    const summary = { passed: 0, failed: unhandledErrors.length, skipped: [], repeated: [], isSelection };
    for (const module of modules) countModule(module, summary);
    writeFileSync(process.env.TEST_SUMMARY_FILE, JSON.stringify(summary));
  }
}

function countModule(module, summary) {
  const failedBefore = summary.failed;
  for (const test of module.children.allTests()) countTest(test, module, summary);
  const brokenHooks = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
  summary.failed += brokenHooks.length;
  if (module.state() === 'failed' && summary.failed === failedBefore) summary.failed += 1;
}

function countTest(test, module, summary) {
  const { state, note } = test.result();
  const name = `${module.relativeModuleId} > ${test.fullName}`;
  if (state === 'passed') summary.passed += 1;
  else if (state === 'failed') summary.failed += 1;
  else {
    const reason = note ?? whyNotRun(test);
    summary.skipped.push({ name, reason });
  }
  const { errors } = test.result();
  if (test.diagnostic()?.flaky) summary.repeated.push({ name, reason: errors?.[0]?.message ?? 'no error' });
}

function whyNotRun(test) {
  if (test.options.mode === 'todo') return 'todo';
  if (test.options.mode === 'skip') return 'marked as skipped, without a reason';
  return 'not run: the run was stopped, or the setup of its suite failed';
}
