// Tokens that Microsoft Entra gives to a service of Microsoft's for an application of yours (version 1.0 and 2.0).
import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import type { Claims } from './jwt.ts';

/** The keys of all tenants. */
export const entraKeys = 'https://login.microsoftonline.com/common/discovery/v2.0/keys';

const tenantForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Undefined when Entra issued the token to `service`, in `tenant` if one is given. Any tenant can issue tokens to itself. */
export function judgeEntraToken(
  claims: Claims,
  { service, tenant }: { readonly service: string; readonly tenant?: string | undefined },
): Refusal | undefined {
  const tid = tenantOf(claims);
  if (tid === undefined || !issuersOf(tid).includes(String(claims['iss'])))
    return refuse('mismatch', 'the token has another issuer');
  if (tenant !== undefined && tid !== tenant.trim().toLowerCase())
    return refuse('mismatch', 'the token is of another tenant');
  // Of version 2.0, and of 1.0.
  const issuedTo = claims['azp'] ?? claims['appid'];
  return issuedTo === service ? undefined : refuse('mismatch', 'the token was issued to another service');
}

export function tenantOf({ tid }: Claims): string | undefined {
  return typeof tid === 'string' && tenantForm.test(tid) ? tid : undefined;
}

function issuersOf(tid: string): readonly string[] {
  return [`https://login.microsoftonline.com/${tid}/v2.0`, `https://sts.windows.net/${tid}/`];
}
