// Autoconfig over HTTP: an operator makes a subscription and hands its token on; whoever holds that sets up the one
// endpoint that it stands for and verifies with the secret in it, or the one poller, and fetches from it. The token is read
// by the official client's AutoConfig and AutoConfigConsumer.
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import { type Caller, subscribing } from '../core/access.ts';
import {
  type AutoconfigRow,
  autoconfigSecretOwner,
  changeAutoconfigSecret,
  deleteAutoconfig,
  findAutoconfig,
  insertAutoconfig,
} from '../store/autoconfig.ts';
import { isUniqueViolation } from '../store/availability.ts';
import { type EndpointRow, findEndpoint } from '../store/endpoints.ts';
import { deleteHolderToken, putHolderToken } from '../store/holder-tokens.ts';
import { findPoller, type PollerRow } from '../store/pollers.ts';
import { generateTokenText } from '../store/tokens.ts';
import { managing } from './access.ts';
import { type Authenticator, callerOf } from './auth.ts';
import type { Api, ApiDeps } from './context.ts';
import { wireDestination } from './destination-wire.ts';
import { RotateIn, rotateTo, takeSecret } from './endpoint-secrets.ts';
import { EndpointIn, wireEndpoint } from './endpoint-fields.ts';
import { putEndpoint, writing } from './endpoints.ts';
import { nullable, oneOf } from './fields.ts';
import { PollerIn, putPoller } from './pollers.ts';
import { conflict, invalidField, notFound } from './problems.ts';
import { resolveApplication } from './resolve.ts';
import { bodyChecker } from './validation.ts';

const idPrefix = 'acfg_';
const tokenPrefix = 'auto_v2_';
const accessPrefix = 'phs_';
const hmacPrefix = 'whsec_';
const endpointKey = 'endpoint_pkey';
const listPath = '/api/v1/app/:app/autoconfig';
const path = `${listPath}/:autoconfig`;

const ListParams = Type.Object({ app: Type.String() });
const Params = Type.Object({ app: Type.String(), autoconfig: Type.String() });
// The reference's other types of destinations are endpoints, which have a route of their own.
const { uid, metadata } = PollerIn.properties;
const namesField = Type.Optional(nullable(Type.Array(Type.String())));
const DestinationIn = Type.Object({
  type: oneOf(['pollingEndpoint']),
  status: Type.Optional(nullable(oneOf(['enabled', 'disabled']))),
  uid,
  eventTypes: namesField,
  channels: namesField,
  metadata,
});
const asPoller = bodyChecker(PollerIn);
const RotateSubscriptionIn = nullable(Type.Object({ signingSecret: Type.Optional(RotateIn) }));

/** Tokens with `manage`, and the subscription's own. */
const subscriber = { access: { scope: 'manage', capability: subscribing } } as const;

interface Asked extends Pick<FastifyRequest, 'environmentId' | 'caller'> {
  params: Static<typeof Params>;
}

/** Throws 404 when it is unknown, of another application, or the token is another subscription's. */
async function resolveAutoconfig(
  deps: ApiDeps,
  { params, environmentId, caller }: Asked,
): Promise<AutoconfigRow> {
  const { id } = await resolveApplication(deps, environmentId, params.app);
  const isMine = caller?.application === null || caller?.holderId === params.autoconfig;
  const row =
    isMine && params.autoconfig.startsWith(idPrefix)
      ? await findAutoconfig(deps.db.queries, id, params.autoconfig)
      : undefined;
  if (row === undefined) throw notFound('Autoconfig subscription not found');
  return row;
}

interface Content {
  row: Pick<AutoconfigRow, 'id' | 'application_id'>;
  serverUrl: string;
  secret: string;
  access: string;
}

/** What the client takes apart: where to subscribe, with which token, and what to verify with. */
function tokenText({ row, serverUrl, secret, access }: Content): string {
  const content = { aid: row.application_id, sid: row.id, surl: serverUrl, esec: secret, tok: access };
  return tokenPrefix + Buffer.from(JSON.stringify(content)).toString('base64');
}

function wireCreated(row: AutoconfigRow, token: string) {
  return { id: row.id, token, createdAt: row.created_at.toISOString() };
}

function accessToken(deps: ApiDeps, environmentId: string, row: Content['row']) {
  return {
    id: deps.newId('tok_'),
    environmentId,
    applicationId: row.application_id,
    holderId: row.id,
    name: 'autoconfig',
    text: generateTokenText(accessPrefix),
    capabilities: [subscribing] as const,
    featureFlags: [],
  };
}

/** The client's class verifies with a shared secret, and nothing else. */
async function takeSharedSecret(given: string | null | undefined): Promise<string> {
  const secret = await takeSecret(given, 'signingSecret.key');
  if (!secret.startsWith(hmacPrefix))
    throw invalidField('signingSecret.key', 'must be a shared secret (whsec_)');
  return secret;
}

async function create(deps: ApiDeps, environmentId: string, applicationId: string, serverUrl: string) {
  const secret = await takeSharedSecret(undefined);
  const id = deps.newId(idPrefix);
  const token = accessToken(deps, environmentId, { id, application_id: applicationId });
  const row = await deps.db.queries.transaction().execute(async (transaction) => {
    const made = await insertAutoconfig(transaction, {
      id,
      application_id: applicationId,
      endpoint_id: deps.newId('ep_'),
      poller_id: deps.newId('poll_'),
      secret_sealed: deps.box.seal(secret, autoconfigSecretOwner(id)),
    });
    await putHolderToken(transaction, token);
    return made;
  });
  return wireCreated(row, tokenText({ row, serverUrl, secret, access: token.text }));
}

interface Rotation {
  environmentId: string;
  serverUrl: string;
  body: Static<typeof RotateSubscriptionIn>;
}

/** A new token, with a new secret in it; the endpoint signs with the old one along for as long as it is told. */
async function rotate(deps: ApiDeps, row: AutoconfigRow, { environmentId, serverUrl, body }: Rotation) {
  const { key, gracePeriodSeconds } = body?.signingSecret ?? {};
  const secret = await takeSharedSecret(key);
  const token = accessToken(deps, environmentId, row);
  const sealed = deps.box.seal(secret, autoconfigSecretOwner(row.id));
  await writing(deps, row.application_id, async (transaction) => {
    if (!(await changeAutoconfigSecret(transaction, row.id, sealed))) {
      throw notFound('Autoconfig subscription not found');
    }
    const endpoint = await findEndpoint(transaction, row.application_id, row.endpoint_id);
    if (endpoint !== undefined) {
      await rotateTo(deps, transaction, endpoint.id, { secret, gracePeriodSeconds });
    }
    await putHolderToken(transaction, token);
  });
  return wireCreated(row, tokenText({ row, serverUrl, secret, access: token.text }));
}

async function subscribe(
  deps: ApiDeps,
  row: AutoconfigRow,
  caller: Caller,
  body: Static<typeof EndpointIn>,
): Promise<EndpointRow> {
  if (body.secret !== undefined && body.secret !== null) {
    throw invalidField('secret', 'cannot be given: the endpoint signs with the secret of its subscription');
  }
  const secret = deps.box.open(row.secret_sealed, autoconfigSecretOwner(row.id));
  if (await pollerOf(deps, row)) throw conflict('this subscription has a poller: ask for another one');
  try {
    const scope = { applicationId: row.application_id, caller };
    return await putEndpoint(deps, scope, { id: row.endpoint_id, secret }, body);
  } catch (error) {
    if (!isUniqueViolation(error, endpointKey)) throw error;
    throw conflict('the endpoint of this subscription was deleted: ask for a new subscription');
  }
}

const pollerOf = ({ db }: ApiDeps, { application_id, poller_id }: AutoconfigRow) =>
  findPoller(db.queries, application_id, poller_id);
const endpointOf = ({ db }: ApiDeps, { application_id, endpoint_id }: AutoconfigRow) =>
  findEndpoint(db.queries, application_id, endpoint_id);

// The reference's client sends an empty list for "all".
const someOf = (names: readonly string[] | null | undefined) => (names?.length ? names : null);

async function subscribeToPoll(
  deps: ApiDeps,
  row: AutoconfigRow,
  { status, eventTypes, channels, ...others }: Static<typeof DestinationIn>,
): Promise<PollerRow> {
  if (status === 'disabled') throw invalidField('status', 'must be enabled: delete a poller to end it');
  if (await endpointOf(deps, row)) throw conflict('this subscription has an endpoint: ask for another one');
  const { uid: own = null, metadata: notes = {} } = others;
  const body = asPoller({
    uid: own,
    metadata: notes,
    eventTypes: someOf(eventTypes),
    channels: someOf(channels),
  });
  return putPoller(deps, { applicationId: row.application_id, id: row.poller_id }, body);
}

function registerSubscriber(api: Api, deps: ApiDeps): void {
  api.get(path, { config: subscriber, schema: { params: Params } }, async (request) => {
    const row = await resolveAutoconfig(deps, request);
    const [endpoint, poller] = [await endpointOf(deps, row), await pollerOf(deps, row)];
    return {
      id: row.id,
      tokenCensored: `${tokenPrefix}***`,
      endpId: endpoint?.id ?? null,
      destId: poller?.id ?? null,
      status: (endpoint ?? poller) ? 'active' : 'pending',
      createdAt: row.created_at.toISOString(),
    };
  });

  api.put(
    `${path}/endpoint`,
    { config: subscriber, schema: { params: Params, body: EndpointIn } },
    async (request) => {
      const row = await resolveAutoconfig(deps, request);
      return wireEndpoint(await subscribe(deps, row, callerOf(request), request.body));
    },
  );

  api.put(
    `${path}/destination`,
    { config: subscriber, schema: { params: Params, body: DestinationIn } },
    async (request) => {
      const row = await resolveAutoconfig(deps, request);
      const poller = await subscribeToPoll(deps, row, request.body);
      return wireDestination(poller, { type: 'pollingEndpoint', config: {} });
    },
  );
}

export function registerAutoconfigRoutes(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const serverUrlOf = ({ protocol, host }: { protocol: string; host: string }) =>
    deps.publicUrl ?? `${protocol}://${host}`;
  registerSubscriber(api, deps);

  api.post(listPath, { config: managing, schema: { params: ListParams } }, async (request, reply) => {
    const { environmentId, params } = request;
    const { id } = await resolveApplication(deps, environmentId, params.app);
    return reply.code(201).send(await create(deps, environmentId, id, serverUrlOf(request)));
  });

  api.post(
    `${path}/rotate`,
    { config: managing, schema: { params: Params, body: RotateSubscriptionIn } },
    async (request) => {
      const row = await resolveAutoconfig(deps, request);
      const { environmentId, body } = request;
      const rotated = await rotate(deps, row, { environmentId, serverUrl: serverUrlOf(request), body });
      authenticator.forget((caller) => caller.holderId === row.id);
      return rotated;
    },
  );

  api.delete(path, { config: managing, schema: { params: Params } }, async (request, reply) => {
    const { id } = await resolveAutoconfig(deps, request);
    await deps.db.queries.transaction().execute(async (transaction) => {
      await deleteHolderToken(transaction, id);
      await deleteAutoconfig(transaction, id);
    });
    authenticator.forget((caller) => caller.holderId === id);
    return reply.code(204).send();
  });
}
