// The connections of all endpoints: each carries one request at a time, and waits by origin for the next. One that showed
// a certificate waits for the endpoint whose certificate that is: what it sends counts as said by its holder.
// undici's own pool finds a free connection by asking one after the other. A thousand attempts that hang at one origin
// made every delivery to it ask a thousand, which took a third of the processor.
import { Client, type Dispatcher } from 'undici';
import type { Clock } from '../../lib/clock.ts';
import type { ClientCertificate, ClientOptionsFor } from './guarded-client.ts';

interface Connection {
  client: Client;
  /** Who may use it: whoever goes to its origin, with its certificate if it showed one. */
  key: string;
  isOpen: boolean;
  isBusy: boolean;
  openedAtMs: number;
}

export interface ConnectionPoolOptions {
  client: ClientOptionsFor;
  /** Oldest age of a connection that is still used again. */
  ageMaxMs: number;
  clock: Clock;
}

type Request = Omit<Dispatcher.DispatchOptions, 'origin'>;

export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  /** Open and not busy, by key; the one that was used last comes last. */
  readonly #idle = new Map<string, Connection[]>();
  /** Open or busy. */
  readonly #connections = new Set<Connection>();
  #isDestroyed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** Sends on an idle connection, or on a new one. What goes wrong, also after `destroy`, the handler is told. */
  dispatch(
    { origin, certificate }: { origin: string; certificate?: ClientCertificate | undefined },
    request: Request,
    handler: Dispatcher.DispatchHandler,
  ): void {
    // No origin has a space in it.
    const key = certificate ? `${origin} ${certificate.id}` : origin;
    const connection = this.#takeIdle(key) ?? this.#create(key, origin, certificate);
    connection.isBusy = true;
    connection.client.dispatch({ ...request, origin }, handler);
    // Refused as it is: no event will tell.
    if (connection.client.stats.size === 0) this.#rest(connection);
  }

  /** Drops every connection; what is under way fails. */
  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    await Promise.all([...this.#connections].map(({ client }) => client.destroy()));
  }

  counts(): { connections: number; idle: number } {
    const idle = [...this.#idle.values()].reduce((sum, list) => sum + list.length, 0);
    return { connections: this.#connections.size, idle };
  }

  #takeIdle(key: string): Connection | undefined {
    const oldestAtMs = this.#options.clock.monotonicMs() - this.#options.ageMaxMs;
    for (;;) {
      const connection = this.#idle.get(key)?.at(-1);
      if (!connection) return undefined;
      this.#leaveIdle(connection);
      if (connection.openedAtMs >= oldestAtMs) return connection;
      void connection.client.close();
    }
  }

  #create(key: string, origin: string, certificate: ClientCertificate | undefined): Connection {
    const client = new Client(origin, this.#options.client(certificate));
    const connection: Connection = { client, key, isOpen: false, isBusy: false, openedAtMs: 0 };
    this.#connections.add(connection);
    client
      .on('connect', () => {
        connection.isOpen = true;
        connection.openedAtMs = this.#options.clock.monotonicMs();
      })
      .on('disconnect', () => {
        connection.isOpen = false;
        this.#leaveIdle(connection);
        if (!connection.isBusy) this.#connections.delete(connection);
      })
      .on('drain', () => this.#rest(connection));
    if (this.#isDestroyed) void client.destroy();
    return connection;
  }

  /** The request has ended. A connection that never came to be, or is gone, is not kept. */
  #rest(connection: Connection): void {
    if (!connection.isBusy) return;
    connection.isBusy = false;
    if (!connection.isOpen) {
      this.#connections.delete(connection);
      return;
    }
    const idle = this.#idle.get(connection.key);
    if (idle) idle.push(connection);
    else this.#idle.set(connection.key, [connection]);
  }

  #leaveIdle(connection: Connection): void {
    const idle = this.#idle.get(connection.key);
    const index = idle?.lastIndexOf(connection) ?? -1;
    if (!idle || index === -1) return;
    idle.splice(index, 1);
    if (idle.length === 0) this.#idle.delete(connection.key);
  }
}
