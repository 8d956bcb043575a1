// The connections of all endpoints: each carries one request at a time, and waits by origin for the next.
// undici's own pool finds a free connection by asking one after the other. A thousand attempts that hang at one origin
// made every delivery to it ask a thousand, which took a third of the processor.
import { Client, type Dispatcher } from 'undici';
import type { Clock } from '../../lib/clock.ts';

interface Connection {
  client: Client;
  origin: string;
  isOpen: boolean;
  isBusy: boolean;
  openedAtMs: number;
}

export interface ConnectionPoolOptions {
  client: Client.Options;
  /** Oldest age of a connection that is still used again. */
  ageMaxMs: number;
  clock: Clock;
}

type Request = Omit<Dispatcher.DispatchOptions, 'origin'>;

export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  /** Open and not busy, by origin; the one that was used last comes last. */
  readonly #idle = new Map<string, Connection[]>();
  /** Open or busy. */
  readonly #connections = new Set<Connection>();
  #isDestroyed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** Sends on an idle connection, or on a new one. What goes wrong, also after `destroy`, the handler is told. */
  dispatch(origin: string, request: Request, handler: Dispatcher.DispatchHandler): void {
    const connection = this.#takeIdle(origin) ?? this.#create(origin);
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

  #takeIdle(origin: string): Connection | undefined {
    const oldestAtMs = this.#options.clock.monotonicMs() - this.#options.ageMaxMs;
    for (;;) {
      const connection = this.#idle.get(origin)?.at(-1);
      if (!connection) return undefined;
      this.#leaveIdle(connection);
      if (connection.openedAtMs >= oldestAtMs) return connection;
      void connection.client.close();
    }
  }

  #create(origin: string): Connection {
    const client = new Client(origin, this.#options.client);
    const connection: Connection = { client, origin, isOpen: false, isBusy: false, openedAtMs: 0 };
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
    const idle = this.#idle.get(connection.origin);
    if (idle) idle.push(connection);
    else this.#idle.set(connection.origin, [connection]);
  }

  #leaveIdle(connection: Connection): void {
    const idle = this.#idle.get(connection.origin);
    const index = idle?.lastIndexOf(connection) ?? -1;
    if (!idle || index === -1) return;
    idle.splice(index, 1);
    if (idle.length === 0) this.#idle.delete(connection.origin);
  }
}
