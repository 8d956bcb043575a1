// CPU time and memory of processes, from /proc (Linux). Elsewhere everything reads as zero.
import { readdirSync, readFileSync } from 'node:fs';

// The kernel reports CPU time in units of 10 ms (USER_HZ), on every architecture that Node runs on.
const tickMs = 10;
const kibibyte = 1_024;
// Fields of /proc/<pid>/stat after the command, which stands in parentheses and can hold anything.
const field = { parent: 1, user: 11, system: 12, waitedUser: 13, waitedSystem: 14 } as const;

interface Stat {
  pid: number;
  parent: number;
  cpuMs: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (index: number) => Number(fields[index]);
    const { user, system, waitedUser, waitedSystem } = field;
    const ticks = at(user) + at(system) + at(waitedUser) + at(waitedSystem);
    return { pid, parent: at(field.parent), cpuMs: ticks * tickMs };
  } catch {
    return undefined;
  }
}

function processTree(root: number): Stat[] {
  const all: Stat[] = [];
  for (const name of listProc()) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat) all.push(stat);
  }
  const inside = all.filter(({ pid }) => pid === root);
  for (const member of inside) inside.push(...all.filter(({ parent }) => parent === member.pid));
  return inside;
}

function listProc(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

/** Milliseconds of CPU used so far by the process, its descendants, and those of them that have ended. */
export function cpuMs(root: number): number {
  return processTree(root).reduce((sum, { cpuMs: own }) => sum + own, 0);
}

/** Bytes of physical memory that the process (not its descendants) has used at most. */
export function rssMaxBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * kibibyte;
  } catch {
    return 0;
  }
}
