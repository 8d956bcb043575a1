// What the API's document says of each operation: its id, as the reference's own document has it, and what it does. An
// operation that is not in the table is described from its method and path.

export interface Operation {
  /** Such as `v1.application.create`; unique. */
  id: string;
  summary: string;
}

const one = '{}';
const app = `/app/${one}`;
const endpoint = `${app}/endpoint/${one}`;
const destination = `${app}/destination/${one}`;
const message = `${app}/msg/${one}`;
const integration = `${app}/integration/${one}`;
const autoconfig = `${app}/autoconfig/${one}`;
const connector = `/connector/${one}`;
const operational = '/operational-webhook/endpoint';
const poller = `${app}/poller/${one}`;

type Entry = readonly [route: string, id: string, summary: string];

const applications: readonly Entry[] = [
  ['GET /app', 'application.list', 'List applications'],
  ['POST /app', 'application.create', 'Create an application'],
  [`GET ${app}`, 'application.get', 'Get an application'],
  [`PUT ${app}`, 'application.upsert', 'Create or replace an application'],
  [`PATCH ${app}`, 'application.patch', 'Change fields of an application'],
  [`DELETE ${app}`, 'application.delete', 'Delete an application with its endpoints'],
];

const endpoints: readonly Entry[] = [
  [`GET ${app}/endpoint`, 'endpoint.list', 'List the endpoints of an application'],
  [`POST ${app}/endpoint`, 'endpoint.create', 'Create an endpoint'],
  [`GET ${endpoint}`, 'endpoint.get', 'Get an endpoint'],
  [`PUT ${endpoint}`, 'endpoint.upsert', 'Create or replace an endpoint; its secret stays'],
  [`PATCH ${endpoint}`, 'endpoint.patch', 'Change fields of an endpoint'],
  [`DELETE ${endpoint}`, 'endpoint.delete', 'Delete an endpoint'],
  [`GET ${endpoint}/secret`, 'endpoint.get-secret', 'Get the signing secret, or its public key'],
  [`POST ${endpoint}/secret/rotate`, 'endpoint.rotate-secret', 'Change the signing secret'],
  [`GET ${endpoint}/headers`, 'endpoint.get-headers', 'Get the custom headers'],
  [`PUT ${endpoint}/headers`, 'endpoint.set-headers', 'Replace the custom headers'],
  [`PATCH ${endpoint}/headers`, 'endpoint.patch-headers', 'Change some custom headers'],
  [`GET ${endpoint}/stats`, 'endpoint.get-stats', 'Count the deliveries of an endpoint by status'],
  [`POST ${endpoint}/send-example`, 'endpoint.send-example', 'Send an example of an event type'],
  [`POST ${endpoint}/recover`, 'endpoint.recover', 'Send again what failed since a time'],
  [`POST ${endpoint}/replay-missing`, 'endpoint.replay-missing', 'Send what was never attempted'],
  [`POST ${endpoint}/bulk-replay`, 'endpoint.bulk-replay', 'Send the messages that a filter names'],
  [`GET ${endpoint}/transformation`, 'endpoint.transformation.get', 'Get the transformation'],
  [`PATCH ${endpoint}/transformation`, 'endpoint.transformation.patch', 'Change the transformation'],
  [
    `POST ${endpoint}/transformation/simulate`,
    'endpoint.transformation.simulate',
    'Run a transformation and send nothing',
  ],
];

const destinations: readonly Entry[] = [
  [
    `GET ${app}/destination`,
    'destination.list',
    'List destinations: endpoints in order, as the reference has them',
  ],
  [`POST ${app}/destination`, 'destination.create', 'Create a destination'],
  [`GET ${destination}`, 'destination.get', 'Get a destination'],
  [`PUT ${destination}`, 'destination.upsert', 'Create or replace a destination; its secrets stay'],
  [`PATCH ${destination}`, 'destination.patch', 'Change fields of a destination'],
  [`DELETE ${destination}`, 'destination.delete', 'Delete a destination'],
  [`GET ${destination}/transformation`, 'destination.transformation.get', 'Get its transformation'],
  [`PATCH ${destination}/transformation`, 'destination.transformation.patch', 'Change its transformation'],
];

const messages: readonly Entry[] = [
  [`GET ${app}/msg`, 'message.list', 'List the messages of an application'],
  [`POST ${app}/msg`, 'message.create', 'Send a message to every endpoint that asked for it'],
  [`POST ${app}/msg/batch`, 'message.create-batch', 'Send many messages at once'],
  [`POST ${app}/msg/precheck/active`, 'message.precheck', 'Ask whether any endpoint would receive a message'],
  [`POST ${app}/msg/bulk-expunge`, 'message.bulk-expunge', 'Delete the payloads that a filter names'],
  [`POST ${app}/msg/expunge-all-contents`, 'message.expunge-all-contents', 'Delete all payloads'],
  [`GET ${message}`, 'message.get', 'Get a message'],
  [`DELETE ${message}/content`, 'message.expunge-content', 'Delete the payload of a message'],
  [`GET ${poller}`, 'message.poller.poll', 'Read messages of a polling endpoint'],
  [`GET ${poller}/consumer/${one}`, 'message.poller.consumer-poll', 'Read messages as a consumer'],
  [`POST ${poller}/consumer/${one}/seek`, 'message.poller.consumer-seek', 'Move a consumer to a time'],
];

const attempts: readonly Entry[] = [
  [
    `GET ${app}/attempt/endpoint/${one}`,
    'message-attempt.list-by-endpoint',
    'List the attempts of an endpoint',
  ],
  [`GET ${app}/attempt/msg/${one}`, 'message-attempt.list-by-msg', 'List the attempts of a message'],
  [
    `GET ${endpoint}/msg`,
    'message-attempt.list-attempted-messages',
    'List the messages meant for an endpoint',
  ],
  [
    `GET ${message}/endpoint`,
    'message-attempt.list-attempted-destinations',
    'List the endpoints a message is meant for',
  ],
  [`GET ${message}/attempt/${one}`, 'message-attempt.get', 'Get an attempt'],
  [
    `DELETE ${message}/attempt/${one}/content`,
    'message-attempt.expunge-content',
    'Delete what the endpoint answered',
  ],
  [`POST ${message}/endpoint/${one}/resend`, 'message-attempt.resend', 'Attempt a delivery once more'],
];

const eventTypes: readonly Entry[] = [
  ['GET /event-type', 'event-type.list', 'List event types'],
  ['POST /event-type', 'event-type.create', 'Create an event type'],
  [`GET /event-type/${one}`, 'event-type.get', 'Get an event type'],
  [`PUT /event-type/${one}`, 'event-type.upsert', 'Create or replace an event type'],
  [`PATCH /event-type/${one}`, 'event-type.patch', 'Change fields of an event type'],
  [`DELETE /event-type/${one}`, 'event-type.delete', 'Archive an event type, or remove it'],
  [
    'POST /event-type/import/openapi',
    'event-type.import-openapi',
    'Import event types from OpenAPI webhooks',
  ],
  ['GET /event-type/openapi.json', 'event-type.openapi', 'The event types as an OpenAPI document'],
];

const administration: readonly Entry[] = [
  ['GET /health', 'health.get', 'Does this server serve, and does its database answer?'],
  ['GET /health/ping', 'health.ping', 'Does this process answer?'],
  ['GET /openapi.json', 'openapi.get', 'This document'],
  ['GET /token', 'token.list', 'List the tokens of the environment, without their text'],
  ['POST /token', 'token.create', 'Create a token; its text is in this answer only'],
  [`DELETE /token/${one}`, 'token.revoke', 'Revoke a token'],
  [
    `POST /auth/app-portal-access/${one}`,
    'authentication.app-portal-access',
    'Open the portal for a customer',
  ],
  [`POST /auth/app/${one}/expire-all`, 'authentication.expire-all', 'End the sessions of an application'],
  ['POST /auth/logout', 'authentication.logout', 'End the session of the token that asks'],
  ['GET /background-task', 'background-task.list', 'List background tasks'],
  [`GET /background-task/${one}`, 'background-task.get', 'Get a background task'],
  ['POST /environment/export', 'environment.export', 'Export the settings of the environment'],
  ['POST /environment/import', 'environment.import', 'Import settings into the environment'],
  ['POST /stats/usage/app', 'statistics.aggregate-app-stats', 'Count deliveries and attempts by application'],
  [
    'PUT /stats/usage/event-types',
    'statistics.aggregate-event-types',
    'List the event types that endpoints ask for',
  ],
];

const extensions: readonly Entry[] = [
  [`GET ${app}/integration`, 'integration.list', 'List integrations'],
  [`POST ${app}/integration`, 'integration.create', 'Create an integration'],
  [`GET ${integration}`, 'integration.get', 'Get an integration'],
  [`PUT ${integration}`, 'integration.update', 'Replace an integration'],
  [`DELETE ${integration}`, 'integration.delete', 'Delete an integration'],
  [`POST ${integration}/key/rotate`, 'integration.rotate-key', 'Change the key of an integration'],
  [
    `POST ${app}/autoconfig`,
    'autoconfig-subscription.create',
    'Make a token that sets up one endpoint or poller',
  ],
  [`POST ${autoconfig}/rotate`, 'autoconfig-subscription.rotate', 'Change its token and signing secret'],
  [`GET ${autoconfig}`, 'autoconfig-subscription.get', 'Get a subscription'],
  [`DELETE ${autoconfig}`, 'autoconfig-subscription.delete', 'End a subscription; what it made stays'],
  [
    `PUT ${autoconfig}/endpoint`,
    'autoconfig-subscription.endpoint.subscribe',
    'Make or replace its endpoint',
  ],
  [
    `PUT ${autoconfig}/destination`,
    'autoconfig-subscription.destination.subscribe',
    'Make or replace its poller',
  ],
  [
    `GET ${app}/polling-endpoint/${one}/consumer/${one}`,
    'message.pollerv2.consumer-poll',
    'Receive messages as a consumer, for a time',
  ],
  [
    `POST ${app}/polling-endpoint/${one}/consumer/${one}/commit`,
    'message.pollerv2.consumer-commit',
    'Confirm messages up to an offset',
  ],
  ['GET /connector', 'connector.list', 'List connectors'],
  ['POST /connector', 'connector.create', 'Create a connector'],
  [`GET ${connector}`, 'connector.get', 'Get a connector'],
  [`PUT ${connector}`, 'connector.upsert', 'Create or replace a connector'],
  [`PATCH ${connector}`, 'connector.patch', 'Change fields of a connector'],
  [`DELETE ${connector}`, 'connector.delete', 'Delete a connector'],
  [`GET ${operational}`, 'operational-webhook.endpoint.list', 'List operational endpoints'],
  [`POST ${operational}`, 'operational-webhook.endpoint.create', 'Create an operational endpoint'],
  [`GET ${operational}/${one}`, 'operational-webhook.endpoint.get', 'Get an operational endpoint'],
  [`PUT ${operational}/${one}`, 'operational-webhook.endpoint.upsert', 'Create or replace one'],
  [`DELETE ${operational}/${one}`, 'operational-webhook.endpoint.delete', 'Delete an operational endpoint'],
  [`GET ${operational}/${one}/secret`, 'operational-webhook.endpoint.get-secret', 'Get its signing secret'],
  [
    `POST ${operational}/${one}/secret/rotate`,
    'operational-webhook.endpoint.rotate-secret',
    'Change its secret',
  ],
  [`GET ${operational}/${one}/headers`, 'operational-webhook.endpoint.get-headers', 'Get its custom headers'],
  [`PUT ${operational}/${one}/headers`, 'operational-webhook.endpoint.set-headers', 'Replace its headers'],
];

const issue = `${app}/issue/${one}`;
const issues: readonly Entry[] = [
  ['GET /issue', 'issue.list-all', 'List the issues of the environment'],
  [`GET ${app}/issue`, 'issue.list', 'List the issues of an application or a source'],
  [`GET ${issue}`, 'issue.get', 'Get an issue'],
  [`POST ${issue}/resolve`, 'issue.resolve', 'Resolve an issue until it is seen again'],
  [`POST ${issue}/ignore`, 'issue.ignore', 'Tell nobody of an issue any more'],
  [`POST ${issue}/replay`, 'issue.replay', 'Have everything again that an issue affects'],
];

const sources = '/ingest/api/v1/source';
const source = `${sources}/${one}`;
const sourceEndpoint = `${source}/endpoint/${one}`;
const ingest: readonly Entry[] = [
  [`GET ${sources}`, 'ingest.source.list', 'List sources'],
  [`POST ${sources}`, 'ingest.source.create', 'Create a source'],
  [`GET ${source}`, 'ingest.source.get', 'Get a source'],
  [
    `PUT ${source}`,
    'ingest.source.upsert',
    'Create or replace a source; its secrets stay unless they are given',
  ],
  [`PATCH ${source}`, 'ingest.source.patch', 'Change fields of a source'],
  [`DELETE ${source}`, 'ingest.source.delete', 'Delete a source with its endpoints'],
  [
    `POST ${source}/token/rotate`,
    'ingest.source.rotate-token',
    'Change the URL; the old one works for two days',
  ],
  [`POST ${source}/dashboard`, 'ingest.dashboard', 'Open the portal for a source'],
  [`GET ${source}/secret`, 'ingest.source.list-secrets', 'List what its requests are verified with'],
  [`POST ${source}/secret/rotate`, 'ingest.source.rotate-secret', 'Verify with another secret, too'],
  [`GET ${source}/request`, 'ingest.request.list', 'List the requests that came in'],
  [`GET ${source}/request/${one}`, 'ingest.request.get', 'Get a request as it came in'],
  [
    `POST ${source}/request/${one}/replay`,
    'ingest.request.replay',
    'Have a request again that was set aside',
  ],
  [`GET ${source}/reconcile`, 'ingest.reconcile.get', 'Get how a source is compared with its provider'],
  [`PUT ${source}/reconcile`, 'ingest.reconcile.set', 'Compare a source with its provider by schedule'],
  [`DELETE ${source}/reconcile`, 'ingest.reconcile.delete', 'Compare a source with its provider no more'],
  [`POST ${source}/reconcile/run`, 'ingest.reconcile.run', 'Compare a source with its provider now'],
  [`GET ${source}/reconcile/missing`, 'ingest.reconcile.list-missing', 'List what had not come in'],
  [`GET ${source}/endpoint`, 'ingest.endpoint.list', 'List the endpoints of a source'],
  [`POST ${source}/endpoint`, 'ingest.endpoint.create', 'Create an endpoint of a source'],
  [`GET ${sourceEndpoint}`, 'ingest.endpoint.get', 'Get an endpoint of a source'],
  [`PUT ${sourceEndpoint}`, 'ingest.endpoint.upsert', 'Create or replace an endpoint of a source'],
  [`PATCH ${sourceEndpoint}`, 'ingest.endpoint.patch', 'Change fields of an endpoint of a source'],
  [`DELETE ${sourceEndpoint}`, 'ingest.endpoint.delete', 'Delete an endpoint of a source'],
  [`GET ${sourceEndpoint}/secret`, 'ingest.endpoint.get-secret', 'Get its signing secret'],
  [`POST ${sourceEndpoint}/secret/rotate`, 'ingest.endpoint.rotate-secret', 'Change its signing secret'],
  [`GET ${sourceEndpoint}/headers`, 'ingest.endpoint.get-headers', 'Get its custom headers'],
  [`PUT ${sourceEndpoint}/headers`, 'ingest.endpoint.set-headers', 'Replace its custom headers'],
  [`GET ${sourceEndpoint}/transformation`, 'ingest.endpoint.transformation.get', 'Get its transformation'],
  [
    `PATCH ${sourceEndpoint}/transformation`,
    'ingest.endpoint.transformation.patch',
    'Change its transformation',
  ],
];

const known = new Map<string, Operation>(
  [
    applications,
    endpoints,
    destinations,
    messages,
    attempts,
    eventTypes,
    administration,
    extensions,
    issues,
    ingest,
  ]
    .flat()
    .map(([route, id, summary]) => [route, { id: `v1.${id}`, summary }]),
);

/** A route without its version and the names of its parameters: `GET /app/{}` of `/api/v1/app/:app`. */
export function routeKey(method: string, url: string): string {
  const path = url.replace(/^\/api\/v1/, '').replaceAll(/:[A-Za-z_]\w*/g, one);
  return `${method} ${path}`;
}

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'upsert',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** `isList` tells a list from a single thing that has no id of its own. */
export function describeOperation(method: string, url: string, isList: boolean): Operation {
  const key = routeKey(method, url);
  const entry = known.get(key);
  if (entry !== undefined) return entry;
  const words = key
    .slice(method.length + 1)
    .split('/')
    .filter((part) => part !== '' && part !== one && part !== 'api' && part !== 'v1');
  const verb = method === 'GET' && isList ? 'list' : (verbs[method] ?? method.toLowerCase());
  const text = `${verb} ${words.join(' ').replaceAll('-', ' ')}`;
  return { id: ['v1', ...words, verb].join('.'), summary: text.charAt(0).toUpperCase() + text.slice(1) };
}
