// What @posthorn/webhooks/http-signatures exports: RFC 9421 signatures of HTTP messages, and RFC 9530 digests.
export { signMessage } from './sign-message.ts';
export type { Component, SignMessageOptions } from './sign-message.ts';
export { verifyMessage } from './verify-message.ts';
export type { MessageVerdict, VerifyMessageOptions } from './verify-message.ts';
export { contentDigest, judgeContentDigest } from './content-digest.ts';
export type { DigestAlgorithm, MessageBody } from './content-digest.ts';
export { importMessageKey } from './signature-keys.ts';
export type { MessageAlgorithm, MessageKey } from './signature-keys.ts';
export { ComponentError } from './components.ts';
export type { HttpMessage } from './components.ts';
