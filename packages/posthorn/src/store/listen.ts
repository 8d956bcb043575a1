// Hears of what is written into the outbox, on a connection of its own. Notifications are hints: whoever listens polls
// as well.
import pg from 'pg';

const connectTimeoutMs = 5_000;
// As in migrations/0013_operational.sql.
const channel = 'posthorn_outbox';

export interface Listener {
  /** Connects when it is not connected. Resolves in any case: without a connection there are no hints. */
  ensure(onNotice: () => void): Promise<void>;
  isConnected(): boolean;
  close(): Promise<void>;
}

export function createListener(options: { url: string; applicationName: string }): Listener {
  let client: pg.Client | undefined;
  let closed = false;

  const connect = async (onNotice: () => void): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
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
      await client?.end().catch(() => {});
    },
  };
}
