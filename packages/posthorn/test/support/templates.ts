// Templates with their thread as it was built.
import { Templates } from '../../src/delivery/connectors/templates.ts';
import { systemClock } from '../../src/lib/clock.ts';

const workerUrl = new URL('../../dist/delivery/connectors/template-worker.js', import.meta.url);

/** The thread starts with the first template that is filled, and keeps nobody up. */
export function testTemplates(): Templates {
  return new Templates({ clock: systemClock, workerUrl });
}
