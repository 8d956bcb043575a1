// A thread that runs transformations, one after the other. It is ended from outside when one does not stop.
import { parentPort } from 'node:worker_threads';
import { systemClock } from '../../lib/clock.ts';
import { startRunTimer } from './run-timer.ts';
import { Sandbox, type SandboxJob } from './sandbox.ts';

const sandbox = new Sandbox(() => startRunTimer(systemClock));

parentPort?.on('message', (job: SandboxJob) => {
  // What rejects here is a fault of the sandbox: the thread ends, and with it whatever state it was in.
  void sandbox.run(job).then((result) => parentPort?.postMessage(result, []));
});
void sandbox.prepare().then(() => parentPort?.postMessage('ready', []));
