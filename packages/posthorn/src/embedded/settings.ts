// The server's settings. They are given on its command line at every start, so an upgrade of Posthorn changes them.

/** Settings by their PostgreSQL names; values as in postgresql.conf. */
export type ServerSettings = Readonly<Record<string, string>>;

/** The folder of the server's log files, relative to the data directory. */
export const logFolder = 'log';

/** Durable, local only, sized for a machine with two cores and little memory that also runs Posthorn. */
export const defaultSettings: ServerSettings = {
  cluster_name: 'posthorn',
  listen_addresses: '127.0.0.1',
  // No socket file: its path may be at most 107 bytes, and another user could not reach it.
  unix_socket_directories: '',
  max_connections: '100',
  password_encryption: 'scram-sha-256',

  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',

  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  random_page_cost: '1.1',
  wal_buffers: '16MB',
  // Bounds the replay after a crash to a few seconds. All of its files are kept: every commit waits while one is made.
  max_wal_size: '1GB',
  min_wal_size: '1GB',
  checkpoint_timeout: '5min',

  // Short statements by the thousand: compiling and splitting them costs more than it gains, and parallel workers
  // need /dev/shm, which is small in containers.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  // A queue's rows die young.
  autovacuum_naptime: '15s',

  logging_collector: 'on',
  log_directory: logFolder,
  log_filename: 'postgres-%Y%m%d-%H%M%S.log',
  log_file_mode: '0600',
  log_rotation_size: '10MB',
  log_rotation_age: '0',
  log_min_messages: 'error',
  log_checkpoints: 'off',
  // Statements and row values hold customers' payloads; they stay out of the log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
};

/** The command-line arguments for these settings. */
export function settingArguments(settings: ServerSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
