// @ts-check
// Verdicts for people.

/** @param {import('./checker.mjs').Verdict} verdict @param {{ seed: number, ms: number }} about */
export function reportLines({ ok, rules, counts }, { seed, ms }) {
  const lines = Object.entries(rules).map(
    ([name, { title, count }]) =>
      `  ${count === 0 ? 'holds  ' : 'BROKEN '} ${name.padEnd(3)} ${title}${count ? `: ${count}` : ''}`,
  );
  for (const [name, { examples }] of Object.entries(rules)) {
    for (const example of examples) lines.push(`    ${name}: ${example}`);
  }
  if (!('I10' in rules)) lines.push('  not run I10: --inbound runs it');
  const { acked = 0, lost = 0, duplicates = 0, duplicatesBound = 0, longestResumeMs = 0 } = counts;
  const faults = Object.entries(counts)
    .filter(([name]) => name.startsWith('fault_'))
    .map(([name, count]) => `${count} ${name.slice('fault_'.length)}`);
  lines.push(
    `  accepted ${acked}, lost ${lost}, refused ${counts['refused']}, ambiguous ${counts['ambiguous']}`,
  );
  lines.push(
    `  delivered ${counts['delivered']}, exhausted ${counts['exhausted']}, cancelled ${counts['cancelled']}, requests ${counts['requests']}`,
  );
  if ('I10' in rules) {
    const { sentInAll = 0, answered2xx = 0, countedAsRepeated = 0, setAside = 0 } = counts;
    lines.push(
      `  requests sent ${sentInAll}, answered with 2xx ${answered2xx}, counted as repeated ${countedAsRepeated}, set aside ${setAside}`,
    );
  }
  lines.push(`  in order ${counts['inOrder']}`);
  lines.push(`  duplicates ${duplicates}, in flight at kills, freezes and long outages ${duplicatesBound}`);
  lines.push(
    `  duplicates after a record that a fault kept from the database for a while ${counts['recordedLate']}`,
  );
  lines.push(`  faults: ${faults.join(', ') || 'none'}`);
  lines.push(
    `  longest takeover ${longestResumeMs} ms, latest first attempt ${counts['latestFirstMs']} ms after it was accepted, latest retry ${counts['latestRetryMs']} ms after its time, checked in ${((counts['checkMs'] ?? 0) / 1000).toFixed(1)} s`,
  );
  if (lost === 0 && acked > 0) {
    lines.push(
      `  rule of three: 0 of ${acked} lost, so with 95 % confidence fewer than ${(3 / acked).toExponential(1)} of messages`,
    );
  }
  lines.push(`${ok ? 'PASSED' : 'FAILED'} in ${Math.round(ms / 1000)} s, --seed ${seed}`);
  return lines;
}
