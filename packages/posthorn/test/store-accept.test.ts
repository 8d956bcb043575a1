// Accepting a batch in one statement: what is stored, what is refused, and that nobody blocks anybody.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idFloor } from '../src/lib/ids.ts';
import { acceptMessages, findConflicts } from '../src/store/accept-messages.ts';
import type { MessageToStore, StoredMessage } from '../src/store/accept-messages.ts';
import {
  currentConfigVersion,
  findApplicationConfig,
  loadApplicationConfig,
} from '../src/store/application-config.ts';
import { headersOwner, secretOwner } from '../src/store/endpoints.ts';
import { forgetProcess } from '../src/store/leases.ts';
import { createSecretBox } from '../src/store/secret-box.ts';
import { dayMs, ensurePartitions } from '../src/store/partitions.ts';
import { openTestStore, shuffled } from './support/store.ts';
import type { TestStore } from './support/store.ts';
import { waitFor } from './support/wait.ts';

let store: TestStore;
let owner: number;

beforeAll(async () => {
  store = await openTestStore();
  owner = await store.makeProcess();
});
afterAll(() => store.stop());

const accept = (messages: readonly MessageToStore[], by = owner, firstDelayMs = 0) =>
  acceptMessages(store.pool, messages, { owner: by, firstDelayMs });

const kinds = (results: Map<string, StoredMessage>, messages: readonly MessageToStore[]) =>
  messages.map(({ id }) => results.get(id)?.kind);

const deliveriesOf = async (messageId: string) =>
  (await store.deliveries()).filter((delivery) => delivery.message_id === messageId);

describe('an accepted message', () => {
  it('is stored as it came, with deliveries leased to the process that accepted it', async () => {
    const application = await store.makeApplication(2);
    const payload = Buffer.from([0, 1, 255, 0x22, 0x5c, 0x27]);
    const message = store.makeMessage(application, {
      payload,
      eventId: 'event "1" \\ ü',
      channels: ['eu', 'us'],
      tags: ['a tag', 'ü,{}"'],
    });
    const results = await accept([message]);
    expect(results.get(message.id)).toEqual({
      kind: 'stored',
      createdAt: expect.any(Date),
      leaseGranted: true,
    });
    const { rows } = await store.pool.query(
      `select m.*, b.payload from posthorn.message m join posthorn.message_body b on b.message_id = m.id
       where m.id = $1`,
      [message.id],
    );
    expect(rows[0]).toMatchObject({
      application_id: application.id,
      event_type: 'user.created',
      event_id: message.eventId,
      channels: ['eu', 'us'],
      tags: ['a tag', 'ü,{}"'],
      payload,
      content_type: 'application/json',
      created_at: (results.get(message.id) as { createdAt: Date }).createdAt,
    });
    const deliveries = await deliveriesOf(message.id);
    expect(deliveries.map(({ endpoint_id }) => endpoint_id)).toEqual(application.endpointIds.toSorted());
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({
        state: 'delivering',
        attempts: 0,
        trigger: 'scheduled',
        lease_owner: owner,
        lease_seq: 1,
        next_in_ms: null,
      });
    }
    expect([...(await store.due()).keys()]).not.toContain(application.endpointIds[0]);
  });

  it('without channels, tags, event id and endpoints is stored with nulls and no delivery', async () => {
    const application = await store.makeApplication(0);
    const message = store.makeMessage(application, { channels: [], tags: [] });
    expect(kinds(await accept([message]), [message])).toEqual(['stored']);
    const { rows } = await store.pool.query('select * from posthorn.message where id = $1', [message.id]);
    expect(rows[0]).toMatchObject({ channels: null, tags: null, event_id: null });
    expect(await deliveriesOf(message.id)).toEqual([]);
  });

  it('waits in the database where it was not leased, with its endpoint on the list of those that wait', async () => {
    const application = await store.makeApplication(2);
    const [leasedEndpoint, waitingEndpoint] = application.endpointIds as [string, string];
    const message = store.makeMessage(application, {
      deliveries: [
        { endpointId: leasedEndpoint, leased: true },
        { endpointId: waitingEndpoint, leased: false },
      ],
    });
    await accept([message], owner, 60_000);
    const [leased, waiting] = await deliveriesOf(message.id);
    expect(leased).toMatchObject({ state: 'delivering', lease_owner: owner });
    expect(waiting).toMatchObject({ state: 'pending', lease_owner: null, lease_seq: 0 });
    expect(waiting!.next_in_ms).toBeGreaterThan(50_000);
    expect(waiting!.next_in_ms).toBeLessThanOrEqual(60_000);
    const due = await store.due();
    expect(due.get(waitingEndpoint)).toBeGreaterThan(50_000);
    expect(due.has(leasedEndpoint)).toBe(false);
  });

  it('brings the time at which its endpoint is looked at forward, and never puts it off', async () => {
    const application = await store.makeApplication(1);
    const [endpointId] = application.endpointIds as [string];
    const dueAfter = async (firstDelayMs: number) => {
      await accept([store.makeMessage(application, { leased: false })], owner, firstDelayMs);
      return (await store.due()).get(endpointId)!;
    };
    expect(await dueAfter(60_000)).toBeGreaterThan(50_000);
    expect(await dueAfter(1_000)).toBeLessThanOrEqual(1_000);
    expect(await dueAfter(60_000)).toBeLessThanOrEqual(1_000);
  });

  it('lands in the partitions of the day in its id, and in the default one without such', async () => {
    const application = await store.makeApplication(1);
    const nowMs = Date.UTC(2031, 4, 6, 12);
    await ensurePartitions(store.pool, nowMs, 0);
    const [today, later] = [nowMs, nowMs + dayMs].map((timeMs) =>
      store.makeMessage(application, { id: `${idFloor('msg_', timeMs)}00000000000001` }),
    ) as [MessageToStore, MessageToStore];
    await accept([today, later]);
    const partitionsOf = async (table: 'message' | 'delivery', column: string, id: string) => {
      const sql = `
        select c.relname as name from posthorn.${table} t join pg_class c on c.oid = t.tableoid where t.${column} = $1`;
      return (await store.pool.query<{ name: string }>(sql, [id])).rows.map(({ name }) => name);
    };
    expect(await partitionsOf('message', 'id', today.id)).toEqual(['message_20310506']);
    expect(await partitionsOf('delivery', 'message_id', today.id)).toEqual(['delivery_20310506']);
    expect(await partitionsOf('message', 'id', later.id)).toEqual(['message_default']);
    expect(await partitionsOf('delivery', 'message_id', later.id)).toEqual(['delivery_default']);
  });

  it('has deliveries that wait, and no lease, when the process was declared dead meanwhile', async () => {
    const application = await store.makeApplication(2);
    const dead = await store.makeProcess();
    await forgetProcess(store.pool, dead);
    const message = store.makeMessage(application);
    const results = await accept([message], dead);
    expect(results.get(message.id)).toMatchObject({ kind: 'stored', leaseGranted: false });
    for (const delivery of await deliveriesOf(message.id)) {
      expect(delivery).toMatchObject({ state: 'pending', lease_owner: null, lease_seq: 0 });
      expect(delivery.next_in_ms).toBeLessThanOrEqual(0);
    }
    const due = await store.due();
    for (const endpointId of application.endpointIds) expect(due.get(endpointId)).toBeLessThanOrEqual(0);
  });

  it('and an empty batch are no errors', async () => {
    expect(await accept([])).toEqual(new Map());
    expect(await findConflicts(store.pool, [])).toEqual(new Map());
  });
});

describe('a stale message', () => {
  it('is one that was matched against a configuration that has changed since; nothing of it is stored', async () => {
    const application = await store.makeApplication(1);
    const stale = store.makeMessage(application, {
      eventId: 'stale',
      idempotency: { key: 'stale', fingerprint: Buffer.of(1) },
    });
    await store.pool.query("update posthorn.endpoint set url = 'http://other.test/' where id = $1", [
      application.endpointIds[0],
    ]);
    const fresh = store.makeMessage(await store.makeApplication(1));
    expect(kinds(await accept([stale, fresh]), [stale, fresh])).toEqual(['stale', 'stored']);
    expect(await store.count('posthorn.message where id = $1', [stale.id])).toBe(0);
    expect(await deliveriesOf(stale.id)).toEqual([]);
    const conflicts = (await findConflicts(store.pool, [stale])).get(stale.id);
    expect(conflicts).toEqual({});
  });

  it.each([
    ['its application was deleted', 'update posthorn.application set deleted_at = now() where id = $1'],
    [
      'an endpoint was added',
      "insert into posthorn.endpoint (id, application_id, url) values ('ep_new', $1, 'x')",
    ],
    ['an endpoint was deleted', 'update posthorn.endpoint set deleted_at = now() where application_id = $1'],
    ['an endpoint was disabled', 'update posthorn.endpoint set disabled = true where application_id = $1'],
    [
      'a secret was added',
      `insert into posthorn.endpoint_secret (id, endpoint_id, secret_sealed)
       select 'sec_new', id, '' from posthorn.endpoint where application_id = $1`,
    ],
    ['its application was renamed', "update posthorn.application set name = 'other' where id = $1"],
  ])('is also one of which %s', async (_name, change) => {
    const application = await store.makeApplication(1);
    const message = store.makeMessage(application);
    await store.pool.query(change, [application.id]);
    expect(kinds(await accept([message]), [message])).toEqual(['stale']);
  });

  it('is one of an application that never was', async () => {
    const message = store.makeMessage({ id: 'app_none', configVersion: '1', endpointIds: [] });
    expect(kinds(await accept([message]), [message])).toEqual(['stale']);
  });
});

describe('conflicts', () => {
  const fingerprint = (text: string) => Buffer.from(text.padEnd(32, '.'));

  it('an event id that is taken refuses the message and names who has it', async () => {
    const application = await store.makeApplication(1);
    const [first, second] = [1, 2].map(() => store.makeMessage(application, { eventId: 'e1' })) as [
      MessageToStore,
      MessageToStore,
    ];
    await accept([first]);
    expect(kinds(await accept([second]), [second])).toEqual(['conflict']);
    expect((await findConflicts(store.pool, [second])).get(second.id)).toEqual({ eventIdTakenBy: first.id });
    expect(await deliveriesOf(second.id)).toEqual([]);
  });

  it('event ids and keys of different applications have nothing to do with each other', async () => {
    const more = { eventId: 'shared', idempotency: { key: 'shared', fingerprint: fingerprint('a') } };
    const messages = [
      store.makeMessage(await store.makeApplication(1), more),
      store.makeMessage(await store.makeApplication(1), more),
    ];
    expect(kinds(await accept(messages), messages)).toEqual(['stored', 'stored']);
  });

  it('a key that was used leads to its message, with the fingerprint that tells a repeat from a misuse', async () => {
    const application = await store.makeApplication(1);
    const keyed = (print: string) =>
      store.makeMessage(application, { idempotency: { key: 'k1', fingerprint: fingerprint(print) } });
    const [first, repeat, misuse] = [keyed('a'), keyed('a'), keyed('b')];
    const stored = (await accept([first])).get(first.id) as { createdAt: Date };
    expect(kinds(await accept([repeat, misuse]), [repeat, misuse])).toEqual(['conflict', 'conflict']);
    const conflicts = await findConflicts(store.pool, [repeat, misuse]);
    const key = { messageId: first.id, fingerprint: fingerprint('a'), createdAt: stored.createdAt };
    expect(conflicts.get(repeat.id)).toEqual({ key });
    expect(conflicts.get(misuse.id)).toEqual({ key });
  });

  it('within one batch one of those with the same event id or key wins, and the others are told of it', async () => {
    const application = await store.makeApplication(1);
    const sameEvent = [1, 2, 3].map(() => store.makeMessage(application, { eventId: 'twin' }));
    const sameKey = [1, 2, 3].map(() =>
      store.makeMessage(application, { idempotency: { key: 'twin', fingerprint: fingerprint('a') } }),
    );
    const batch = shuffled([...sameEvent, ...sameKey]);
    const results = await accept(batch);
    const conflicts = await findConflicts(store.pool, batch);
    for (const twins of [sameEvent, sameKey]) {
      const winners = twins.filter(({ id }) => results.get(id)?.kind === 'stored');
      expect(winners).toHaveLength(1);
      for (const { id } of twins) {
        const conflict = conflicts.get(id);
        expect(conflict?.eventIdTakenBy ?? conflict?.key?.messageId).toBe(winners[0]!.id);
      }
    }
    const { rows } = await store.pool.query(
      'select count(*)::integer as messages from posthorn.message where application_id = $1',
      [application.id],
    );
    expect(rows[0]).toEqual({ messages: 2 });
    expect(await store.count('posthorn.delivery where application_id = $1', [application.id])).toBe(2);
  });

  it('a key whose message was itself refused has no message, and repeats get the refusal again', async () => {
    const application = await store.makeApplication(1);
    const first = store.makeMessage(application, { eventId: 'taken' });
    const keyed = () =>
      store.makeMessage(application, {
        eventId: 'taken',
        idempotency: { key: 'refused', fingerprint: fingerprint('a') },
      });
    const [second, repeat] = [keyed(), keyed()];
    await accept([first]);
    expect(kinds(await accept([second]), [second])).toEqual(['conflict']);
    expect(kinds(await accept([repeat]), [repeat])).toEqual(['conflict']);
    const conflict = (await findConflicts(store.pool, [repeat])).get(repeat.id);
    expect(conflict?.eventIdTakenBy).toBe(first.id);
    expect(conflict?.key).toMatchObject({ messageId: second.id, createdAt: null });
  });

  it('of two statements at the same time the later waits for the earlier, and gets what that leaves', async () => {
    const application = await store.makeApplication(1);
    for (const ending of ['commit', 'rollback'] as const) {
      const more = {
        eventId: `wait ${ending}`,
        idempotency: { key: `wait ${ending}`, fingerprint: fingerprint('a') },
      };
      const [first, second] = [store.makeMessage(application, more), store.makeMessage(application, more)];
      const client = await store.pool.connect();
      await client.query('begin');
      const earlier = await acceptMessages(client as never, [first], { owner, firstDelayMs: 0 });
      expect(kinds(earlier, [first])).toEqual(['stored']);
      const later = accept([second]);
      await waitFor(() => store.count("pg_locks where not granted and locktype = 'transactionid'"), {
        what: 'the later statement to wait',
      });
      await client.query(ending);
      client.release();
      expect(kinds(await later, [second])).toEqual([ending === 'commit' ? 'conflict' : 'stored']);
    }
  });

  it('fifty shuffled batches at the same time: one of each wins, and no two deadlock', async () => {
    const pool = store.openPool(25);
    const applications = [await store.makeApplication(3), await store.makeApplication(3)];
    const names = Array.from({ length: 40 }, (_, at) => `race ${at}`);
    const batch = () =>
      shuffled(
        applications.flatMap((application) =>
          names.map((name) =>
            store.makeMessage(application, {
              eventId: name,
              // Keys in another order than the event ids, as they come from strangers.
              idempotency: { key: [...name].toReversed().join(''), fingerprint: fingerprint('a') },
              leased: false,
            }),
          ),
        ),
      );
    const results = await Promise.all(
      Array.from({ length: 50 }, () => acceptMessages(pool, batch(), { owner, firstDelayMs: 0 })),
    );
    const storedKinds = results.flatMap((result) => [...result.values()].map(({ kind }) => kind));
    const wanted = applications.length * names.length;
    expect(storedKinds.filter((kind) => kind === 'stored')).toHaveLength(wanted);
    expect(storedKinds.filter((kind) => kind === 'conflict')).toHaveLength(49 * wanted);
    const ids = applications.map(({ id }) => id);
    expect(await store.count('posthorn.message where application_id = any ($1)', [ids])).toBe(wanted);
    expect(await store.count('posthorn.delivery where application_id = any ($1)', [ids])).toBe(3 * wanted);
  });
});

describe('a statement that fails', () => {
  it('leaves nothing, not even of the messages that were right', async () => {
    const application = await store.makeApplication(1);
    const good = store.makeMessage(application, {
      eventId: 'good',
      idempotency: { key: 'good', fingerprint: Buffer.of(1) },
      leased: false,
    });
    const bad = store.makeMessage(application, { eventType: 'with\0nul' });
    await expect(accept([good, bad])).rejects.toThrow();
    const ofApplication = 'where application_id = $1';
    for (const table of ['message', 'delivery', 'message_event_id', 'idempotency_key', 'endpoint_due']) {
      expect(await store.count(`posthorn.${table} ${ofApplication}`, [application.id])).toBe(0);
    }
    expect(kinds(await accept([good]), [good])).toEqual(['stored']);
  });
});

describe('the configuration that messages are matched against', () => {
  const box = createSecretBox(randomBytes(32));

  async function addSecret(endpointId: string, text: string, expires: string): Promise<void> {
    const sealed = box.seal(text, secretOwner(endpointId));
    await store.pool.query(
      `insert into posthorn.endpoint_secret (id, endpoint_id, secret_sealed, expires_at)
       values ($1, $2, $3, ${expires})`,
      [store.newId('sec_'), endpointId, sealed],
    );
  }

  const environmentOf = async (applicationId: string) =>
    (
      await store.pool.query<{ id: string }>(
        'select environment_id as id from posthorn.application where id = $1',
        [applicationId],
      )
    ).rows[0]!.id;

  it('has each endpoint with its filters, headers and the secrets that still sign, the current one first', async () => {
    const application = await store.makeApplication(2);
    const [full, plain] = application.endpointIds as [string, string];
    await addSecret(full, 'rotated long ago', "now() - interval '1 s'");
    await addSecret(full, 'rotated', "now() + interval '1 h'");
    await addSecret(full, 'current', 'null');
    await store.pool.query(
      `update posthorn.endpoint set event_types = '{a,b}', channels = '{eu}', disabled = true, url = 'http://ü.test/"',
         signature_style = 'both', headers_sealed = $2 where id = $1`,
      [full, box.seal('{"x-key":"ü"}', headersOwner(full))],
    );
    const config = await loadApplicationConfig(store.pool, box, application.id);
    const [first, second] = config!.endpoints;
    expect(first).toMatchObject({
      id: full,
      url: 'http://ü.test/"',
      disabled: true,
      eventTypes: ['a', 'b'],
      channels: ['eu'],
      signatureStyle: 'both',
    });
    const { headers, secrets } = first!.open();
    expect(headers).toEqual({ 'x-key': 'ü' });
    expect(secrets.map(({ secret }) => secret)).toEqual(['current', 'rotated']);
    const expiresInMs = secrets.map(({ expiresAtMs }) => (expiresAtMs ?? 0) - Date.now());
    expect(expiresInMs[1]).toBeGreaterThan(3_500_000);
    expect(secrets[0]!.expiresAtMs).toBeUndefined();
    expect(second).toMatchObject({ id: plain, eventTypes: null, channels: null });
    expect(second!.open()).toEqual({ headers: {}, secrets: [] });
  });

  it('has the version that the accept statement compares, and none of what is deleted', async () => {
    const application = await store.makeApplication(2);
    await store.pool.query('update posthorn.endpoint set deleted_at = now() where id = $1', [
      application.endpointIds[0],
    ]);
    const config = await loadApplicationConfig(store.pool, box, application.id);
    expect(config!.endpoints.map(({ id }) => id)).toEqual([application.endpointIds[1]]);
    expect(await currentConfigVersion(store.pool, application.id)).toBe(config!.version);
    const message = store.makeMessage({ ...application, configVersion: config!.version, endpointIds: [] });
    expect(kinds(await accept([message]), [message])).toEqual(['stored']);
    await store.pool.query('update posthorn.application set deleted_at = now() where id = $1', [
      application.id,
    ]);
    expect(await loadApplicationConfig(store.pool, box, application.id)).toBeUndefined();
    expect(await currentConfigVersion(store.pool, application.id)).toBeUndefined();
  });

  it('is found by id and by uid, within its environment only', async () => {
    const application = await store.makeApplication(0);
    const environmentId = await environmentOf(application.id);
    await store.pool.query("update posthorn.application set uid = 'customer-1' where id = $1", [
      application.id,
    ]);
    const find = async (environment: string, name: string) =>
      (await findApplicationConfig(store.pool, box, environment, name))?.applicationId;
    expect(await find(environmentId, application.id)).toBe(application.id);
    expect(await find(environmentId, 'customer-1')).toBe(application.id);
    expect(await find(environmentId, 'customer-2')).toBeUndefined();
    expect(await find('env_other', application.id)).toBeUndefined();
    expect(await find('env_other', 'customer-1')).toBeUndefined();
  });
});
