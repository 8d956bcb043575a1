// The HTTP API: limits of the server, hooks that every answer passes, and the routes of every noun.
import { randomUUID } from 'node:crypto';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { fastify, LogController } from 'fastify';
import { registerApplicationRoutes } from './applications.ts';
import { registerAttemptRoutes } from './attempts.ts';
import { registerAuditLogRoutes } from './audit-log.ts';
import { installAudit } from './audit.ts';
import { type Authenticator, createAuthenticator } from './auth.ts';
import { registerAutoconfigRoutes } from './autoconfig.ts';
import { registerConnectorRoutes } from './connectors.ts';
import { registerBackgroundTaskRoutes } from './background-tasks.ts';
import type { Api, ApiDeps } from './context.ts';
import { registerDestinationRoutes } from './destinations.ts';
import { registerEndpointExampleRoutes } from './endpoint-example.ts';
import { registerEndpointHeaderRoutes } from './endpoint-headers.ts';
import { registerEndpointReplayRoutes } from './endpoint-replays.ts';
import { registerEndpointSecretRoutes } from './endpoint-secrets.ts';
import { registerEndpointTransformationRoutes } from './endpoint-transformations.ts';
import { registerEndpointStatsRoutes } from './endpoint-stats.ts';
import { registerEndpointRoutes } from './endpoints.ts';
import { registerEnvironmentRoutes } from './environment.ts';
import { registerEventTypeCatalogRoutes } from './event-type-catalog.ts';
import { registerEventTypeImportRoutes } from './event-type-import.ts';
import { registerEventTypeRoutes } from './event-types.ts';
import { registerHealthRoutes } from './health.ts';
import { createHttpServer } from './http-server.ts';
import { installIdempotency } from './idempotency.ts';
import { registerIntegrationRoutes } from './integrations.ts';
import { registerIssueRoutes } from './issues.ts';
import { installJsonBody } from './json-body.ts';
import { registerMessageBatchRoutes } from './message-batch.ts';
import { registerMessageExpungeRoutes } from './message-expunge.ts';
import { registerMessagePrecheckRoutes } from './message-precheck.ts';
import { registerMessageRoutes } from './messages.ts';
import { registerPollerConsumerRoutes } from './poller-consumers.ts';
import { registerPollerMessageRoutes } from './poller-messages.ts';
import { registerPollerRoutes } from './pollers.ts';
import { registerOperationalWebhookRoutes } from './operational-webhooks.ts';
import { registerPortalAccessRoutes } from './portal-access.ts';
import { installProblems, sendProblem } from './problems.ts';
import { collectRoutes, registerReferenceRoutes } from './reference/routes.ts';
import { registerSourceEndpointRoutes } from './source-endpoints.ts';
import { registerSourceReconcileRoutes } from './source-reconcile.ts';
import { registerSourceRequestRoutes } from './source-requests.ts';
import { registerSourceSecretRoutes } from './source-secrets.ts';
import { registerSourceRoutes } from './sources.ts';
import { registerStatisticsRoutes } from './statistics.ts';
import { registerTokenRoutes } from './tokens.ts';
import { compileValidator, opaqueNames } from './validation.ts';

// What is not a payload: room for the longest texts and lists that the fields allow, and little to parse.
const ordinaryBodyMaxBytes = 512 * 1024;
// A uid has 256 characters, each of which a client may percent-encode.
const paramMaxChars = 1_024;

/** The API, ready to `listen`. Closing it lets running requests finish; of `deps`, it stops `schemas` alone. */
export function createApi(deps: ApiDeps): Api {
  const api: Api = fastify({
    loggerInstance: deps.log,
    // One line per answer is written below; never headers or bodies, which hold tokens and payloads.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: deps.bodyMaxBytes,
    serverFactory: (serve) => createHttpServer({ serve, other: deps.gateway, clock: deps.clock }),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: paramMaxChars },
    // Requests on open connections are served to the end while the server closes.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      void sendProblem(error, request, reply);
    },
    // The server answers these itself.
    clientErrorHandler: () => {},
  }).withTypeProvider<TypeBoxTypeProvider>();

  api.decorate('outageLog', deps.outageLog);
  const routes = collectRoutes(api);
  limitBodies(api, deps.bodyMaxBytes);
  installAnswerHooks(api);
  installProblems(api);
  installJsonBody(api);
  api.setValidatorCompiler(compileValidator);
  // A schema of answers describes them; it does not rewrite them.
  api.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  const authenticator = createAuthenticator(deps);
  authenticator.install(api);
  installIdempotency(api, deps);
  installAudit(api, deps);
  api.addHook('onClose', () => deps.schemas.stop());

  registerRoutes(api, deps, authenticator);
  registerReferenceRoutes(api, routes);
  return api;
}

function registerRoutes(api: Api, deps: ApiDeps, authenticator: Authenticator): void {
  const { payloads } = deps;
  registerHealthRoutes(api, deps);
  registerTokenRoutes(api, deps, authenticator);
  registerPortalAccessRoutes(api, deps, authenticator);
  registerAuditLogRoutes(api, deps);
  registerEventTypeRoutes(api, deps, payloads);
  registerEventTypeImportRoutes(api, deps, payloads);
  registerEventTypeCatalogRoutes(api, deps);
  registerEnvironmentRoutes(api, deps, payloads);
  registerApplicationRoutes(api, deps);
  registerEndpointRoutes(api, deps);
  registerEndpointSecretRoutes(api, deps);
  registerEndpointHeaderRoutes(api, deps);
  registerEndpointTransformationRoutes(api, deps);
  registerDestinationRoutes(api, deps);
  registerMessageRoutes(api, deps, payloads);
  registerMessageBatchRoutes(api, deps, payloads);
  registerMessagePrecheckRoutes(api, deps);
  registerPollerRoutes(api, deps);
  registerPollerMessageRoutes(api, deps);
  registerPollerConsumerRoutes(api, deps);
  registerEndpointExampleRoutes(api, deps);
  registerAttemptRoutes(api, deps);
  registerOperationalWebhookRoutes(api, deps);
  registerIntegrationRoutes(api, deps, authenticator);
  registerAutoconfigRoutes(api, deps, authenticator);
  registerConnectorRoutes(api, deps);
  registerEndpointReplayRoutes(api, deps);
  registerEndpointStatsRoutes(api, deps);
  registerMessageExpungeRoutes(api, deps);
  registerBackgroundTaskRoutes(api, deps);
  registerStatisticsRoutes(api, deps);
  registerIssueRoutes(api, deps);
  registerSourceRoutes(api, deps);
  registerSourceSecretRoutes(api, deps);
  registerSourceEndpointRoutes(api, deps);
  registerSourceRequestRoutes(api, deps);
  registerSourceReconcileRoutes(api, deps);
}

/** Only bodies whose content is passed on as bytes get the room for it, unless their route says otherwise. */
function limitBodies(api: Api, bodyMaxBytes: number): void {
  api.addHook('onRoute', (route) => {
    const schema = route.schema?.body;
    if (schema === undefined || opaqueNames(schema).length > 0) return;
    route.bodyLimit ??= Math.min(bodyMaxBytes, ordinaryBodyMaxBytes);
  });
}

function installAnswerHooks(api: Api): void {
  api.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  api.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url;
    const durationMs = Math.round(reply.elapsedTime);
    request.log.debug({ method: request.method, route, status: reply.statusCode, durationMs }, 'answered');
    done();
  });
}
