// From a delivery and its endpoint to the exact request: headers built, signed at this attempt's time.
import type { EndpointConfig } from '../store/application-config.ts';
import type { Work } from './dispatcher.ts';
import { createRequestSigner, type RequestSigner } from './request-signer.ts';

export interface PreparedRequest {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

interface Opened {
  sign: RequestSigner;
  headers: Readonly<Record<string, string>>;
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
  const opened = new WeakMap<EndpointConfig, Opened>();

  const open = (endpoint: EndpointConfig, nowMs: number): Opened => {
    const cached = opened.get(endpoint);
    if (cached && nowMs < cached.validUntilMs) return cached;
    const { headers, secrets } = endpoint.open();
    const valid = secrets.filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs);
    const fresh = {
      headers,
      sign: createRequestSigner(valid.map(({ secret }) => secret)),
      validUntilMs: Math.min(...valid.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY)),
    };
    opened.set(endpoint, fresh);
    return fresh;
  };

  return (work, endpoint, nowMs) => {
    const body = work.payload ?? new Uint8Array();
    const timestamp = Math.floor(nowMs / 1000);
    const { sign, headers: own } = open(endpoint, nowMs);
    const signature = sign(work.messageId, timestamp, body);
    const headers: Record<string, string> = {
      accept: '*/*',
      'user-agent': userAgent,
      'content-type': work.contentType,
      ...own,
    };
    for (const prefix of prefixesOf[endpoint.signatureStyle]) {
      headers[`${prefix}id`] = work.messageId;
      headers[`${prefix}timestamp`] = String(timestamp);
      headers[`${prefix}signature`] = signature;
    }
    return { url: endpoint.url, body, headers };
  };
}
