// Names the process-id space this process lives in, so that its neighbours there can tell whether it still runs.
import { readFile, readlink } from 'node:fs/promises';

/** The boot of the machine and the namespace of its process ids; null where the system does not tell them. */
export async function processIdSpace(): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}
