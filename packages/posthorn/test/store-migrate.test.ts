// Migrations: applied once and in order, whoever comes when, and refused where the database says otherwise.
import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { migrate } from '../src/store/migrate.ts';
import { waitFor } from './support/wait.ts';

let url: string;
let name: string;
let admin: pg.Client;

beforeEach(async () => {
  admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  name = `posthorn_migrate_${randomBytes(8).toString('hex')}`;
  await admin.query(`create database ${name}`);
  const own = new URL(inject('postgresUrl'));
  own.pathname = `/${name}`;
  url = own.href;
});

afterEach(async () => {
  await admin.query(`drop database ${name} with (force)`);
  await admin.end();
});

async function query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end();
  }
}

// As in src/store/migrate.ts.
const migrationLock = 7_069_867;
const folder = new URL('../migrations/', import.meta.url);

async function readMigrations(): Promise<{ name: string; checksum: string }[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (file) => {
      const sql = await readFile(new URL(file, folder));
      return { name: file, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** A way to the database that can be cut off at once, as by the death of the machine in between. */
async function startTunnel(): Promise<{ url: string; cut(): void; stop(): Promise<void> }> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = new URL(url);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = () => {
    cut();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: own.href, cut, stop };
}

/** Errors that nobody caught while `work` ran; the process would have ended at the first. */
async function collectUncaught(work: () => Promise<void>): Promise<unknown[]> {
  const uncaught: unknown[] = [];
  const collect = (error: unknown) => uncaught.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', collect);
  try {
    await work();
    return uncaught;
  } finally {
    process.removeListener('uncaughtException', collect);
    for (const listener of others) process.on('uncaughtException', listener);
  }
}

/** As a database that an older version made. */
async function migrateBefore(end: string): Promise<void> {
  const older = (await readMigrations()).filter((migration) => migration.name < end);
  await query(
    'create schema posthorn create table migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
  );
  for (const migration of older) {
    await query(await readFile(new URL(migration.name, folder), 'utf8'));
    await query('insert into posthorn.migration (name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ]);
  }
}

const applied = () =>
  query<{ name: string; checksum: string }>('select name, checksum from posthorn.migration order by name');

describe('migrate', () => {
  it('brings an empty database to the newest schema, and records every file with its checksum', async () => {
    const known = await readMigrations();
    const result = await migrate(url);
    expect(result.applied).toEqual(known.map((migration) => migration.name));
    expect(result.migrations.map(({ state }) => state)).toEqual(known.map(() => 'applied'));
    expect(await applied()).toEqual(known.map(({ name: file, checksum }) => ({ name: file, checksum })));
    await query('select from posthorn.message, posthorn.delivery, posthorn.attempt, posthorn.process');
  });

  it('changes nothing the second time', async () => {
    await migrate(url);
    const before = await applied();
    const again = await migrate(url);
    expect(again.applied).toEqual([]);
    expect(again.migrations.map(({ state }) => state)).toEqual(before.map(() => 'already applied'));
    expect(await applied()).toEqual(before);
  });

  it('called by ten at once applies everything exactly once', async () => {
    const results = await Promise.all(Array.from({ length: 10 }, () => migrate(url)));
    const known = await readMigrations();
    expect(results.flatMap((result) => result.applied)).toEqual(known.map((migration) => migration.name));
  });

  it('refuses a database whose migration was another text', async () => {
    await migrate(url);
    const [first] = await readMigrations();
    await query("update posthorn.migration set checksum = repeat('0', 64) where name = $1", [first!.name]);
    await expect(migrate(url)).rejects.toThrow(new RegExp(`${first!.name} differs`));
  });

  it('refuses a database that is newer than this build, and leaves it as it is', async () => {
    await migrate(url);
    await query("insert into posthorn.migration (name, checksum) values ('9999_tomorrow.sql', 'x')");
    const before = await applied();
    await expect(migrate(url)).rejects.toThrow(/9999_tomorrow\.sql.*newer Posthorn/);
    expect(await applied()).toEqual(before);
  });

  it('a migration that fails leaves nothing of itself, and is applied when the obstacle is gone', async () => {
    // The tables that the first file makes before this one must be gone again.
    await query('create schema posthorn create table posthorn.endpoint_due (in_the_way text)');
    const [first] = await readMigrations();
    await expect(migrate(url)).rejects.toThrow(`migration ${first!.name} failed`);
    expect(await applied()).toEqual([]);
    const tables = await query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = 'posthorn'::regnamespace and relkind in ('r', 'p')",
    );
    expect(tables.map((table) => table.name).sort()).toEqual(['endpoint_due', 'migration']);
    await query('drop table posthorn.endpoint_due');
    expect((await migrate(url)).applied[0]).toBe(first!.name);
  });

  it('rejects, and does not end the process, when its connection is cut', async () => {
    await migrate(url);
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin; lock table posthorn.migration in access exclusive mode');
    const tunnel = await startTunnel();
    const waiting = "application_name = 'posthorn migrate' and wait_event_type = 'Lock'";
    const uncaught = await collectUncaught(async () => {
      const outcome = migrate(tunnel.url).then(
        () => 'migrated',
        () => 'rejected',
      );
      await waitFor(
        async () => {
          const sql = `select from pg_stat_activity where datname = $1 and ${waiting}`;
          return (await admin.query(sql, [name])).rowCount === 1;
        },
        { what: 'the migration to wait for the lock' },
      );
      tunnel.cut();
      expect(await outcome).toBe('rejected');
    });
    await holder.end();
    await tunnel.stop();
    expect(uncaught).toEqual([]);
  });

  it('waits for another one that migrates, says so, and stops at a signal', async () => {
    const holder = new pg.Client({ connectionString: url, application_name: 'the other one' });
    await holder.connect();
    await holder.query('select pg_advisory_lock($1)', [migrationLock]);
    const lines: { fields: object; message: string }[] = [];
    const stopping = new AbortController();
    const log = { warn: (fields: object, message: string) => lines.push({ fields, message }) };
    const outcome = migrate(url, { log, signal: stopping.signal }).catch((error: unknown) => error);
    await waitFor(() => lines.length > 0, { timeoutMs: 20_000, what: 'a line about the wait' });
    expect(lines[0]).toEqual({
      fields: { holders: [{ pid: expect.any(Number) as number, application: 'the other one' }] },
      message: 'waiting for another process, which migrates this database',
    });
    stopping.abort();
    expect(await outcome).toMatchObject({ name: 'AbortError' });
    await holder.end();
  });

  it('that waits for a table holds up nobody who writes to it, and goes on when it is free', async () => {
    await migrateBefore('0025_order_by_key.sql');
    const [holder, writer] = [1, 2].map(() => new pg.Client({ connectionString: url }));
    await holder!.connect();
    await writer!.connect();
    // As pg_dump does.
    await holder!.query('begin; lock table posthorn.delivery in access share mode');
    const outcome = migrate(url);
    const waiting = "application_name = 'posthorn migrate' and wait_event_type = 'Lock'";
    const isWaiting = async () =>
      (await admin.query(`select from pg_stat_activity where datname = $1 and ${waiting}`, [name]))
        .rowCount === 1;
    for (let turn = 0; turn < 2; turn += 1) {
      await waitFor(isWaiting, { what: 'the migration to wait for the table' });
      await writer!.query("set statement_timeout = '3s'");
      await writer!.query('insert into posthorn.delivery select * from posthorn.delivery where false');
    }
    await holder!.end();
    expect((await outcome).applied[0]).toBe('0025_order_by_key.sql');
    await writer!.end();
  });
});
