// Hears of what is written into the outbox, on a connection of its own. Notifications are hints: whoever listens polls
// as well.
import pg from 'pg';
import { keepAlive, keepAliveSettings, sessionOptions } from './keep-alive.ts';

const connectTimeoutMs = 5_000;
const defaultQueryTimeoutMs = 5_000;
// As in migrations/0013_operational.sql.
const channel = 'posthorn_outbox';

export interface Listener {
  /** Connects when it is not connected. Resolves in any case: without a connection there are no hints. */
  ensure(onNotice: () => void): Promise<void>;
  isConnected(): boolean;
  close(): Promise<void>;
}

export interface ListenerOptions {
  url: string;
  applicationName: string;
  queryTimeoutMs?: number;
}

export function createListener(options: ListenerOptions): Listener {
  let client: pg.Client | undefined;
  let closed = false;

  const connect = async (onNotice: () => void): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: options.queryTimeoutMs ?? defaultQueryTimeoutMs,
      ...keepAlive,
      options: sessionOptions(keepAliveSettings),
    });
    const forget = () => {
      if (client === fresh) client = undefined;
    };
    fresh.on('error', forget);
    fresh.on('end', forget);
    fresh.on('notification', onNotice);
    client = fresh;
    try {
      await fresh.connect();
      await fresh.query(`listen ${channel}`);
    } catch {
      forget();
      await fresh.end().catch(() => {});
    }
  };

  return {
    async ensure(onNotice) {
      if (client === undefined && !closed) await connect(onNotice);
    },
    isConnected: () => client !== undefined,
    async close() {
      closed = true;
      const open = client;
      // Whoever says goodbye to a server that is gone waits for its answer. With a question that got none, it hangs up.
      await open?.query(`unlisten ${channel}`).catch(() => {});
      await open?.end().catch(() => {});
    },
  };
}
