// Columns that many tables have, as Kysely sees them.
import type { ColumnType } from 'kysely';

export type Timestamp = ColumnType<Date, Date | undefined, Date>;
export type NullableTimestamp = ColumnType<Date | null, Date | null | undefined, Date | null>;
