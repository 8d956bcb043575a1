// Once per test run: one PostgreSQL, and in it a template database that has Posthorn's migrations.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/cluster.ts';
import { migrate } from '../../src/store/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A database whose user may create databases from the template. */
    postgresUrl: string;
    templateDatabase: string;
  }
}

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const given = process.env.POSTHORN_TEST_DATABASE_URL;
  if (given) return { url: given, stop: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-test-'));
  // Nothing here outlives the run, so nothing needs to reach the disk. Crash tests bring a durable server of their own.
  const settings = { fsync: 'off', max_connections: '300' };
  const server = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), log: quiet, settings });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const templateDatabase = `posthorn_template_${process.pid}`;
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`create database ${templateDatabase}`);
  const templateUrl = new URL(server.url);
  templateUrl.pathname = `/${templateDatabase}`;
  await migrate(templateUrl.href);
  project.provide('postgresUrl', server.url);
  project.provide('templateDatabase', templateDatabase);
  return async () => {
    await admin.query(`drop database ${templateDatabase} with (force)`);
    await admin.end();
    await server.stop();
  };
}
