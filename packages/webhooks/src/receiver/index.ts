// What @posthorn/webhooks/receiver exports: verified events to typed handlers, on any framework.
export { createReceiver } from './create-receiver.ts';
export type { Receiver } from './create-receiver.ts';
export type { Source } from './source.ts';
export { websub } from './websub.ts';
export type { WebsubOptions } from './websub.ts';
export type { ReceivedEvent } from './events.ts';
export type { FetchHandler, IncomingRequest, Platform } from './incoming.ts';
export type { DedupeStore } from './dedupe.ts';
export type { SecretStore } from './secrets.ts';
export type { Rejection, RejectionReason } from './rejection.ts';
export type { Failure, RejectedRequest } from './reports.ts';
export type { Handler, HandlerContext, ReceiverOptions, SourceOptions } from './source-parts.ts';
export type { CompiledSchema, PayloadSchema, StandardSchema } from '../schema/standard-schema.ts';
