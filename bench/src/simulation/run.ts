// One run: a plan from the seed, processes and people over virtual time, faults, a quiet end, and the judges throughout.
import { calmWeather, type Weather } from './connection.ts';
import { Fleet } from './fleet.ts';
import { Journal } from './journal.ts';
import { isQuiet, judgeEnd, judgeLateness } from './judge-end.ts';
import { RowJudge } from './judge-rows.ts';
import { type EndpointHistory, TryJudge } from './judge-tries.ts';
import { type Incident, makePlan, type Plan } from './plan.ts';
import { createRandom } from './random.ts';
import { createReceivers } from './receivers.ts';
import type { Transaction } from './rows.ts';
import { endpointRow, environmentId, Senders } from './senders.ts';
import { Server } from './server.ts';
import { type Actor, enter, World } from './world.ts';

// After everything is well again: leases of the dead 20 s, a cool-down of at most 144 s, the rest of a schedule, limits
// of one attempt per second with everything that waited.
const quietWithinMs = 420_000;
const lookEveryMs = 1_000;
const lateMsMax = 8_000;

export interface RunResult {
  seed: number;
  hash: string;
  violations: string[];
  isCalm: boolean;
  virtualMs: number;
  events: number;
  messages: number;
  attempts: number;
  faults: number;
  /** Deliveries that a receiver took more than once. */
  duplicates: number;
  lateMs: number;
}

interface Stage {
  world: World;
  plan: Plan;
  journal: Journal;
  server: Server;
  fleet: Fleet;
  senders: Senders;
  rows: RowJudge;
  sky: Sky;
}

/** The weather between the processes and PostgreSQL. */
class Sky {
  awayUntilMs = 0;
  readonly #spells: { slot: number; untilMs: number; weather: Partial<Weather> }[] = [];

  add(slot: number, untilMs: number, weather: Partial<Weather>): void {
    this.#spells.push({ slot, untilMs, weather });
  }

  over(slot: number, nowMs: number): Weather {
    const away = nowMs < this.awayUntilMs;
    const spell = this.#spells.find((one) => one.slot === slot && nowMs < one.untilMs);
    return away || spell ? { ...calmWeather, ...spell?.weather, away } : calmWeather;
  }
}

function createStage(seed: number, world: World): Stage {
  const random = createRandom(seed);
  const plan = makePlan(seed, random.fork());
  const journal = new Journal(world);
  const server = new Server(() => world.nowMs);
  const { schema } = server;
  const sky = new Sky();
  const histories = new Map<string, EndpointHistory>();
  const judge = new TryJudge({ world, journal, schema, plan, histories });
  const receivers = createReceivers({
    world,
    journal,
    random: random.fork(),
    endpoints: plan.endpoints,
    healAtMs: plan.healAtMs,
    onSend: judge.sent,
    onArrive: judge.arrived,
    onEnd: judge.ended,
  });
  const slotOf = (actor: Actor) => fleet.members.find((member) => member.actor === actor)?.slot ?? 0;
  const link = {
    world,
    server,
    random: random.fork(),
    weather: (actor: Actor) => sky.over(slotOf(actor), world.nowMs),
    onFault: (actor: Actor, kind: string) => journal.fault(kind, actor, 0),
  };
  const fleet = new Fleet({ world, journal, random: random.fork(), plan, link, receivers });
  const isAlive = (name: string) => fleet.living().some(({ actor }) => actor.name === name);
  const rows = new RowJudge({ world, journal, schema, plan, histories, isAlive });
  server.onCommit = rows.committed;
  const senders = new Senders({ world, journal, random: random.fork(), server, fleet });
  return { world, plan, journal, server, fleet, senders, rows, sky };
}

function fillDatabase({ server, plan }: Stage): void {
  const created = new Set(plan.changes.flatMap((one) => (one.kind === 'create' ? [one.endpoint] : [])));
  const tx: Transaction = server.begin();
  for (const application of plan.applications)
    tx.write(server.schema.applications.row(application.id), {
      ...application,
      environmentId,
      version: 1,
      deleted: false,
    });
  for (const endpoint of plan.endpoints) {
    if (!created.has(endpoint)) tx.write(server.schema.endpoints.row(endpoint.id), endpointRow(endpoint));
  }
  server.commit(tx);
}

function happen(stage: Stage, incident: Incident): void {
  const { world, journal, fleet, sky, server } = stage;
  if (incident.kind === 'away') {
    journal.fault('away', undefined, incident.lastsMs);
    sky.awayUntilMs = Math.max(sky.awayUntilMs, world.nowMs + incident.lastsMs);
    for (const { pool } of fleet.living()) pool.crash();
    if (incident.lostUnlogged) server.crash();
    return;
  }
  const member = fleet.inSlot(incident.slot);
  if (!member) return;
  const { actor, slot, pid } = member;
  const startAgain = (delayMs: number, samePid: boolean) =>
    world.after(world.outside, delayMs, () => {
      if (!fleet.inSlot(slot)) fleet.start(slot, samePid ? pid : undefined);
    });
  switch (incident.kind) {
    case 'crash':
      fleet.crash(member);
      startAgain(incident.downMs, incident.samePid);
      return;
    case 'freeze':
      return fleet.freeze(member, incident.lastsMs);
    case 'stop':
      return fleet.stop(member, () => void startAgain(incident.downMs, false));
    case 'flaky':
      journal.fault('flaky', actor, incident.lastsMs);
      return sky.add(slot, world.nowMs + incident.lastsMs, { failBeforeRatio: 0.15, failAfterRatio: 0.15 });
    case 'slow':
      journal.fault('slow', actor, incident.lastsMs);
      return sky.add(slot, world.nowMs + incident.lastsMs, { slowRatio: 0.4, slowMs: incident.slowMs });
  }
}

function schedule(stage: Stage): void {
  const { world, plan, fleet, senders } = stage;
  for (let slot = 0; slot < plan.slotCount; slot += 1) fleet.start(slot);
  for (const message of plan.messages) world.after(world.outside, message.atMs, () => senders.send(message));
  for (const change of plan.changes) world.after(world.outside, change.atMs, () => senders.change(change));
  for (const incident of plan.incidents) {
    world.after(world.outside, incident.atMs, () => happen(stage, incident));
  }
}

/** When the last fault is over and every process that was to come back is back. */
function healedAtMs(plan: Plan): number {
  const ends = plan.incidents.map((incident) => {
    if (incident.kind === 'crash' || incident.kind === 'stop')
      return incident.atMs + incident.downMs + 30_000;
    return incident.atMs + incident.lastsMs;
  });
  return Math.max(plan.healAtMs, ...ends, ...plan.messages.map(({ atMs }) => atMs + 15_000));
}

export async function runSeed(seed: number, print?: (line: string) => void): Promise<RunResult> {
  const world = new World(print);
  enter(world);
  try {
    const stage = createStage(seed, world);
    const { plan, journal, server, fleet, rows } = stage;
    const { schema } = server;
    fillDatabase(stage);
    schedule(stage);
    const wellAtMs = healedAtMs(plan);
    await world.run(wellAtMs);
    const check = () => isQuiet({ schema, fleet });
    await world.run(wellAtMs + quietWithinMs, { everyMs: lookEveryMs, check });
    const end = { journal, schema, plan, fleet, rows };
    judgeEnd(end);
    const lateMs = plan.isCalm ? judgeLateness(end, lateMsMax) : 0;
    return {
      seed,
      hash: world.hash(),
      violations: [...world.errors.map((error) => `error: ${error}`), ...journal.violations],
      isCalm: plan.isCalm,
      virtualMs: Math.round(world.nowMs),
      events: world.eventCount,
      messages: schema.messages.values().length,
      attempts: journal.tries.length,
      faults: journal.faults.length,
      duplicates: countDuplicates(journal),
      lateMs: Math.round(lateMs),
    };
  } finally {
    enter(undefined);
  }
}

function countDuplicates(journal: Journal): number {
  const accepted = [...journal.triesOf.values()].map(
    (tries) => tries.filter(({ answer }) => answer !== undefined && answer < 300).length,
  );
  return accepted.filter((count) => count > 1).length;
}
