// One attempt, up to the moment at which it is sent.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseSubnets } from '../src/core/address.ts';
import { AccessTokens } from '../src/delivery/access-tokens.ts';
import { createAttempt } from '../src/delivery/attempt.ts';
import { ConfigCache } from '../src/delivery/config-cache.ts';
import { createHttpConnector } from '../src/delivery/connectors/http.ts';
import { createPrepare } from '../src/delivery/prepare.ts';
import { systemClock } from '../src/lib/clock.ts';
import { secretOwner } from '../src/store/endpoints.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { openTestStore, type TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';
import { makeWork } from './support/work.ts';

let store: TestStore;
let receiver: Recorder;

beforeAll(async () => {
  [store, receiver] = await Promise.all([openTestStore(), startRecorder()]);
});
afterAll(() => Promise.all([store.stop(), receiver.stop()]));

it('is not sent when others may have taken the delivery over while the configuration was awaited', async () => {
  const { pool } = store;
  const { id: applicationId, endpointIds } = await store.makeApplication(1);
  const endpointId = endpointIds[0]!;
  const box = createSecretBox(randomBytes(32));
  await pool.query('update posthorn.endpoint set url = $1 where id = $2', [receiver.url, endpointId]);
  await pool.query(
    'insert into posthorn.endpoint_secret (id, endpoint_id, secret_sealed) values ($1, $2, $3)',
    [
      store.newId('sec_'),
      endpointId,
      box.seal(`whsec_${randomBytes(24).toString('base64')}`, secretOwner(endpointId)),
    ],
  );
  const rules = { allowHttp: true, allowSubnets: parseSubnets('127.0.0.0/8').subnets };
  const connector = createHttpConnector({ ...rules, userAgent: 'test', clock: systemClock });
  const lease = { isOurs: true };
  const attempt = createAttempt({
    configs: new ConfigCache({ pool, box, clock: systemClock }),
    connector,
    tokens: new AccessTokens({ connector, clock: systemClock }),
    prepare: createPrepare('test'),
    transform: () => Promise.reject(new Error('nothing is transformed here')),
    act: () => Promise.reject(new Error('nothing is done here')),
    maySend: () => lease.isOurs,
    eventTypeOf: () => Promise.resolve('x'),
    policy: { delaysSeconds: [0], jitterRatio: 0, retryAfterSecondsMax: 1 },
    attemptTimeoutMs: 5_000,
    clock: systemClock,
    newId: store.newId,
    random: () => 0,
  });
  const work = makeWork(endpointId, 2, { applicationId, messageId: store.newId('msg_') });
  const holder = await pool.connect();
  await holder.query('begin');
  await holder.query('lock table posthorn.endpoint_secret in access exclusive mode');
  const attempting = attempt(work);
  await waitFor(() => store.count('pg_locks where not granted'), { what: 'the configuration to wait' });
  lease.isOurs = false;
  await holder.query('rollback');
  holder.release();
  expect(await attempting).toEqual({ postponedMs: 0 });
  expect(receiver.requests).toEqual([]);
  lease.isOurs = true;
  expect(await attempt(work)).toMatchObject({ settled: { transition: { state: 'succeeded' } } });
  expect(receiver.requests).toHaveLength(1);
  await connector.close();
});
