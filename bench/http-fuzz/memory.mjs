// @ts-check
// The memory of a process, as Linux counts it.
import { readFileSync } from 'node:fs';

const everyMs = 100;
const kibibytesOfMebibyte = 1024;

/** @param {() => number} pid */
export function watchMemory(pid) {
  const rss = { startMiB: rssOf(pid()), maxMiB: 0, endMiB: 0 };
  const timer = setInterval(() => {
    rss.endMiB = rssOf(pid());
    rss.maxMiB = Math.max(rss.maxMiB, rss.endMiB);
  }, everyMs);
  return { rss, stop: () => clearInterval(timer) };
}

/** @param {number} pid */
function rssOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / kibibytesOfMebibyte);
  } catch {
    return 0;
  }
}
