// What @posthorn/webhooks/cloudevents exports: CloudEvents 1.0 as HTTP messages, both ways.
export { encodeBatch, encodeBinary, encodeStructured } from './encode.ts';
export type { EncodedMessage } from './encode.ts';
export { decodeMessage } from './decode.ts';
export type { Decoded, DecodeProblem, ReceivedMessage } from './decode.ts';
export type { AttributeValue, CloudEvent } from './event.ts';
