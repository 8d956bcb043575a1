// A provider's signature as its document describes it, made by node:crypto: never by the code under test.
import { createHmac } from 'node:crypto';
import type { ProviderSample } from './provider-sample.ts';

type Described = {
  readonly algorithm?: 'sha1' | 'sha256' | 'sha512';
  readonly encoding?: 'hex' | 'base64';
  readonly prefix?: string;
  readonly key?: (secret: string) => Buffer | string;
};

/** HMAC of the raw body in `header`, SHA-256 in hex unless said otherwise. */
export function hmacOracle(header: string, described: Described = {}): NonNullable<ProviderSample['oracle']> {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', key = (secret: string) => secret } = described;
  return ({ body }, secret) => ({
    [header]: prefix + createHmac(algorithm, key(secret)).update(body).digest(encoding),
  });
}
