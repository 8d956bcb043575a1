// PostgreSQL: rows in a table of another database, and of Posthorn's own, exactly once.
import pg from 'pg';
import { describeConnectors } from './support/connector-conformance.ts';
import { createTestDatabase } from './support/database.ts';

const columns = {
  id: 'payload.id',
  marker: 'payload.marker',
  message: 'id',
  raw: 'payload',
};

describeConnectors([
  {
    kind: 'postgres',
    forOperators: true,
    hasKey: true,
    async start() {
      const database = await createTestDatabase();
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      await client.query(
        'create table orders (id integer, marker text, message text, raw jsonb, primary key (id, message))',
      );
      const target = new URL(database.url);
      const password = decodeURIComponent(target.password);
      const user = decodeURIComponent(target.username);
      const url = (host: string, port: number) =>
        `postgres://${user}@${host}:${port}${target.pathname}?sslmode=disable`;
      const port = Number(target.port);
      const config = {
        url: url('127.0.0.1', port),
        password,
        table: 'orders',
        columns,
        key: ['id', 'message'],
      };
      return {
        config,
        refused: { ...config, table: 'nowhere' },
        secrets: [password],
        at: (host, at) => ({ ...config, url: url(host, at) }),
        received: async () => {
          const { rows } = await client.query<{ raw: object; message: string }>(
            'select raw, message from orders',
          );
          return rows.map(({ raw, message }) => ({ text: JSON.stringify(raw), key: message }));
        },
        stop: async () => {
          await client.end();
          await database.drop();
        },
      };
    },
  },
]);
