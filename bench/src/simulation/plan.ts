// What happens in a run, all of it drawn from the seed before the run begins.
import type { Random } from './random.ts';

export type Manner = 'accept' | 'slow' | 'fail' | 'busy' | 'hang' | 'reset' | 'refuse' | 'gone' | 'flap';

export interface EndpointPlan {
  id: string;
  applicationId: string;
  url: string;
  secret: string;
  eventTypes: string[] | null;
  channels: string[] | null;
  throttleRate: number | null;
  /** How its receiver behaves, from when; the first from 0. */
  manners: { fromMs: number; manner: Manner }[];
}

export interface ApplicationPlan {
  id: string;
  uid: string | null;
  throttleRate: number | null;
}

export interface MessagePlan {
  number: number;
  atMs: number;
  application: ApplicationPlan;
  eventType: string;
  channels: string[];
  key: string | null;
  eventId: string | null;
  padding: number;
}

export type Incident =
  | { kind: 'crash'; atMs: number; slot: number; downMs: number; samePid: boolean }
  | { kind: 'freeze'; atMs: number; slot: number; lastsMs: number }
  | { kind: 'stop'; atMs: number; slot: number; downMs: number }
  | { kind: 'away'; atMs: number; lastsMs: number; lostUnlogged: boolean }
  | { kind: 'flaky'; atMs: number; lastsMs: number; slot: number }
  | { kind: 'slow'; atMs: number; lastsMs: number; slot: number; slowMs: number };

export type Change =
  | { kind: 'disable' | 'enable' | 'delete' | 'touch'; atMs: number; endpoint: EndpointPlan }
  | { kind: 'rate'; atMs: number; endpoint: EndpointPlan; rate: number | null }
  | { kind: 'create'; atMs: number; endpoint: EndpointPlan }
  | { kind: 'resend'; atMs: number; endpoint: EndpointPlan; number: number };

export interface Plan {
  /** Without a fault of a process, a connection or PostgreSQL: receivers may still behave in any manner. */
  isCalm: boolean;
  slotCount: number;
  sharesHost: boolean;
  applications: ApplicationPlan[];
  endpoints: EndpointPlan[];
  messages: MessagePlan[];
  incidents: Incident[];
  changes: Change[];
  delaysSeconds: number[];
  attemptTimeoutMs: number;
  failingMaxMs: number;
  limits: {
    heldMax: number;
    heldBytesMax: number;
    heldPerEndpointMax: number;
    heldPerEndpointWhenShortMax: number;
    inFlightMax: number;
    inFlightPerEndpointMax: number;
    inFlightPerEndpointWhenShortMax: number;
  };
  /** From then on nothing goes wrong any more, and every receiver accepts. */
  healAtMs: number;
}

const schedules = [
  [0, 2, 5, 15],
  [0, 5, 20],
  [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [0],
  [1, 3],
  [0, 10, 30, 30],
];
const badManners: readonly Manner[] = ['slow', 'fail', 'busy', 'hang', 'reset', 'refuse', 'gone', 'flap'];

function planEndpoint(
  random: Random,
  application: ApplicationPlan,
  number: number,
  endMs: number,
): EndpointPlan {
  const manners: EndpointPlan['manners'] = [{ fromMs: 0, manner: 'accept' }];
  if (random.chance(0.6)) {
    manners.push({ fromMs: random.between(0, endMs / 3), manner: random.pick(badManners) });
    if (random.chance(0.6)) manners.push({ fromMs: random.between(endMs / 3, endMs), manner: 'accept' });
  }
  return {
    id: `ep_${number}`,
    applicationId: application.id,
    url: `https://r${number}.receiver.test/`,
    secret: `whsec_${Buffer.from(random.bytes(24)).toString('base64')}`,
    eventTypes: random.chance(0.3) ? ['user.created'] : null,
    channels: random.chance(0.15) ? ['eu'] : null,
    throttleRate: random.chance(0.3) ? random.pick([1, 5, 20]) : null,
    manners,
  };
}

function planMessages(random: Random, applications: ApplicationPlan[], endMs: number): MessagePlan[] {
  const messages: MessagePlan[] = [];
  const burstCount = random.int(2, 8);
  for (let burst = 0; burst < burstCount; burst += 1) {
    const atMs = random.between(200, endMs);
    const application = random.pick(applications);
    const count = random.pick([1, 3, 8, 25]);
    for (let i = 0; i < count; i += 1) {
      const number = messages.length;
      messages.push({
        number,
        atMs: atMs + random.between(0, 200),
        application,
        eventType: random.pick(['user.created', 'user.deleted']),
        channels: random.chance(0.3) ? ['eu'] : [],
        key: random.chance(0.3) ? `key-${random.int(0, 60)}` : null,
        eventId: random.chance(0.2) ? `event-${random.int(0, 60)}` : null,
        padding: random.chance(0.1) ? random.int(0, 3_000) : 0,
      });
    }
  }
  return messages;
}

function planIncidents(random: Random, slotCount: number, endMs: number): Incident[] {
  const kinds = ['crash', 'crash', 'freeze', 'away', 'flaky', 'slow'] as const;
  return Array.from({ length: random.int(1, 5) }, (): Incident => {
    const kind = random.pick(kinds);
    const base = { atMs: random.between(100, endMs), slot: random.int(0, slotCount - 1) };
    const lastsMs = random.pick([300, 2_000, 9_000, 22_000]) * random.between(0.8, 1.2);
    if (kind === 'crash')
      return { ...base, kind, downMs: random.between(50, 30_000), samePid: random.chance(0.3) };
    if (kind === 'slow') return { ...base, kind, lastsMs, slowMs: random.pick([300, 4_000]) };
    if (kind === 'away') return { ...base, kind, lastsMs, lostUnlogged: random.chance(0.5) };
    return { ...base, kind, lastsMs };
  });
}

function planChanges(random: Random, plan: Pick<Plan, 'endpoints' | 'messages'>, endMs: number): Change[] {
  // Someone who edits descriptions: nothing that matters changes, but every configuration in memory is an old one.
  const touches = random.chance(0.3) ? random.int(3, 15) : 0;
  const changes = Array.from(
    { length: touches },
    (): Change => ({
      kind: 'touch',
      atMs: random.pick(plan.messages).atMs + random.between(0, 3_000),
      endpoint: random.pick(plan.endpoints),
    }),
  );
  const count = random.int(0, 6);
  for (let i = 0; i < count; i += 1) {
    const [endpoint, atMs] = [random.pick(plan.endpoints), random.between(500, endMs)];
    const kind = random.pick(['disable', 'delete', 'rate', 'create', 'resend', 'resend', 'resend'] as const);
    if (kind === 'disable') {
      changes.push({ kind, atMs, endpoint });
      if (random.chance(0.7))
        changes.push({ kind: 'enable', atMs: atMs + random.between(10, 8_000), endpoint });
    } else if (kind === 'rate') {
      changes.push({ kind, atMs, endpoint, rate: random.pick([null, 2, 10]) });
    } else if (kind === 'create') {
      const id = plan.endpoints.length + changes.length + 100;
      const created = { ...endpoint, id: `ep_${id}`, url: `https://r${id}.receiver.test/` };
      changes.push({ kind, atMs, endpoint: created });
    } else if (kind === 'resend') {
      changes.push({ kind, atMs, endpoint, number: random.int(0, plan.messages.length - 1) });
    } else changes.push({ kind, atMs, endpoint });
  }
  return changes;
}

/** A process freezes with attempts under way, and thaws when another one has taken them over and is at them itself. */
function planZombie(random: Random, { endpoints, messages, incidents }: Plan): void {
  const { atMs, application } = random.pick(messages);
  for (const { applicationId, manners } of endpoints) {
    if (applicationId !== application.id) continue;
    manners.push({ fromMs: atMs - 100, manner: 'hang' }, { fromMs: atMs + 40_000, manner: 'accept' });
    manners.sort((a, b) => a.fromMs - b.fromMs);
  }
  for (const slot of [0, 1]) {
    if (slot === 0 || random.chance(0.3))
      incidents.push({
        kind: 'freeze',
        atMs: atMs + random.between(100, 3_000) + slot * 30_000,
        slot,
        lastsMs: random.between(17_000, 27_000),
      });
  }
}

export function makePlan(seed: number, random: Random): Plan {
  const isCalm = seed % 4 === 0;
  const slotCount = random.pick([1, 2, 2, 3]);
  const endMs = random.pick([8_000, 25_000, 60_000]);
  const applications = Array.from({ length: random.int(1, 3) }, (_, i) => ({
    id: `app_${i}`,
    uid: random.chance(0.5) ? `customer-${i}` : null,
    throttleRate: random.chance(0.25) ? 10 : null,
  }));
  const endpoints = applications.flatMap((application, i) =>
    Array.from({ length: random.int(1, 3) }, (_, j) => planEndpoint(random, application, i * 10 + j, endMs)),
  );
  const messages = planMessages(random, applications, endMs);
  const isTight = random.chance(0.5);
  const changes = planChanges(random, { endpoints, messages }, endMs);
  const incidents = isCalm ? [] : planIncidents(random, slotCount, endMs);
  if (random.chance(0.3))
    incidents.push({
      kind: 'stop',
      atMs: random.between(500, endMs),
      slot: 0,
      downMs: random.between(50, 3_000),
    });
  const plan: Plan = {
    isCalm,
    slotCount,
    sharesHost: random.chance(0.6),
    applications,
    endpoints: [...endpoints, ...changes.flatMap((one) => (one.kind === 'create' ? [one.endpoint] : []))],
    messages,
    incidents,
    changes,
    delaysSeconds: random.pick(schedules),
    attemptTimeoutMs: random.pick([1_000, 5_000]),
    failingMaxMs: random.pick([15_000, 10_000_000]),
    limits: {
      heldMax: isTight ? 24 : 10_000,
      heldBytesMax: isTight ? 8_000 : 64 * 1024 * 1024,
      heldPerEndpointMax: isTight ? 8 : 1_000,
      heldPerEndpointWhenShortMax: isTight ? 3 : 20,
      inFlightMax: isTight ? 8 : 4_000,
      inFlightPerEndpointMax: isTight ? 3 : 10,
      inFlightPerEndpointWhenShortMax: 1,
    },
    healAtMs: endMs + 5_000,
  };
  if (!isCalm && slotCount > 1 && random.chance(0.2)) planZombie(random, plan);
  return plan;
}
