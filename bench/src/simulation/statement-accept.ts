// What store/accept-messages.ts and store/application-config.ts ask PostgreSQL for, as a model of the same meaning.
import { type Transaction } from './rows.ts';
import {
  type Application,
  bytesOf,
  type Delivery,
  deliveryKey,
  type Due,
  markDue,
  nullableNumbers,
  nullableTexts,
  numbers,
  type Schema,
  texts,
} from './schema.ts';
import { epochMs } from './world.ts';

// $17 and $18 of the statement.
const contentTypeIndex = 16;
const deliverAtIndex = 17;

interface Input {
  applicationId: string;
  id: string;
  version: string;
  eventType: string;
  eventId: string | null;
  channels: string | null;
  payload: Buffer;
  contentType: string;
  key: string | null;
  fingerprint: Buffer | null;
}

function readInputs(values: readonly unknown[]): Input[] {
  const ids = texts(values[1]);
  const [applications, types, eventIds] = [texts(values[0]), texts(values[3]), nullableTexts(values[4])];
  const [channels, payloads] = [nullableTexts(values[5]), bytesOf(values[7])];
  const [keys, fingerprints] = [nullableTexts(values[8]), bytesOf(values[9])];
  const versions = numbers(values[2]);
  const contentTypes = values[deliverAtIndex] === undefined ? [] : nullableTexts(values[contentTypeIndex]);
  return ids.map((id, i) => ({
    id,
    applicationId: applications[i] ?? '',
    version: String(versions[i]),
    eventType: types[i] ?? '',
    eventId: eventIds[i] ?? null,
    channels: channels[i] ?? null,
    payload: payloads[i] ?? Buffer.alloc(0),
    contentType: contentTypes[i] ?? 'application/json',
    key: keys[i] ?? null,
    fingerprint: fingerprints[i] ?? null,
  }));
}

/** The messages that got their key: `insert … on conflict do nothing`, in the order of the keys. */
function claimNames(
  inputs: readonly Input[],
  nameOf: (input: Input) => string | null,
  insert: (name: string, input: Input) => boolean,
): Set<string> {
  const named = inputs
    .flatMap((input) => {
      const name = nameOf(input);
      return name === null ? [] : [{ name: `${input.applicationId} ${name}`, input }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  return new Set(named.filter(({ name, input }) => insert(name, input)).map(({ input }) => input.id));
}

export function acceptMessages(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const inputs = readInputs(values);
  const owner = Number(values[14]);
  const ownerRow = schema.processes.row(String(owner));
  tx.lock(ownerRow, 'key share');
  const leaseGranted = tx.read(ownerRow) !== undefined;
  const current = inputs.filter((input) => {
    const application = tx.get(schema.applications, input.applicationId);
    return application && !application.deleted && String(application.version) === input.version;
  });
  const keyed = claimNames(
    current,
    ({ key }) => key,
    (name, { id, fingerprint }) => {
      const row = schema.keys.row(name);
      tx.lock(row, 'update');
      if (tx.read(row)) return false;
      tx.write(row, { messageId: id, fingerprint: fingerprint ?? Buffer.alloc(0) });
      return true;
    },
  );
  const fresh = current.filter(({ key, id }) => key === null || keyed.has(id));
  const named = claimNames(
    fresh,
    ({ eventId }) => eventId,
    (name, { id }) => {
      const row = schema.eventIds.row(name);
      tx.lock(row, 'update');
      if (tx.read(row)) return false;
      tx.write(row, { messageId: id });
      return true;
    },
  );
  const stored = fresh.filter(({ eventId, id }) => eventId === null || named.has(id));
  store(schema, tx, { stored, values, leaseGranted, owner });
  const [currentIds, storedIds] = [new Set(current.map(({ id }) => id)), new Set(stored.map(({ id }) => id))];
  return [
    {
      created_at: new Date(epochMs + tx.nowMs),
      lease_granted: leaseGranted,
      stale: inputs.filter(({ id }) => !currentIds.has(id)).map(({ id }) => id),
      conflicting: current.filter(({ id }) => !storedIds.has(id)).map(({ id }) => id),
    },
  ];
}

interface ToStore {
  stored: readonly Input[];
  values: readonly unknown[];
  leaseGranted: boolean;
  owner: number;
}

/** When the deliveries of a message begin, of those that say so; only the statement with wishes tells. */
function deliverTimes(values: readonly unknown[]): Map<string, number> {
  if (values[deliverAtIndex] === undefined) return new Map();
  const times = nullableNumbers(values[deliverAtIndex]);
  return new Map(texts(values[1]).map((id, i) => [id, (times[i] ?? epochMs) - epochMs]));
}

function store(schema: Schema, tx: Transaction, { stored, values, leaseGranted, owner }: ToStore): void {
  const applicationOf = new Map(stored.map((input) => [input.id, input.applicationId]));
  const deliverAtMs = deliverTimes(values);
  for (const input of stored) {
    const { applicationId, id, eventType, eventId, payload, contentType } = input;
    const channels = input.channels === null ? [] : input.channels.split('\u001f');
    tx.write(schema.messages.row(id), {
      applicationId,
      id,
      eventType,
      eventId,
      channels,
      payload: Buffer.from(payload),
      contentType,
      createdAtMs: tx.nowMs,
    });
  }
  const [messageIds, endpointIds] = [texts(values[10]), texts(values[11])];
  const [wanted, delayMs] = [numbers(values[12]), Number(values[13])];
  const dues: Due[] = [];
  messageIds.forEach((messageId, i) => {
    const applicationId = applicationOf.get(messageId);
    const endpointId = endpointIds[i] ?? '';
    if (applicationId === undefined) return;
    const leased = wanted[i] === 1 && leaseGranted;
    const firstAtMs = Math.max(tx.nowMs + delayMs, deliverAtMs.get(messageId) ?? 0);
    const delivery: Delivery = {
      applicationId,
      messageId,
      endpointId,
      state: leased ? 'delivering' : 'pending',
      attempts: 0,
      trigger: 'scheduled',
      nextAtMs: leased ? null : firstAtMs,
      resumeAtMs: null,
      leaseOwner: leased ? owner : null,
      leaseSeq: leased ? 1 : 0,
    };
    tx.write(schema.deliveries.row(deliveryKey(messageId, endpointId)), delivery);
    if (!leased) dues.push({ endpointId, applicationId, dueAtMs: firstAtMs });
  });
  markDue(schema, tx, dues);
}

export function findConflicts(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const [applications, keys, eventIds] = [
    texts(values[0]),
    nullableTexts(values[2]),
    nullableTexts(values[3]),
  ];
  return texts(values[1]).map((id, i) => {
    const name = (own: string | null | undefined) => `${applications[i]} ${own}`;
    const key = typeof keys[i] === 'string' ? tx.get(schema.keys, name(keys[i])) : undefined;
    const message = key && tx.get(schema.messages, key.messageId);
    const event = typeof eventIds[i] === 'string' ? tx.get(schema.eventIds, name(eventIds[i])) : undefined;
    return {
      id,
      key_message_id: key?.messageId ?? null,
      fingerprint: key?.fingerprint ?? null,
      created_at: message ? new Date(epochMs + message.createdAtMs) : null,
      event_message_id: event?.messageId ?? null,
    };
  });
}

function configRow(schema: Schema, tx: Transaction, application: Application): object {
  const endpoints = [...schema.endpoints.rows.values()]
    .flatMap((row) => tx.read(row) ?? [])
    .filter((endpoint) => endpoint.applicationId === application.id && !endpoint.deleted)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((endpoint) => ({
      id: endpoint.id,
      kind: 'http',
      config_sealed: null,
      url: endpoint.url,
      disabled: endpoint.disabled,
      event_types: endpoint.eventTypes,
      channels: endpoint.channels,
      signature_style: 'standard',
      throttle_rate: endpoint.throttleRate,
      ordering: null,
      order_by_key: false,
      only_newer: false,
      filter: null,
      transformation: null,
      headers_sealed: null,
      auth_sealed: null,
      retry_delays_seconds: null,
      timeout_seconds: null,
      signature_headers: null,
      secrets: [{ sealed: endpoint.secretHex, expires_at: null }],
    }));
  return {
    id: application.id,
    environment_id: application.environmentId,
    uid: application.uid,
    config_version: String(application.version),
    source_version: null,
    throttle_rate: application.throttleRate,
    has_pollers: false,
    endpoints,
  };
}

export function findConfig(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const [environmentId, idOrUid] = values;
  return [...schema.applications.rows.values()]
    .flatMap((row) => tx.read(row) ?? [])
    .filter(({ deleted, ...application }) => !deleted && application.environmentId === environmentId)
    .filter(({ id, uid }) => id === idOrUid || uid === idOrUid)
    .map((application) => configRow(schema, tx, application));
}

export function loadConfig(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const application = tx.get(schema.applications, String(values[0]));
  return application && !application.deleted ? [configRow(schema, tx, application)] : [];
}

export function currentVersion(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const application = tx.get(schema.applications, String(values[0]));
  return application && !application.deleted ? [{ config_version: String(application.version) }] : [];
}

export function holdConfig(schema: Schema, tx: Transaction, values: readonly unknown[]): object[] {
  const row = schema.applications.rows.get(String(values[0]));
  if (row) tx.lock(row, 'share');
  return row ? [{}] : [];
}
