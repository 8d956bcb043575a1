// What every operation of the API takes and answers. Made of docs/openapi.json: `npm run openapi` writes it.

export interface Operations {
  /** List applications. */
  "GET /api/v1/app": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; exclude_apps_with_no_endpoints?: boolean; exclude_apps_with_disabled_endpoints?: boolean; exclude_apps_with_svix_play_endpoints?: boolean }; answer: ListResponseApplicationOut };
  /** Create an application. */
  "POST /api/v1/app": { query?: { get_if_exists?: boolean }; body: ApplicationIn; answer: ApplicationOut };
  /** Get an application. */
  "GET /api/v1/app/{app}": { params: { app: string }; answer: ApplicationOut };
  /** Create or replace an application. */
  "PUT /api/v1/app/{app}": { params: { app: string }; body: ApplicationUpdate; answer: ApplicationOut };
  /** Change fields of an application. */
  "PATCH /api/v1/app/{app}": { params: { app: string }; body: ApplicationPatch; answer: ApplicationOut };
  /** Delete an application with its endpoints. */
  "DELETE /api/v1/app/{app}": { params: { app: string }; answer: undefined };
  /** List the attempts of an endpoint. */
  "GET /api/v1/app/{app}/attempt/endpoint/{endpoint}": { params: { app: string; endpoint: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; channel?: string; tag?: string; event_types?: string | Array<string>; before?: string; after?: string; with_content?: boolean; status?: number; status_code_class?: number; with_msg?: boolean }; answer: ListResponseMessageAttemptOut };
  /** List the attempts of a message. */
  "GET /api/v1/app/{app}/attempt/msg/{msg}": { params: { app: string; msg: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; channel?: string; tag?: string; event_types?: string | Array<string>; before?: string; after?: string; with_content?: boolean; status?: number; status_code_class?: number; endpoint_id?: string }; answer: ListResponseMessageAttemptOut };
  /** Make a token that sets up one endpoint or poller. */
  "POST /api/v1/app/{app}/autoconfig": { params: { app: string }; answer: AutoConfigOut };
  /** Get a subscription. */
  "GET /api/v1/app/{app}/autoconfig/{autoconfig}": { params: { app: string; autoconfig: string }; answer: AutoconfigSubscriptionOut };
  /** End a subscription; what it made stays. */
  "DELETE /api/v1/app/{app}/autoconfig/{autoconfig}": { params: { app: string; autoconfig: string }; answer: undefined };
  /** Make or replace its poller. */
  "PUT /api/v1/app/{app}/autoconfig/{autoconfig}/destination": { params: { app: string; autoconfig: string }; body: AutoconfigSubscriptionDestinationSubscribeIn; answer: DestinationOut };
  /** Make or replace its endpoint. */
  "PUT /api/v1/app/{app}/autoconfig/{autoconfig}/endpoint": { params: { app: string; autoconfig: string }; body: AutoconfigSubscriptionEndpointSubscribeIn; answer: EndpointOut };
  /** Change its token and signing secret. */
  "POST /api/v1/app/{app}/autoconfig/{autoconfig}/rotate": { params: { app: string; autoconfig: string }; body?: AutoconfigSubscriptionRotateIn; answer: AutoConfigOut };
  /** List destinations: endpoints in order, as the reference has them. */
  "GET /api/v1/app/{app}/destination": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseDestinationOut };
  /** Create a destination. */
  "POST /api/v1/app/{app}/destination": { params: { app: string }; body: DestinationIn; answer: DestinationOut };
  /** Get a destination. */
  "GET /api/v1/app/{app}/destination/{destination}": { params: { app: string; destination: string }; answer: DestinationOut };
  /** Create or replace a destination; its secrets stay. */
  "PUT /api/v1/app/{app}/destination/{destination}": { params: { app: string; destination: string }; body: DestinationUpdate; answer: DestinationOut };
  /** Change fields of a destination. */
  "PATCH /api/v1/app/{app}/destination/{destination}": { params: { app: string; destination: string }; body: DestinationPatch; answer: DestinationOut };
  /** Delete a destination. */
  "DELETE /api/v1/app/{app}/destination/{destination}": { params: { app: string; destination: string }; answer: undefined };
  /** Get its transformation. */
  "GET /api/v1/app/{app}/destination/{destination}/transformation": { params: { app: string; destination: string }; answer: DestinationTransformationOut };
  /** Change its transformation. */
  "PATCH /api/v1/app/{app}/destination/{destination}/transformation": { params: { app: string; destination: string }; body: DestinationTransformationPatch; answer: EmptyResponse };
  /** List the endpoints of an application. */
  "GET /api/v1/app/{app}/endpoint": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseEndpointOut };
  /** Create an endpoint. */
  "POST /api/v1/app/{app}/endpoint": { params: { app: string }; body: EndpointIn; answer: EndpointOut };
  /** Get an endpoint. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}": { params: { app: string; endpoint: string }; answer: EndpointOut };
  /** Create or replace an endpoint; its secret stays. */
  "PUT /api/v1/app/{app}/endpoint/{endpoint}": { params: { app: string; endpoint: string }; body: EndpointUpdate; answer: EndpointOut };
  /** Change fields of an endpoint. */
  "PATCH /api/v1/app/{app}/endpoint/{endpoint}": { params: { app: string; endpoint: string }; body: EndpointPatch; answer: EndpointOut };
  /** Delete an endpoint. */
  "DELETE /api/v1/app/{app}/endpoint/{endpoint}": { params: { app: string; endpoint: string }; answer: undefined };
  /** Send the messages that a filter names. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/bulk-replay": { params: { app: string; endpoint: string }; body: EndpointBulkReplayIn; answer: BackgroundTaskOut };
  /** Get the custom headers. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}/headers": { params: { app: string; endpoint: string }; answer: EndpointHeadersOut };
  /** Replace the custom headers. */
  "PUT /api/v1/app/{app}/endpoint/{endpoint}/headers": { params: { app: string; endpoint: string }; body: EndpointSetHeadersIn; answer: undefined };
  /** Change some custom headers. */
  "PATCH /api/v1/app/{app}/endpoint/{endpoint}/headers": { params: { app: string; endpoint: string }; body: EndpointPatchHeadersIn; answer: undefined };
  /** List the messages meant for an endpoint. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}/msg": { params: { app: string; endpoint: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; channel?: string; tag?: string; event_types?: string | Array<string>; before?: string; after?: string; with_content?: boolean; status?: number; expanded_statuses?: boolean }; answer: ListResponseEndpointMessageOut };
  /** Send again what failed since a time. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/recover": { params: { app: string; endpoint: string }; body: EndpointRecoverIn; answer: BackgroundTaskOut };
  /** Send what was never attempted. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/replay-missing": { params: { app: string; endpoint: string }; body: EndpointReplayMissingIn; answer: BackgroundTaskOut };
  /** Get the signing secret, or its public key. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}/secret": { params: { app: string; endpoint: string }; answer: EndpointSecretOut };
  /** Change the signing secret. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/secret/rotate": { params: { app: string; endpoint: string }; body?: EndpointRotateSecretIn; answer: undefined };
  /** Send an example of an event type. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/send-example": { params: { app: string; endpoint: string }; body: EndpointSendExampleIn; answer: MessageOut };
  /** Count the deliveries of an endpoint by status. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}/stats": { params: { app: string; endpoint: string }; query?: { since?: string; until?: string }; answer: EndpointStatsOut };
  /** Get the transformation. */
  "GET /api/v1/app/{app}/endpoint/{endpoint}/transformation": { params: { app: string; endpoint: string }; answer: EndpointTransformationOut };
  /** Change the transformation. */
  "PATCH /api/v1/app/{app}/endpoint/{endpoint}/transformation": { params: { app: string; endpoint: string }; body: EndpointTransformationPatch; answer: undefined };
  /** Run a transformation and send nothing. */
  "POST /api/v1/app/{app}/endpoint/{endpoint}/transformation/simulate": { params: { app: string; endpoint: string }; body: EndpointTransformationSimulateIn; answer: TransformationSimulationOut };
  /** List integrations. */
  "GET /api/v1/app/{app}/integration": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseIntegrationOut };
  /** Create an integration. */
  "POST /api/v1/app/{app}/integration": { params: { app: string }; body: IntegrationIn; answer: IntegrationOut };
  /** Get an integration. */
  "GET /api/v1/app/{app}/integration/{integration}": { params: { app: string; integration: string }; answer: IntegrationOut };
  /** Replace an integration. */
  "PUT /api/v1/app/{app}/integration/{integration}": { params: { app: string; integration: string }; body: IntegrationUpdate; answer: IntegrationOut };
  /** Delete an integration. */
  "DELETE /api/v1/app/{app}/integration/{integration}": { params: { app: string; integration: string }; answer: undefined };
  /** Get app integration key. */
  "GET /api/v1/app/{app}/integration/{integration}/key": { params: { app: string; integration: string }; answer: IntegrationKeyOut };
  /** Change the key of an integration. */
  "POST /api/v1/app/{app}/integration/{integration}/key/rotate": { params: { app: string; integration: string }; answer: IntegrationKeyOut };
  /** List the issues of an application or a source. */
  "GET /api/v1/app/{app}/issue": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; state?: "open" | "resolved" | "ignored"; endpoint_id?: string }; answer: ListResponseIssueOut };
  /** Get an issue. */
  "GET /api/v1/app/{app}/issue/{issue}": { params: { app: string; issue: string }; answer: IssueOut };
  /** Tell nobody of an issue any more. */
  "POST /api/v1/app/{app}/issue/{issue}/ignore": { params: { app: string; issue: string }; answer: IssueOut };
  /** Have everything again that an issue affects. */
  "POST /api/v1/app/{app}/issue/{issue}/replay": { params: { app: string; issue: string }; answer: BackgroundTaskOut };
  /** Resolve an issue until it is seen again. */
  "POST /api/v1/app/{app}/issue/{issue}/resolve": { params: { app: string; issue: string }; answer: IssueOut };
  /** List the messages of an application. */
  "GET /api/v1/app/{app}/msg": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; channel?: string; tag?: string; event_types?: string | Array<string>; before?: string; after?: string; with_content?: boolean }; answer: ListResponseMessageOut };
  /** Send a message to every endpoint that asked for it. */
  "POST /api/v1/app/{app}/msg": { params: { app: string }; query?: { with_content?: boolean }; body: MessageIn; answer: MessageOut };
  /** Get a message. */
  "GET /api/v1/app/{app}/msg/{msg}": { params: { app: string; msg: string }; query?: { with_content?: boolean }; answer: MessageOut };
  /** Get an attempt. */
  "GET /api/v1/app/{app}/msg/{msg}/attempt/{attempt}": { params: { app: string; msg: string; attempt: string }; answer: MessageAttemptOut };
  /** Delete what the endpoint answered. */
  "DELETE /api/v1/app/{app}/msg/{msg}/attempt/{attempt}/content": { params: { app: string; msg: string; attempt: string }; answer: undefined };
  /** Delete the payload of a message. */
  "DELETE /api/v1/app/{app}/msg/{msg}/content": { params: { app: string; msg: string }; answer: undefined };
  /** List the endpoints a message is meant for. */
  "GET /api/v1/app/{app}/msg/{msg}/endpoint": { params: { app: string; msg: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseMessageEndpointOut };
  /** Attempt a delivery once more. */
  "POST /api/v1/app/{app}/msg/{msg}/endpoint/{endpoint}/resend": { params: { app: string; msg: string; endpoint: string }; answer: EmptyResponse };
  /** Send many messages at once. */
  "POST /api/v1/app/{app}/msg/batch": { params: { app: string }; body: MessageCreateBatchIn; answer: MessageBatchOut };
  /** Delete the payloads that a filter names. */
  "POST /api/v1/app/{app}/msg/bulk-expunge": { params: { app: string }; body: MessageBulkExpungeIn; answer: MessageBulkExpungeOut };
  /** Delete all payloads. */
  "POST /api/v1/app/{app}/msg/expunge-all-contents": { params: { app: string }; answer: BackgroundTaskOut };
  /** Ask whether any endpoint would receive a message. */
  "POST /api/v1/app/{app}/msg/precheck/active": { params: { app: string }; body: MessagePrecheckIn; answer: MessagePrecheckOut };
  /** Read messages of a polling endpoint. */
  "GET /api/v1/app/{app}/poller/{sink}": { params: { app: string; sink: string }; query?: { limit?: number; iterator?: string; event_type?: string; channel?: string; after?: string }; answer: PollingEndpointOut };
  /** Read messages as a consumer. */
  "GET /api/v1/app/{app}/poller/{sink}/consumer/{consumer}": { params: { app: string; sink: string; consumer: string }; query?: { limit?: number; iterator?: string }; answer: PollingEndpointOut };
  /** Move a consumer to a time. */
  "POST /api/v1/app/{app}/poller/{sink}/consumer/{consumer}/seek": { params: { app: string; sink: string; consumer: string }; body: MessagePollerConsumerSeekIn; answer: PollingEndpointConsumerSeekOut };
  /** List app polling endpoint. */
  "GET /api/v1/app/{app}/polling-endpoint": { params: { app: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponsePollerOut };
  /** Create app polling endpoint. */
  "POST /api/v1/app/{app}/polling-endpoint": { params: { app: string }; body: AppPollingEndpointIn; answer: PollerMadeOut };
  /** Get app polling endpoint. */
  "GET /api/v1/app/{app}/polling-endpoint/{poller}": { params: { app: string; poller: string }; answer: PollerOut };
  /** Patch app polling endpoint. */
  "PATCH /api/v1/app/{app}/polling-endpoint/{poller}": { params: { app: string; poller: string }; body: AppPollingEndpointPatch; answer: PollerOut };
  /** Delete app polling endpoint. */
  "DELETE /api/v1/app/{app}/polling-endpoint/{poller}": { params: { app: string; poller: string }; answer: undefined };
  /** Receive messages as a consumer, for a time. */
  "GET /api/v1/app/{app}/polling-endpoint/{poller}/consumer/{consumer}": { params: { app: string; poller: string; consumer: string }; query?: { limit?: number; lease_duration_ms?: number; starting_position?: "earliest" | "latest" }; answer: PollerV2PollOut };
  /** Confirm messages up to an offset. */
  "POST /api/v1/app/{app}/polling-endpoint/{poller}/consumer/{consumer}/commit": { params: { app: string; poller: string; consumer: string }; body: MessagePollerv2ConsumerCommitIn; answer: undefined };
  /** Create app polling endpoint token rotate. */
  "POST /api/v1/app/{app}/polling-endpoint/{poller}/token/rotate": { params: { app: string; poller: string }; answer: PollerTokenOut };
  /** List audit log. */
  "GET /api/v1/audit-log": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; application?: string; token?: string; before?: string; after?: string }; answer: ListResponseAuditEntryOut };
  /** Open the portal for a customer. */
  "POST /api/v1/auth/app-portal-access/{app}": { params: { app: string }; body?: AuthenticationAppPortalAccessIn; answer: AppPortalAccessOut };
  /** End the sessions of an application. */
  "POST /api/v1/auth/app/{app}/expire-all": { params: { app: string }; body?: AuthenticationExpireAllIn; answer: undefined };
  /** Create auth dashboard access. */
  "POST /api/v1/auth/dashboard-access/{app}": { params: { app: string }; body?: AuthDashboardAccessIn; answer: AppPortalAccessOut };
  /** End the session of the token that asks. */
  "POST /api/v1/auth/logout": { answer: undefined };
  /** List background tasks. */
  "GET /api/v1/background-task": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; status?: "running" | "finished" | "failed" | "cancelled"; task?: "endpoint.recover" | "endpoint.replay" | "endpoint.bulk-replay" | "issue.replay" | "application.purge_content" | "application.stats" | "event-type.aggregate" }; answer: ListResponseBackgroundTaskOut };
  /** Get a background task. */
  "GET /api/v1/background-task/{task}": { params: { task: string }; answer: BackgroundTaskOut };
  /** Create background task cancel. */
  "POST /api/v1/background-task/{task}/cancel": { params: { task: string }; answer: BackgroundTaskOut };
  /** List connectors. */
  "GET /api/v1/connector": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; product_type?: "Dispatch" | "Stream" }; answer: ListResponseConnectorOut };
  /** Create a connector. */
  "POST /api/v1/connector": { body: ConnectorIn; answer: ConnectorOut };
  /** Get a connector. */
  "GET /api/v1/connector/{connector}": { params: { connector: string }; answer: ConnectorOut };
  /** Create or replace a connector. */
  "PUT /api/v1/connector/{connector}": { params: { connector: string }; body: ConnectorUpdate; answer: ConnectorOut };
  /** Change fields of a connector. */
  "PATCH /api/v1/connector/{connector}": { params: { connector: string }; body: ConnectorPatch; answer: ConnectorOut };
  /** Delete a connector. */
  "DELETE /api/v1/connector/{connector}": { params: { connector: string }; answer: undefined };
  /** Export the settings of the environment. */
  "POST /api/v1/environment/export": { answer: EnvironmentOut };
  /** Import settings into the environment. */
  "POST /api/v1/environment/import": { body: EnvironmentImportIn; answer: undefined };
  /** List event types. */
  "GET /api/v1/event-type": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; include_archived?: boolean; with_content?: boolean }; answer: ListResponseEventTypeOut };
  /** Create an event type. */
  "POST /api/v1/event-type": { body: EventTypeIn; answer: EventTypeOut };
  /** Get an event type. */
  "GET /api/v1/event-type/{name}": { params: { name: string }; answer: EventTypeOut };
  /** Create or replace an event type. */
  "PUT /api/v1/event-type/{name}": { params: { name: string }; body: EventTypeUpdate; answer: EventTypeOut };
  /** Change fields of an event type. */
  "PATCH /api/v1/event-type/{name}": { params: { name: string }; body: EventTypePatch; answer: EventTypeOut };
  /** Archive an event type, or remove it. */
  "DELETE /api/v1/event-type/{name}": { params: { name: string }; query?: { expunge?: boolean }; answer: undefined };
  /** Import event types from OpenAPI webhooks. */
  "POST /api/v1/event-type/import/openapi": { body: EventTypeImportOpenapiIn; answer: EventTypeImportOpenApiOut };
  /** The event types as an OpenAPI document. */
  "GET /api/v1/event-type/openapi.json": { answer: OpenApi };
  /** Does this server serve, and does its database answer?. */
  "GET /api/v1/health": { answer: undefined };
  /** Does this process answer?. */
  "GET /api/v1/health/ping": { answer: undefined };
  /** List the issues of the environment. */
  "GET /api/v1/issue": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; state?: "open" | "resolved" | "ignored"; app_id?: string; source?: string; endpoint_id?: string }; answer: ListResponseIssueOut };
  /** This document. */
  "GET /api/v1/openapi.json": { answer: OpenApi };
  /** List operational endpoints. */
  "GET /api/v1/operational-webhook/endpoint": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseOperationalWebhookEndpointOut };
  /** Create an operational endpoint. */
  "POST /api/v1/operational-webhook/endpoint": { body: OperationalWebhookEndpointIn; answer: OperationalWebhookEndpointOut };
  /** Get an operational endpoint. */
  "GET /api/v1/operational-webhook/endpoint/{endpoint}": { params: { endpoint: string }; answer: OperationalWebhookEndpointOut };
  /** Create or replace one. */
  "PUT /api/v1/operational-webhook/endpoint/{endpoint}": { params: { endpoint: string }; body: OperationalWebhookEndpointUpdate; answer: OperationalWebhookEndpointOut };
  /** Delete an operational endpoint. */
  "DELETE /api/v1/operational-webhook/endpoint/{endpoint}": { params: { endpoint: string }; answer: undefined };
  /** Get its custom headers. */
  "GET /api/v1/operational-webhook/endpoint/{endpoint}/headers": { params: { endpoint: string }; answer: EndpointHeadersOut };
  /** Replace its headers. */
  "PUT /api/v1/operational-webhook/endpoint/{endpoint}/headers": { params: { endpoint: string }; body: OperationalWebhookEndpointSetHeadersIn; answer: undefined };
  /** Get its signing secret. */
  "GET /api/v1/operational-webhook/endpoint/{endpoint}/secret": { params: { endpoint: string }; answer: EndpointSecretOut };
  /** Change its secret. */
  "POST /api/v1/operational-webhook/endpoint/{endpoint}/secret/rotate": { params: { endpoint: string }; body?: OperationalWebhookEndpointRotateSecretIn; answer: undefined };
  /** Count deliveries and attempts by application. */
  "POST /api/v1/stats/usage/app": { body: StatisticsAggregateAppStatsIn; answer: AppUsageStatsOut };
  /** List the event types that endpoints ask for. */
  "PUT /api/v1/stats/usage/event-types": { answer: AggregateEventTypesOut };
  /** List the tokens of the environment, without their text. */
  "GET /api/v1/token": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseTokenOut };
  /** Create a token; its text is in this answer only. */
  "POST /api/v1/token": { body: TokenIn; answer: TokenCreatedOut };
  /** Revoke a token. */
  "DELETE /api/v1/token/{token}": { params: { token: string }; answer: undefined };
  /** List sources. */
  "GET /ingest/api/v1/source": { query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseIngestSourceOut };
  /** Create a source. */
  "POST /ingest/api/v1/source": { body: IngestSourceIn; answer: IngestSourceOut };
  /** Get a source. */
  "GET /ingest/api/v1/source/{source}": { params: { source: string }; answer: IngestSourceOut };
  /** Create or replace a source; its secrets stay unless they are given. */
  "PUT /ingest/api/v1/source/{source}": { params: { source: string }; body: IngestSourceUpdate; answer: IngestSourceOut };
  /** Change fields of a source. */
  "PATCH /ingest/api/v1/source/{source}": { params: { source: string }; body: IngestSourcePatch; answer: IngestSourceOut };
  /** Delete a source with its endpoints. */
  "DELETE /ingest/api/v1/source/{source}": { params: { source: string }; answer: undefined };
  /** Open the portal for a source. */
  "POST /ingest/api/v1/source/{source}/dashboard": { params: { source: string }; body?: IngestDashboardIn; answer: AppPortalAccessOut };
  /** List the endpoints of a source. */
  "GET /ingest/api/v1/source/{source}/endpoint": { params: { source: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending" }; answer: ListResponseEndpointOut };
  /** Create an endpoint of a source. */
  "POST /ingest/api/v1/source/{source}/endpoint": { params: { source: string }; body: IngestEndpointIn; answer: EndpointOut };
  /** Get an endpoint of a source. */
  "GET /ingest/api/v1/source/{source}/endpoint/{endpoint}": { params: { source: string; endpoint: string }; answer: EndpointOut };
  /** Create or replace an endpoint of a source. */
  "PUT /ingest/api/v1/source/{source}/endpoint/{endpoint}": { params: { source: string; endpoint: string }; body: IngestEndpointUpdate; answer: EndpointOut };
  /** Change fields of an endpoint of a source. */
  "PATCH /ingest/api/v1/source/{source}/endpoint/{endpoint}": { params: { source: string; endpoint: string }; body: IngestEndpointPatch; answer: EndpointOut };
  /** Delete an endpoint of a source. */
  "DELETE /ingest/api/v1/source/{source}/endpoint/{endpoint}": { params: { source: string; endpoint: string }; answer: undefined };
  /** Get its custom headers. */
  "GET /ingest/api/v1/source/{source}/endpoint/{endpoint}/headers": { params: { source: string; endpoint: string }; answer: EndpointHeadersOut };
  /** Replace its custom headers. */
  "PUT /ingest/api/v1/source/{source}/endpoint/{endpoint}/headers": { params: { source: string; endpoint: string }; body: IngestEndpointSetHeadersIn; answer: undefined };
  /** Get its signing secret. */
  "GET /ingest/api/v1/source/{source}/endpoint/{endpoint}/secret": { params: { source: string; endpoint: string }; answer: EndpointSecretOut };
  /** Change its signing secret. */
  "POST /ingest/api/v1/source/{source}/endpoint/{endpoint}/secret/rotate": { params: { source: string; endpoint: string }; body?: IngestEndpointRotateSecretIn; answer: undefined };
  /** Get its transformation. */
  "GET /ingest/api/v1/source/{source}/endpoint/{endpoint}/transformation": { params: { source: string; endpoint: string }; answer: EndpointTransformationOut };
  /** Change its transformation. */
  "PATCH /ingest/api/v1/source/{source}/endpoint/{endpoint}/transformation": { params: { source: string; endpoint: string }; body: IngestEndpointTransformationPatch; answer: undefined };
  /** Get how a source is compared with its provider. */
  "GET /ingest/api/v1/source/{source}/reconcile": { params: { source: string }; answer: IngestReconcileOut };
  /** Compare a source with its provider by schedule. */
  "PUT /ingest/api/v1/source/{source}/reconcile": { params: { source: string }; body: IngestReconcileSetIn; answer: IngestReconcileOut };
  /** Compare a source with its provider no more. */
  "DELETE /ingest/api/v1/source/{source}/reconcile": { params: { source: string }; answer: undefined };
  /** List what had not come in. */
  "GET /ingest/api/v1/source/{source}/reconcile/missing": { params: { source: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; state?: "found" | "asked" | "stored" | "arrived" | "failed" }; answer: ListResponseIngestMissingOut };
  /** Compare a source with its provider now. */
  "POST /ingest/api/v1/source/{source}/reconcile/run": { params: { source: string }; answer: EmptyResponse };
  /** List the requests that came in. */
  "GET /ingest/api/v1/source/{source}/request": { params: { source: string }; query?: { limit?: number; iterator?: string; order?: "ascending" | "descending"; verdict?: "accepted" | "unverified" | "rejected" | "altered" | "parked" }; answer: ListResponseIngestRequestOut };
  /** Get a request as it came in. */
  "GET /ingest/api/v1/source/{source}/request/{request}": { params: { source: string; request: string }; answer: IngestWholeRequestOut };
  /** Have a request again that was set aside. */
  "POST /ingest/api/v1/source/{source}/request/{request}/replay": { params: { source: string; request: string }; answer: IngestReplayOut };
  /** List what its requests are verified with. */
  "GET /ingest/api/v1/source/{source}/secret": { params: { source: string }; answer: IngestSourceSecretsOut };
  /** Verify with another secret, too. */
  "POST /ingest/api/v1/source/{source}/secret/rotate": { params: { source: string }; body?: IngestSourceRotateSecretIn; answer: undefined };
  /** Change the URL; the old one works for two days. */
  "POST /ingest/api/v1/source/{source}/token/rotate": { params: { source: string }; answer: RotateTokenOut };
}

export type AggregateEventTypesOut = { id: string; status: "running" | "finished" | "failed" | "cancelled"; task: string; data: Record<string, unknown>; updatedAt: string };

export type AppPollingEndpointIn = { uid?: string | null; description?: string; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string> };

export type AppPollingEndpointPatch = { uid?: string | null; description?: string; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string> };

export type AppPortalAccessOut = { url: string; token: string };

export type AppUsageStatsOut = { id: string; status: "running" | "finished" | "failed" | "cancelled"; task: string; data: Record<string, unknown>; updatedAt: string; unresolvedAppIds: Array<string> };

export type ApplicationIn = { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null };

export type ApplicationOut = { id: string; uid: string | null; name: string; metadata: Record<string, string>; throttleRate: number | null; rateLimit: number | null; createdAt: string; updatedAt: string };

export type ApplicationPatch = { name?: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null };

export type ApplicationUpdate = { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null };

export type AuditEntryOut = { id: string; timestamp: string; tokenId: string; tokenName: string; applicationId: string | null; method: string; route: string; objects: Record<string, string>; status: number | null; requestId: string; address: string };

export type AuthDashboardAccessIn = { application?: { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null } | null; readOnly?: boolean | null; capabilities?: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint"> | null; featureFlags?: Array<string> | null; expiry?: number | null; sessionId?: string | null } | null;

export type AuthenticationAppPortalAccessIn = { application?: { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null } | null; readOnly?: boolean | null; capabilities?: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint"> | null; featureFlags?: Array<string> | null; expiry?: number | null; sessionId?: string | null } | null;

export type AuthenticationExpireAllIn = { expiry?: number | null; sessionIds?: Array<string> | null } | null;

export type AutoConfigOut = { id: string; token: string; createdAt: string };

export type AutoconfigSubscriptionDestinationSubscribeIn = { type: "pollingEndpoint"; status?: "enabled" | "disabled" | null; uid?: string | null; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string> };

export type AutoconfigSubscriptionEndpointSubscribeIn = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null; secret?: string | null };

export type AutoconfigSubscriptionOut = { id: string; tokenCensored: string; status: "pending" | "active"; endpId: string | null; destId: string | null; createdAt: string };

export type AutoconfigSubscriptionRotateIn = { signingSecret?: { key?: string | null; gracePeriodSeconds?: number | null } | null } | null;

export type BackgroundTaskOut = { id: string; status: "running" | "finished" | "failed" | "cancelled"; task: string; data: Record<string, unknown>; updatedAt: string };

export type ConnectorIn = { name: string; transformation: string; uid?: string | null; productType?: "Dispatch" | "Stream" | null; kind?: "Custom" | "AgenticCommerceProtocol" | "CloseCRM" | "CustomerIO" | "Discord" | "Hubspot" | "Inngest" | "Loops" | "Otel" | "Resend" | "Salesforce" | "Segment" | "Sendgrid" | "Slack" | "Teams" | "TriggerDev" | "Windmill" | "Zapier"; logo?: string | null; description?: string; instructions?: string; allowedEventTypes?: Array<string> | null; featureFlags?: Array<string> | null };

export type ConnectorOut = { id: string; orgId: string; uid: string | null; kind: string; name: string; logo: string | null; description: string; instructions: string; allowedEventTypes: Array<string> | null; transformation: string; featureFlags: Array<string> | null; productType: string; createdAt: string; updatedAt: string; transformationUpdatedAt: string };

export type ConnectorPatch = { name?: string; transformation?: string; kind?: "Custom" | "AgenticCommerceProtocol" | "CloseCRM" | "CustomerIO" | "Discord" | "Hubspot" | "Inngest" | "Loops" | "Otel" | "Resend" | "Salesforce" | "Segment" | "Sendgrid" | "Slack" | "Teams" | "TriggerDev" | "Windmill" | "Zapier"; logo?: string | null; description?: string; instructions?: string; allowedEventTypes?: Array<string> | null; featureFlags?: Array<string> | null };

export type ConnectorUpdate = { name?: string; transformation: string; kind?: "Custom" | "AgenticCommerceProtocol" | "CloseCRM" | "CustomerIO" | "Discord" | "Hubspot" | "Inngest" | "Loops" | "Otel" | "Resend" | "Salesforce" | "Segment" | "Sendgrid" | "Slack" | "Teams" | "TriggerDev" | "Windmill" | "Zapier"; logo?: string | null; description?: string; instructions?: string; allowedEventTypes?: Array<string> | null; featureFlags?: Array<string> | null };

export type DestinationIn = { uid?: string | null; status?: "enabled" | "disabled" | null; batchSize?: number | null; maxWaitSecs?: number | null; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string>; type: "fifoEndpoint" | "rabbitMq" | "sqs" | "postgres"; config: Record<string, unknown> };

export type DestinationOut = { id: string; uid: string | null; type: string; config: unknown; status: "enabled" | "disabled"; currentIterator: string; failureReason: string | null; nextRetryAt: string | null; batchSize: number; maxWaitSecs: number; eventTypes: Array<string>; channels: Array<string>; metadata: Record<string, string>; createdAt: string; updatedAt: string };

export type DestinationPatch = { uid?: string | null; status?: "enabled" | "disabled" | null; batchSize?: number | null; maxWaitSecs?: number | null; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string>; type?: "fifoEndpoint" | "rabbitMq" | "sqs" | "postgres"; config?: Record<string, unknown> };

export type DestinationTransformationOut = { code: string | null; enabled: boolean };

export type DestinationTransformationPatch = { code?: string | null };

export type DestinationUpdate = { uid?: string | null; status?: "enabled" | "disabled" | null; batchSize?: number | null; maxWaitSecs?: number | null; eventTypes?: Array<string> | null; channels?: Array<string> | null; metadata?: Record<string, string>; type: "fifoEndpoint" | "rabbitMq" | "sqs" | "postgres"; config: Record<string, unknown> };

export type EmptyResponse = Record<string, never>;

export type EndpointBulkReplayIn = { since: string; until?: string | null; eventTypes?: Array<string> | null; channel?: string | null; tag?: string | null; status?: number | null; statusCodeClass?: number | null };

export type EndpointHeadersOut = { headers: Record<string, string>; sensitive: Array<string> };

export type EndpointIn = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null; secret?: string | null };

export type EndpointMessageOut = { id: string; eventType: string; eventId: string | null; channels: Array<string> | null; tags: Array<string> | null; deliverAt: string | null; orderKey: string | null; eventAt: string | null; timestamp: string; payload: unknown; status: number; statusText: string; nextAttempt: string | null; cancelReason: string | null; cancelDetail: string | null };

export type EndpointOut = { id: string; uid: string | null; kind: string; url: string; config: unknown; description: string; eventTypes: Array<string> | null; filterTypes: Array<string> | null; channels: Array<string> | null; disabled: boolean; disabledReason: string | null; disabledAt: string | null; metadata: Record<string, string>; throttleRate: number | null; rateLimit: number | null; retrySchedule: Array<number> | null; timeoutSeconds: number | null; signatureStyle: "standard" | "svix" | "both" | "custom"; signatureHeaders: { id: string; timestamp: string; signature: string } | null; auth: { type: string; fields: Array<string> } | null; ordering: { mode: "fifo" | "key"; onFailure: "block" | "skip"; onlyNewer?: boolean } | null; filter: string | null; version: number; createdAt: string; updatedAt: string };

export type EndpointPatch = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null };

export type EndpointPatchHeadersIn = { headers?: Record<string, string | null>; deleteHeaders?: Array<string> | null };

export type EndpointRecoverIn = { since: string; until?: string | null };

export type EndpointReplayMissingIn = { since: string; until?: string | null };

export type EndpointRotateSecretIn = { key?: string | null; gracePeriodSeconds?: number | null } | null;

export type EndpointSecretOut = { key: string };

export type EndpointSendExampleIn = { eventType: string; exampleIndex?: number };

export type EndpointSetHeadersIn = { headers: Record<string, string> };

export type EndpointStatsOut = { success: number; pending: number; sending: number; fail: number; canceled: number };

export type EndpointTransformationOut = { code: string | null; enabled: boolean; variables: Record<string, string> | null; updatedAt: string | null; language: "javascript" | "jsonata" };

export type EndpointTransformationPatch = { code?: string | null; language?: "javascript" | "jsonata"; variables?: Record<string, string> | null; enabled?: boolean };

export type EndpointTransformationSimulateIn = { code?: string | null; language?: "javascript" | "jsonata"; variables?: Record<string, string> | null; payload: unknown; eventType?: string };

export type EndpointUpdate = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null };

export type EnvironmentImportIn = { eventTypes?: unknown; settings?: { unknownEventTypes?: "accept" | "reject"; messageRetentionDays?: number; attemptRetentionDays?: number } | null; connectors?: Array<{ name: string; transformation: string; uid?: string | null; productType?: "Dispatch" | "Stream" | null; kind?: "Custom" | "AgenticCommerceProtocol" | "CloseCRM" | "CustomerIO" | "Discord" | "Hubspot" | "Inngest" | "Loops" | "Otel" | "Resend" | "Salesforce" | "Segment" | "Sendgrid" | "Slack" | "Teams" | "TriggerDev" | "Windmill" | "Zapier"; logo?: string | null; description?: string; instructions?: string; allowedEventTypes?: Array<string> | null; featureFlags?: Array<string> | null }> | null };

export type EnvironmentOut = { version: number; createdAt: string; eventTypes: Array<EventTypeOut>; settings: { unknownEventTypes: "accept" | "reject"; messageRetentionDays: number; attemptRetentionDays: number }; connectors: Array<unknown> };

export type EventTypeFromOpenApi = { name: string; description: string; schemas: unknown; deprecated: boolean; groupName: string | null; featureFlags: Array<string> | null };

export type EventTypeImportOpenApiOut = { data: { modified: Array<string>; to_modify: Array<EventTypeFromOpenApi> | null; archived: Array<string>; to_archive: Array<string> | null } };

export type EventTypeImportOpenapiIn = { dryRun?: boolean; replaceAll?: boolean; spec?: unknown; specRaw?: string | null };

export type EventTypeIn = { name: string; description: string; schemas?: Record<string, Record<string, never> | boolean> | null; archived?: boolean; deprecated?: boolean; groupName?: string | null; featureFlags?: Array<string> | null; featureFlag?: string | null; validation?: "none" | "reject" };

export type EventTypeOut = { name: string; description: string; schemas: unknown; archived: boolean; deprecated: boolean; groupName: string | null; featureFlags: Array<string> | null; featureFlag: string | null; validation: "none" | "reject"; createdAt: string; updatedAt: string };

export type EventTypePatch = { description?: string; schemas?: Record<string, Record<string, never> | boolean> | null; archived?: boolean; deprecated?: boolean; groupName?: string | null; featureFlags?: Array<string> | null; featureFlag?: string | null; validation?: "none" | "reject" };

export type EventTypeUpdate = { description: string; schemas?: Record<string, Record<string, never> | boolean> | null; archived?: boolean; deprecated?: boolean; groupName?: string | null; featureFlags?: Array<string> | null; featureFlag?: string | null; validation?: "none" | "reject" };

export type IngestDashboardIn = { application?: { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null } | null; readOnly?: boolean | null; capabilities?: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint"> | null; featureFlags?: Array<string> | null; expiry?: number | null; sessionId?: string | null } | null;

export type IngestEndpointIn = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null; secret?: string | null };

export type IngestEndpointPatch = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null };

export type IngestEndpointRotateSecretIn = { key?: string | null; gracePeriodSeconds?: number | null } | null;

export type IngestEndpointSetHeadersIn = { headers: Record<string, string> };

export type IngestEndpointTransformationPatch = { code?: string | null; language?: "javascript" | "jsonata"; variables?: Record<string, string> | null; enabled?: boolean };

export type IngestEndpointUpdate = { url?: string; kind?: string; config?: Record<string, unknown> | null; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; channels?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; ordering?: { mode: "fifo" | "key"; onFailure?: "block" | "skip"; onlyNewer?: boolean } | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null };

export type IngestMissingOut = { eventId: string; deliveryId: string; eventType: string; deliveredAt: string; responseStatusCode: number; state: string; tries: number; detail: string | null; foundAt: string; updatedAt: string };

export type IngestReconcileOut = { kind: string; hookUrl: string; appId: string | null; everyMinutes: number; missing: string; state: string; problem: string | null; judgedUntil: string; judgedCount: number; missingCount: number; ranAt: string | null; nextAt: string; createdAt: string; updatedAt: string };

export type IngestReconcileSetIn = { kind: "github"; hookUrl: string; token?: string; appId?: string | null; everyMinutes?: number; missing?: "fetch" | "redeliver" };

export type IngestReplayOut = { verdict: string; reason: string | null; detail: string | null; messageIds: Array<string> };

export type IngestRequestOut = { id: string; receivedAt: string; verdict: string; reason: string | null; detail: string | null; cause: string | null; advice: string | null; method: string; query: string; address: string | null; bodyBytes: number; deliveryId: string | null; secretId: string | null; messageIds: Array<string>; duplicates: number; duplicateAt: string | null; replayedAt: string | null };

export type IngestSourceIn = { type: string; name: string; uid?: string | null; metadata?: Record<string, string>; config?: { secret?: string | null; secrets?: Array<string> | null; publicKey?: string | null; clientId?: string | null; verifyToken?: string | null; timestampGraceSeconds?: number | null; settings?: Record<string, string> | null } | null; observe?: boolean; allowedMethods?: Array<"GET" | "POST" | "PUT" | "PATCH" | "DELETE">; bodyMaxBytes?: number; rateLimit?: number | null; toleranceSeconds?: number | null; deduplicateBy?: "id" | "body" | "nothing"; validation?: "none" | "reject" | "park"; syncTimeoutMs?: number | null; answer?: { status: number; contentType?: "application/json" | "text/plain" | "application/xml" | "text/xml" | null; body?: string } | null };

export type IngestSourceOut = { id: string; uid: string | null; name: string; type: string; provider: string; config: { publicKey?: string }; ingestUrl: string | null; metadata: Record<string, string>; observe: boolean; allowedMethods: Array<string>; bodyMaxBytes: number; rateLimit: number | null; toleranceSeconds: number | null; deduplicateBy: string; validation: string; syncTimeoutMs: number | null; answer: { status: number; contentType: string | null; body: string } | null; createdAt: string; updatedAt: string };

export type IngestSourcePatch = { type?: string; name?: string; uid?: string | null; metadata?: Record<string, string>; config?: { secret?: string | null; secrets?: Array<string> | null; publicKey?: string | null; clientId?: string | null; verifyToken?: string | null; timestampGraceSeconds?: number | null; settings?: Record<string, string> | null } | null; observe?: boolean; allowedMethods?: Array<"GET" | "POST" | "PUT" | "PATCH" | "DELETE">; bodyMaxBytes?: number; rateLimit?: number | null; toleranceSeconds?: number | null; deduplicateBy?: "id" | "body" | "nothing"; validation?: "none" | "reject" | "park"; syncTimeoutMs?: number | null; answer?: { status: number; contentType?: "application/json" | "text/plain" | "application/xml" | "text/xml" | null; body?: string } | null };

export type IngestSourceRotateSecretIn = { key?: string | null; gracePeriodSeconds?: number | null } | null;

export type IngestSourceSecretsOut = { data: Array<{ id: string; key: string; learned: boolean; createdAt: string; expiresAt: string | null }> };

export type IngestSourceUpdate = { type: string; name: string; uid?: string | null; metadata?: Record<string, string>; config?: { secret?: string | null; secrets?: Array<string> | null; publicKey?: string | null; clientId?: string | null; verifyToken?: string | null; timestampGraceSeconds?: number | null; settings?: Record<string, string> | null } | null; observe?: boolean; allowedMethods?: Array<"GET" | "POST" | "PUT" | "PATCH" | "DELETE">; bodyMaxBytes?: number; rateLimit?: number | null; toleranceSeconds?: number | null; deduplicateBy?: "id" | "body" | "nothing"; validation?: "none" | "reject" | "park"; syncTimeoutMs?: number | null; answer?: { status: number; contentType?: "application/json" | "text/plain" | "application/xml" | "text/xml" | null; body?: string } | null };

export type IngestWholeRequestOut = { id: string; receivedAt: string; verdict: string; reason: string | null; detail: string | null; cause: string | null; advice: string | null; method: string; query: string; address: string | null; bodyBytes: number; deliveryId: string | null; secretId: string | null; messageIds: Array<string>; duplicates: number; duplicateAt: string | null; replayedAt: string | null; headers: Record<string, Array<string>>; body: string | null; bodyEncoding: "utf8" | "base64" | null };

export type IntegrationIn = { name: string; featureFlags?: Array<string>; capabilities?: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint"> };

export type IntegrationKeyOut = { key: string };

export type IntegrationOut = { id: string; name: string; featureFlags: Array<string>; capabilities: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint">; createdAt: string; updatedAt: string };

export type IntegrationUpdate = { name: string; featureFlags?: Array<string>; capabilities?: Array<"ViewBase" | "ViewEndpointSecret" | "ManageEndpointSecret" | "ManageTransformations" | "CreateAttempts" | "ManageEndpoint"> };

export type IssueOut = { id: string; state: "open" | "resolved" | "ignored"; appId: string; sourceId: string | null; endpointId: string | null; outcome: "rejected" | "unreachable" | "refused"; reason: string; responseStatusCode: number | null; detail: string | null; count: number; exhaustedCount: number; firstSeenAt: string; lastSeenAt: string; openedAt: string; openedCount: number; resolvedAt: string | null; resolvedBy: "success" | "request" | "deletion" | null; sample: { msgId: string | null; attemptId: string | null; requestId: string | null } };

export type ListResponseApplicationOut = { data: Array<ApplicationOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseAuditEntryOut = { data: Array<AuditEntryOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseBackgroundTaskOut = { data: Array<BackgroundTaskOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseConnectorOut = { data: Array<ConnectorOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseDestinationOut = { data: Array<DestinationOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseEndpointMessageOut = { data: Array<EndpointMessageOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseEndpointOut = { data: Array<EndpointOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseEventTypeOut = { data: Array<EventTypeOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseIngestMissingOut = { data: Array<IngestMissingOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseIngestRequestOut = { data: Array<IngestRequestOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseIngestSourceOut = { data: Array<IngestSourceOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseIntegrationOut = { data: Array<IntegrationOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseIssueOut = { data: Array<IssueOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseMessageAttemptOut = { data: Array<MessageAttemptOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseMessageEndpointOut = { data: Array<MessageEndpointOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseMessageOut = { data: Array<MessageOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseOperationalWebhookEndpointOut = { data: Array<OperationalWebhookEndpointOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponsePollerOut = { data: Array<PollerOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type ListResponseTokenOut = { data: Array<TokenOut>; iterator: string | null; prevIterator: string | null; done: boolean };

export type MessageAttemptOut = { id: string; msgId: string; endpointId: string; url: string; response: string; responseStatusCode: number; responseDurationMs: number; responseHeaders: Record<string, string> | null; responseTruncated: boolean; status: number; statusText: string; outcome: "accepted" | "rejected" | "unreachable"; reason: string | null; detail: string | null; triggerType: number; timestamp: string; msg?: MessageOut };

export type MessageBatchItem = { status: number; message?: MessageOut; code?: string; detail?: unknown };

export type MessageBatchOut = { data: Array<MessageBatchItem> };

export type MessageBulkExpungeIn = { ids?: Array<string> };

export type MessageBulkExpungeOut = { results: Record<string, "expunged" | "not-found"> };

export type MessageCreateBatchIn = { messages: Array<unknown> };

export type MessageEndpointOut = { id: string; uid: string | null; kind: string; url: string; config: unknown; description: string; eventTypes: Array<string> | null; filterTypes: Array<string> | null; channels: Array<string> | null; disabled: boolean; disabledReason: string | null; disabledAt: string | null; metadata: Record<string, string>; throttleRate: number | null; rateLimit: number | null; retrySchedule: Array<number> | null; timeoutSeconds: number | null; signatureStyle: "standard" | "svix" | "both" | "custom"; signatureHeaders: { id: string; timestamp: string; signature: string } | null; auth: { type: string; fields: Array<string> } | null; ordering: { mode: "fifo" | "key"; onFailure: "block" | "skip"; onlyNewer?: boolean } | null; filter: string | null; version: number; createdAt: string; updatedAt: string; status: number; statusText: string; nextAttempt: string | null; cancelReason: string | null; cancelDetail: string | null };

export type MessageIn = { eventType: string; payload: Record<string, never>; eventId?: string; channels?: Array<string>; tags?: Array<string>; payloadRetentionPeriod?: number; payloadRetentionHours?: number; transformationsParams?: { rawPayload?: string | null; headers?: Record<string, unknown> | null }; application?: { name: string; uid?: string | null; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null }; deliverAt?: string; orderKey?: string; eventAt?: string; data?: unknown };

export type MessageOut = { id: string; eventType: string; eventId: string | null; channels: Array<string> | null; tags: Array<string> | null; deliverAt: string | null; orderKey: string | null; eventAt: string | null; timestamp: string; payload: unknown };

export type MessagePollerConsumerSeekIn = { after: string };

export type MessagePollerv2ConsumerCommitIn = { offset: number };

export type MessagePrecheckIn = { eventType: string; channels?: Array<string> | null };

export type MessagePrecheckOut = { active: boolean };

export type OpenApi = { openapi: string };

export type OperationalWebhookEndpointIn = { url: string; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null; secret?: string | null };

export type OperationalWebhookEndpointOut = { id: string; uid: string | null; url: string; description: string; eventTypes: Array<string> | null; filterTypes: Array<string> | null; disabled: boolean; metadata: Record<string, string>; throttleRate: number | null; rateLimit: number | null; signatureStyle: "standard" | "svix" | "both" | "custom"; createdAt: string; updatedAt: string };

export type OperationalWebhookEndpointRotateSecretIn = { key?: string | null; gracePeriodSeconds?: number | null } | null;

export type OperationalWebhookEndpointSetHeadersIn = { headers: Record<string, string> };

export type OperationalWebhookEndpointUpdate = { url: string; uid?: string | null; description?: string; eventTypes?: Array<string> | null; filterTypes?: Array<string> | null; disabled?: boolean; metadata?: Record<string, string>; throttleRate?: number | null; rateLimit?: number | null; auth?: { type: "basic" | "oauth2" | "mtls"; username?: string; password?: string; tokenUrl?: string; clientId?: string; clientSecret?: string; scopes?: Array<string> | null; audience?: string | null; authMethod?: "client_secret_basic" | "client_secret_post" | null; certificate?: string; key?: string } | null; headers?: Record<string, string> | null; retrySchedule?: Array<number> | null; timeoutSeconds?: number | null; signatureStyle?: "standard" | "svix" | "both" | "custom" | null; signatureHeaders?: { id: string; timestamp: string; signature: string } | null; filter?: string | null };

export type PollerMadeOut = { id: string; uid: string | null; description: string; eventTypes: Array<string> | null; channels: Array<string> | null; metadata: Record<string, string>; createdAt: string; updatedAt: string; token: string };

export type PollerOut = { id: string; uid: string | null; description: string; eventTypes: Array<string> | null; channels: Array<string> | null; metadata: Record<string, string>; createdAt: string; updatedAt: string };

export type PollerTokenOut = { token: string };

export type PollerV2MessageOut = { id: string; eventType: string; eventId: string | null; channels: Array<string> | null; tags: Array<string> | null; deliverAt: string | null; orderKey: string | null; eventAt: string | null; timestamp: string; payload: unknown; headers: { "content-type": string | null }; offset: number };

export type PollerV2PollOut = { data: Array<PollerV2MessageOut>; done: boolean };

export type PollingEndpointConsumerSeekOut = { iterator: string };

export type PollingEndpointMessageOut = { id: string; eventType: string; eventId: string | null; channels: Array<string> | null; tags: Array<string> | null; deliverAt: string | null; orderKey: string | null; eventAt: string | null; timestamp: string; payload: unknown; headers: { "content-type": string | null } };

export type PollingEndpointOut = { data: Array<PollingEndpointMessageOut>; iterator: string; done: boolean };

export type RotateTokenOut = { ingestUrl: string };

export type StatisticsAggregateAppStatsIn = { since: string; until: string; appIds?: Array<string> | null };

export type TokenCreatedOut = { id: string; name: string; createdAt: string; expiresAt: string | null; revokedAt: string | null; token: string };

export type TokenIn = { name: string; expiresAt?: string | null; scopes?: Array<"read" | "publish" | "manage"> };

export type TokenOut = { id: string; name: string; createdAt: string; expiresAt: string | null; revokedAt: string | null };

export type TransformationSimulationOut = { status: "succeeded" | "failed" | "cancelled"; error: string | null; webhook: { method: string; url: string; headers: Record<string, string>; eventType: string; payload: unknown } | null; logs: Array<string>; durationMs: number };
