// From a delivery and its endpoint to the exact request: headers built, signed at this attempt's time.
import { createSigner, type Signer } from '@posthorn/webhooks';
import type { EndpointConfig } from '../store/application-config.ts';
import type { Work } from './dispatcher.ts';

export interface PreparedRequest {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

interface CachedSigner {
  signer: Promise<Signer>;
  /** A secret that is being rotated out stops signing then; Unix milliseconds. */
  validUntilMs: number;
}

export type Prepare = (work: Work, endpoint: EndpointConfig, nowMs: number) => Promise<PreparedRequest>;

const standardPrefix = 'webhook-';
const svixPrefix = 'svix-';

function styledHeaders(
  signed: Record<string, string>,
  style: EndpointConfig['signatureStyle'],
): Record<string, string> {
  if (style === 'standard') return signed;
  const renamed = Object.fromEntries(
    Object.entries(signed).map(([name, value]) => [name.replace(standardPrefix, svixPrefix), value]),
  );
  return style === 'svix' ? renamed : { ...signed, ...renamed };
}

export function createPrepare(userAgent: string): Prepare {
  // An endpoint's configuration is immutable: a change makes a new object, and with it a new signer.
  const signers = new WeakMap<EndpointConfig, CachedSigner>();

  const signerOf = (endpoint: EndpointConfig, nowMs: number): Promise<Signer> => {
    const cached = signers.get(endpoint);
    if (cached && nowMs < cached.validUntilMs) return cached.signer;
    const valid = endpoint.secrets.filter(
      ({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs,
    );
    const fresh = {
      signer: createSigner(valid.map(({ secret }) => secret)),
      validUntilMs: Math.min(...valid.map(({ expiresAtMs }) => expiresAtMs ?? Number.POSITIVE_INFINITY)),
    };
    signers.set(endpoint, fresh);
    return fresh.signer;
  };

  return async (work, endpoint, nowMs) => {
    const body = work.payload ?? new Uint8Array();
    const signer = await signerOf(endpoint, nowMs);
    const signed = await signer.sign(work.messageId, Math.floor(nowMs / 1000), body);
    return {
      url: endpoint.url,
      body,
      headers: {
        accept: '*/*',
        'user-agent': userAgent,
        'content-type': work.contentType,
        ...endpoint.headers,
        ...styledHeaders(signed, endpoint.signatureStyle),
      },
    };
  };
}
