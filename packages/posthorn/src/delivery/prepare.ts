// From a delivery and its endpoint to the exact request: headers built, signed at this attempt's time.
import type { EndpointConfig } from '../store/application-config.ts';
import type { Work } from './dispatcher.ts';
import { createRequestSigner, type RequestSigner } from './request-signer.ts';

export interface PreparedRequest {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

interface CachedSigner {
  sign: RequestSigner;
  /** A secret that is being rotated out stops signing then; Unix milliseconds. */
  validUntilMs: number;
}

export type Prepare = (work: Work, endpoint: EndpointConfig, nowMs: number) => PreparedRequest;

const prefixesOf: Readonly<Record<EndpointConfig['signatureStyle'], readonly string[]>> = {
  standard: ['webhook-'],
  svix: ['svix-'],
  both: ['webhook-', 'svix-'],
};

export function createPrepare(userAgent: string): Prepare {
  // An endpoint's configuration is immutable: a change makes a new object, and with it a new signer.
  const signers = new WeakMap<EndpointConfig, CachedSigner>();

  const signerOf = (endpoint: EndpointConfig, nowMs: number): RequestSigner => {
    const cached = signers.get(endpoint);
    if (cached && nowMs < cached.validUntilMs) return cached.sign;
    const valid = endpoint.secrets.filter(
      ({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs,
    );
    const fresh = {
      sign: createRequestSigner(valid.map(({ secret }) => secret)),
      validUntilMs: Math.min(...valid.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY)),
    };
    signers.set(endpoint, fresh);
    return fresh.sign;
  };

  return (work, endpoint, nowMs) => {
    const body = work.payload ?? new Uint8Array();
    const timestamp = Math.floor(nowMs / 1000);
    const signature = signerOf(endpoint, nowMs)(work.messageId, timestamp, body);
    const headers: Record<string, string> = {
      accept: '*/*',
      'user-agent': userAgent,
      'content-type': work.contentType,
      ...endpoint.headers,
    };
    for (const prefix of prefixesOf[endpoint.signatureStyle]) {
      headers[`${prefix}id`] = work.messageId;
      headers[`${prefix}timestamp`] = String(timestamp);
      headers[`${prefix}signature`] = signature;
    }
    return { url: endpoint.url, body, headers };
  };
}
