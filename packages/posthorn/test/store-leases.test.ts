// Leases and processes: what a dead process held comes back exactly once, and whoever was away too long changes nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acceptMessages } from '../src/store/accept-messages.ts';
import { claimDeliveries } from '../src/store/claim-deliveries.ts';
import { forgetProcess, type Lease, listLeases, recoverLeases, releaseLeases } from '../src/store/leases.ts';
import { listNeighbours, recordHeartbeat, registerProcess } from '../src/store/processes.ts';
import { requestResend } from '../src/store/resend.ts';
import { settleDeliveries } from '../src/store/settle-deliveries.ts';
import { inTransaction } from '../src/store/transaction.ts';
import { openTestStore, settledAs } from './support/store.ts';
import type { TestApplication, TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

const silentMaxMs = 15_000;
const anybody = Array.from({ length: 1_000 }, (_, i) => i);
const failingMaxMs = 3_600_000;
const plenty = { endpointsMax: 1_000, perEndpointMax: 1_000, bytesMax: 1e9, fullEndpoints: [] };
/** Leased to a process that is not registered: nobody would ever look for these. */
const orphaned = `posthorn.delivery d where d.state = 'delivering'
  and not exists (select from posthorn.process p where p.id = d.lease_owner)`;

let store: TestStore;
let application: TestApplication;

beforeAll(async () => {
  store = await openTestStore();
  application = await store.makeApplication(2);
});
afterAll(() => store.stop());
beforeEach(() =>
  store.pool.query(
    'truncate posthorn.message, posthorn.delivery, posthorn.attempt, posthorn.endpoint_due, posthorn.process',
  ),
);

const silence = (id: number, ms = silentMaxMs + 1_000) =>
  store.pool.query("update posthorn.process set heartbeat_at = now() - $2 * interval '1 ms' where id = $1", [
    id,
    ms,
  ]);
const recover = (...deadIds: number[]) =>
  recoverLeases(store.pool, silentMaxMs, { deadIds, silentIds: anybody });
const beat = (id: number) => recordHeartbeat(store.pool, id, silentMaxMs);
const byMessage = (a: Lease, b: Lease) =>
  `${a.messageId}${a.endpointId}` < `${b.messageId}${b.endpointId}` ? -1 : 1;

describe('recovery', () => {
  it('frees what a silent process held, and nothing of those that live', async () => {
    const [dead, alive] = [await store.makeProcess(), await store.makeProcess()];
    const held = await store.lease(application, alive, 2);
    await store.lease(application, dead, 3);
    await silence(dead);
    await silence(alive, silentMaxMs - 10_000);
    expect(await recover()).toEqual({ processIds: [dead], deliveryCount: 6 });
    expect((await listLeases(store.pool, alive)).sort(byMessage)).toEqual(held.toSorted(byMessage));
    expect(await listLeases(store.pool, dead)).toEqual([]);
    expect(await store.count("posthorn.delivery where state = 'pending' and lease_owner is null")).toBe(6);
    const due = await store.due();
    for (const endpointId of application.endpointIds) expect(due.get(endpointId)).toBeLessThanOrEqual(0);
    expect(await store.count('posthorn.process where id = $1', [dead])).toBe(0);
    expect(await recover()).toEqual({ processIds: [], deliveryCount: 0 });
  });

  it('frees at once what a process held that is known to be dead', async () => {
    const [dead, alive] = [await store.makeProcess(), await store.makeProcess()];
    await store.lease(application, dead);
    await store.lease(application, alive);
    expect(await recover(dead, 1_000_000)).toEqual({ processIds: [dead], deliveryCount: 2 });
    expect(await listLeases(store.pool, alive)).toHaveLength(2);
  });

  it('keeps the count of attempts: a first one waits as pending, a later one as retrying, both due now', async () => {
    const dead = await store.makeProcess();
    const [first, later] = await store.lease(application, dead);
    await store.pool.query('update posthorn.delivery set attempts = 2 where endpoint_id = $1', [
      later!.endpointId,
    ]);
    await recover(dead);
    const stateOf = new Map((await store.deliveries()).map((row) => [row.endpoint_id, row]));
    expect(stateOf.get(first!.endpointId)).toMatchObject({ state: 'pending', attempts: 0, lease_seq: 1 });
    expect(stateOf.get(later!.endpointId)).toMatchObject({ state: 'retrying', attempts: 2, lease_seq: 1 });
    expect(stateOf.get(later!.endpointId)?.next_in_ms).toBeLessThanOrEqual(0);
  });

  it('by ten survivors at the same time happens exactly once', async () => {
    const dead = await Promise.all([1, 2, 3].map(() => store.makeProcess()));
    for (const id of dead) {
      await store.lease(application, id, 20);
      await silence(id);
    }
    const results = await Promise.all(Array.from({ length: 10 }, () => recover()));
    expect(results.flatMap(({ processIds }) => processIds).sort()).toEqual(dead.toSorted());
    expect(results.reduce((sum, { deliveryCount }) => sum + deliveryCount, 0)).toBe(3 * 20 * 2);
    expect(await store.count("posthorn.delivery where state = 'delivering'")).toBe(0);
  });

  it('leaves the old holder nothing: its settlement is refused before and after the next claim', async () => {
    const [zombie, survivor] = [await store.makeProcess(), await store.makeProcess()];
    const [lease] = await store.lease(application, zombie);
    const settleAsZombie = async () => {
      const settled = settledAs(lease!, { state: 'exhausted', attempts: 1 }, { id: store.newId('atmpt_') });
      return (await settleDeliveries(store.pool, [settled], failingMaxMs)).movedCount;
    };
    await recover(zombie);
    expect(await settleAsZombie()).toBe(0);
    const claimed = await claimDeliveries(store.pool, survivor, plenty);
    expect(claimed.map(({ leaseSeq }) => leaseSeq)).toEqual([2, 2]);
    expect(await settleAsZombie()).toBe(0);
    expect(await releaseLeases(store.pool, [lease!])).toBe(0);
    expect(await store.count('posthorn.delivery where lease_owner = $1', [survivor])).toBe(2);
  });

  it('finds a process that beats again alive, and one that was buried dead', async () => {
    const id = await store.makeProcess();
    await silence(id);
    expect((await beat(id)).alive).toBe(true);
    expect((await recover()).processIds).toEqual([]);
    await silence(id);
    await recover();
    expect((await beat(id)).alive).toBe(false);
  });

  it('and a heartbeat at the same moment: either it is alive with its leases, or dead without', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await store.makeProcess();
      await store.lease(application, id);
      await silence(id);
      const [{ alive }, recovered] = await Promise.all([beat(id), recover()]);
      expect(recovered.processIds).toEqual(alive ? [] : [id]);
      expect(await listLeases(store.pool, id)).toHaveLength(alive ? 2 : 0);
      await recover(id);
    }
  });

  it('waits for nobody: a process that is leasing at this moment is left for the next time', async () => {
    const id = await store.makeProcess();
    await store.lease(application, id);
    await silence(id);
    await inTransaction(store.pool, async (client) => {
      await client.query('select from posthorn.process where id = $1 for key share', [id]);
      expect(await recover()).toEqual({ processIds: [], deliveryCount: 0 });
    });
    expect(await recover()).toEqual({ processIds: [id], deliveryCount: 2 });
  });

  it('is not held up for long by a frozen process with an open transaction', async () => {
    // The transaction of a process that was stopped, or whose machine died, keeps its locks until PostgreSQL ends it.
    const { rows } = await store.pool.query<{ ms: number }>(
      "select (extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval) * 1000)::float8 as ms",
    );
    const timeoutMs = rows[0]!.ms;
    expect(timeoutMs).toBeGreaterThan(0);
    expect(timeoutMs).toBeLessThanOrEqual(silentMaxMs);
  });

  it('of a resend keeps what was planned: a second resend makes no automatic attempt of it', async () => {
    const [dead, alive] = [await store.makeProcess(), await store.makeProcess()];
    const [lease] = await store.lease(application, dead);
    const ended = settledAs(lease!, { state: 'exhausted', attempts: 1 }, { id: store.newId('atmpt_') });
    await settleDeliveries(store.pool, [ended], failingMaxMs);
    const { applicationId, messageId, endpointId } = lease!;
    const resend = () => requestResend(store.db.queries, { applicationId, messageId, endpointId });
    await resend();
    expect(await claimDeliveries(store.pool, dead, plenty)).toMatchObject([{ trigger: 'manual' }]);
    await recover(dead);
    expect(await resend()).toBe('scheduled');
    const claimed = await claimDeliveries(store.pool, alive, plenty);
    const again = claimed.find((work) => work.messageId === messageId && work.endpointId === endpointId);
    expect(again).toMatchObject({ trigger: 'manual', attempts: 1, hasResumeAt: false });
  });
});

describe('nothing stays leased to a process that is gone', () => {
  const endWhileBusy = async (
    end: (id: number) => Promise<unknown>,
    busy: (id: number) => Promise<unknown>,
  ) => {
    for (let round = 0; round < 25; round += 1) {
      const id = await store.makeProcess();
      await Promise.all([busy(id), busy(id), end(id), busy(id), busy(id)]);
      // Recovery passes over a process that is leasing at that moment; it comes back every few seconds.
      await waitFor(async () => {
        await end(id);
        return (await store.count('posthorn.process where id = $1', [id])) === 0;
      });
      expect(await store.count(orphaned)).toBe(0);
    }
  };
  const acceptAs = (id: number) =>
    acceptMessages(store.pool, [store.makeMessage(application), store.makeMessage(application)], {
      owner: id,
      firstDelayMs: 0,
    });
  const claimAs = async (id: number) => {
    await acceptMessages(store.pool, [store.makeMessage(application, { leased: false })], {
      owner: id,
      firstDelayMs: 0,
    });
    await claimDeliveries(store.pool, id, { ...plenty, perEndpointMax: 3 });
  };

  it('when it accepts while others recover it', async () => {
    await endWhileBusy((id) => recover(id), acceptAs);
    expect(await store.count('posthorn.delivery')).toBe(25 * 4 * 2 * 2);
  });

  it('when it claims while others recover it', async () => {
    await endWhileBusy((id) => recover(id), claimAs);
  });

  it('when it is forgotten with leases left', async () => {
    const id = await store.makeProcess();
    await store.lease(application, id);
    await forgetProcess(store.pool, id);
    expect(await store.count(orphaned)).toBe(0);
    expect((await store.due()).size).toBe(2);
  });

  it('when it accepts while it is being forgotten', async () => {
    await endWhileBusy((id) => forgetProcess(store.pool, id), acceptAs);
  });
});

describe('a release', () => {
  it('gives back exactly the leases that still hold, due at once', async () => {
    const id = await store.makeProcess();
    const [first, second] = await store.lease(application, id);
    const stale = { ...second!, leaseSeq: second!.leaseSeq + 1 };
    const foreign = { ...second!, leaseOwner: id + 1 };
    expect(await releaseLeases(store.pool, [first!, stale, foreign])).toBe(1);
    expect(await listLeases(store.pool, id)).toEqual([second]);
    expect([...(await store.due()).keys()]).toEqual([first!.endpointId]);
    expect(await claimDeliveries(store.pool, id, plenty)).toMatchObject([
      { endpointId: first!.endpointId, leaseSeq: 2, attempts: 0 },
    ]);
  });

  it('of nothing, of what was settled, and of what was released before changes nothing', async () => {
    const id = await store.makeProcess();
    const [first, second] = await store.lease(application, id);
    await settleDeliveries(
      store.pool,
      [settledAs(first!, { state: 'succeeded', attempts: 1 }, null)],
      failingMaxMs,
    );
    expect(await releaseLeases(store.pool, [])).toBe(0);
    expect(await releaseLeases(store.pool, [first!, second!])).toBe(1);
    expect(await releaseLeases(store.pool, [first!, second!])).toBe(0);
    expect(await store.count("posthorn.delivery where state = 'succeeded'")).toBe(1);
  });
});

describe('processes', () => {
  it('get ids of their own, and know their neighbours on the same host', async () => {
    const register = (host: string | null, pid: number) =>
      registerProcess(store.pool, { host, pid, version: 'test' });
    const own = await register('machine-a', 10);
    const neighbour = await register('machine-a', 11);
    await register('machine-b', 12);
    await register(null, 13);
    expect(await listNeighbours(store.pool, 'machine-a', own)).toEqual([{ id: neighbour, pid: 11 }]);
    await forgetProcess(store.pool, neighbour);
    expect(await listNeighbours(store.pool, 'machine-a', own)).toEqual([]);
  });

  it('learn from their heartbeat whether another one is silent, and not of their own silence', async () => {
    const [own, other] = [await store.makeProcess(), await store.makeProcess()];
    await silence(own);
    expect(await beat(own)).toMatchObject({ alive: true, silentIds: [] });
    await silence(other);
    expect(await beat(own)).toMatchObject({ alive: true, silentIds: [other] });
    await recover();
    expect(await beat(own)).toMatchObject({ alive: true, silentIds: [] });
  });

  it('learn from it how long they were silent themselves, and nothing once they are forgotten', async () => {
    const id = await store.makeProcess();
    await silence(id, 8_000);
    const { wasSilentMs } = await beat(id);
    expect(wasSilentMs).toBeGreaterThanOrEqual(8_000);
    expect((await beat(id)).wasSilentMs).toBeLessThan(8_000);
    await forgetProcess(store.pool, id);
    expect(await beat(id)).toEqual({ alive: false, wasSilentMs: null, silentIds: [] });
  });

  it('that fell silent after the look are not recovered with those that were silent then', async () => {
    const [dead, later] = [await store.makeProcess(), await store.makeProcess()];
    await silence(dead);
    await silence(later);
    expect((await recoverLeases(store.pool, silentMaxMs, { silentIds: [dead] })).processIds).toEqual([dead]);
  });

  it('that beat are fresh by the clock of the database', async () => {
    const id = await store.makeProcess();
    await silence(id);
    await recordHeartbeat(store.pool, id, silentMaxMs);
    expect(
      await store.count("posthorn.process where heartbeat_at > now() - interval '12 s' and id = $1", [id]),
    ).toBe(1);
  });
});
