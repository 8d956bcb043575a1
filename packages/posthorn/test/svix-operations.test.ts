// Every operation of the installed official client, asked of a real server: which are answered, which are not, and that
// the document describes every answer. `npm test -- packages/posthorn/test/svix-operations.test.ts` prints the count.
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endAllPosthorn } from './support/posthorn-process.ts';
import { request } from './support/api.ts';
import {
  accessChecks,
  environmentChecks,
  operationalChecks,
  statisticsChecks,
  taskChecks,
} from './svix-operations/administration.ts';
import { applicationChecks, eventTypeChecks, healthChecks } from './svix-operations/applications.ts';
import { clientOperations, isStreaming } from './svix-operations/client-operations.ts';
import type { ClientOperation } from './svix-operations/client-operations.ts';
import { readAnswers } from './svix-operations/described-answers.ts';
import { destinationChecks } from './svix-operations/destinations.ts';
import { endpointChecks, endpointTaskChecks, transformationChecks } from './svix-operations/endpoints.ts';
import {
  autoconfigChecks,
  connectorChecks,
  integrationChecks,
  pollerChecks,
} from './svix-operations/extensions.ts';
import { ingestChecks } from './svix-operations/ingest.ts';
import { attemptChecks, messageChecks } from './svix-operations/messages.ts';
import { startWorld } from './svix-operations/world.ts';
import type { Checks, World } from './svix-operations/world.ts';

const checks: Checks = {
  ...applicationChecks,
  ...eventTypeChecks,
  ...healthChecks,
  ...endpointChecks,
  ...endpointTaskChecks,
  ...transformationChecks,
  ...destinationChecks,
  ...messageChecks,
  ...attemptChecks,
  ...accessChecks,
  ...taskChecks,
  ...statisticsChecks,
  ...environmentChecks,
  ...operationalChecks,
  ...integrationChecks,
  ...autoconfigChecks,
  ...connectorChecks,
  ...pollerChecks,
  ...ingestChecks,
};

/** Routes that exist and do not pass their check, with the reason; nothing else may fail. */
const pending: Readonly<Record<string, string>> = {};

const allTimeoutMs = 300_000;

type Verdict = 'answered' | 'absent' | 'unchecked' | 'pending' | 'failed';
interface Result extends ClientOperation {
  verdict: Verdict;
  why: string;
}

let world: World;
const operations = clientOperations();
const results: Result[] = [];

/** Does the server know the route? Asked without a token, which is refused there: nothing must happen by asking. */
async function isServed({ method, path }: ClientOperation): Promise<boolean> {
  const asked = path.replaceAll(/\{\w+\}/g, 'x');
  const { status, body } = await request({ url: world.url }, method, asked);
  return !(status === 404 && body.detail === `${method} ${asked} does not exist`);
}

async function judge(operation: ClientOperation): Promise<Result> {
  if (!(await isServed(operation))) return { ...operation, verdict: 'absent', why: 'there is no such route' };
  const check = checks[operation.name];
  if (check === undefined) return { ...operation, verdict: 'unchecked', why: 'no check is written' };
  try {
    await check(world);
    return { ...operation, verdict: 'answered', why: '' };
  } catch (error) {
    const reason = pending[operation.name];
    if (reason !== undefined) return { ...operation, verdict: 'pending', why: reason };
    return { ...operation, verdict: 'failed', why: error instanceof Error ? error.message : String(error) };
  }
}

function count(of: readonly Result[]): string {
  return `${of.filter(({ verdict }) => verdict === 'answered').length} of ${of.length}`;
}

function report(): string {
  const webhooks = results.filter((result) => !isStreaming(result));
  const rest = webhooks.filter(({ verdict }) => verdict !== 'answered');
  const lines = rest.map(({ name, method, path, why }) => `  ${name} (${method} ${path}): ${why}`);
  const streaming = results.filter((result) => isStreaming(result) && result.verdict !== 'answered');
  const why = 'streams are another product, whose events go to sinks of their own and not to endpoints';
  return [
    `${count(results)} operations answered`,
    `${count(webhooks)} without the ${results.length - webhooks.length} of streaming`,
    'not answered:',
    ...lines,
    `  ${streaming.map(({ name }) => name).join(', ')}: ${why}`,
    '',
  ].join('\n');
}

beforeAll(async () => {
  world = await startWorld();
  for (const operation of operations) results.push(await judge(operation));
  process.stdout.write(report());
}, allTimeoutMs);
afterAll(async () => {
  try {
    await world.stop();
  } finally {
    await endAllPosthorn();
  }
});

describe('the operations of the client', () => {
  test('are all found in its source', () => {
    expect(operations.length).toBeGreaterThan(130);
    expect(operations).toContainEqual({
      name: 'Endpoint.rotateSecret',
      method: 'POST',
      path: '/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate',
    });
    const names = operations.map(({ name }) => name);
    expect(Object.keys(checks).filter((name) => !names.includes(name))).toEqual([]);
    expect(Object.keys(pending).filter((name) => !names.includes(name))).toEqual([]);
  });

  test('do what they are for, wherever there is a route and a check', () => {
    const failed = results.filter(({ verdict }) => verdict === 'failed');
    expect(failed.map(({ name, why }) => `${name}: ${why}`)).toEqual([]);
  });

  test('are answered, all but those of streaming', () => {
    const open = results.filter((result) => !isStreaming(result) && result.verdict !== 'answered');
    expect(open.map(({ name, why }) => `${name}: ${why}`)).toEqual([]);
    expect(results.filter(({ verdict }) => verdict === 'answered').length).toBeGreaterThanOrEqual(109);
  });

  test('are answered as the document says, without a member that it does not name', async () => {
    const document = await request(world, 'GET', '/api/v1/openapi.json');
    const answers = readAnswers(document.body);
    const problems = new Set<string>();
    let described = 0;
    for (const { method, path, status, text } of world.observed) {
      const answer = answers.find(method, path, status);
      if (answer === 'unknown_route') continue;
      const where = `${method} ${path} ${status}`;
      if (answer === 'unknown_status') problems.add(`${where}: this status is not in the document`);
      if (typeof answer === 'string') continue;
      described += 1;
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      if (answer.schema === undefined) {
        if (body !== undefined) problems.add(`${where}: the document says that there is no body`);
        continue;
      }
      const [error] = Compile(answer.schema).Errors(body);
      if (error === undefined) continue;
      const what = `${error.message} ${JSON.stringify(error.params)}`;
      problems.add(`${answer.operationId} ${status} ${error.instancePath.replaceAll(/\d+/g, '*')}: ${what}`);
    }
    expect([...problems], 'to be described in src/api/reference/answers.ts').toEqual([]);
    expect(described).toBeGreaterThan(100);
  });
});
