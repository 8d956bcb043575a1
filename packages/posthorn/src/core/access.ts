// Who may do what: scopes of tokens that belong to an environment, capabilities of tokens bound to one application.

/** `manage` holds the other two: whoever manages can make a token with any scope. */
export const scopes = ['read', 'publish', 'manage'] as const;
export type Scope = (typeof scopes)[number];

export function isScope(text: unknown): text is Scope {
  return scopes.some((scope) => scope === text);
}

/** As the app portal's are called. ViewBase is part of every application token. */
export const capabilities = [
  'ViewBase',
  'ViewEndpointSecret',
  'ManageEndpointSecret',
  'ManageTransformations',
  'CreateAttempts',
  'ManageEndpoint',
] as const;
export type Capability = (typeof capabilities)[number];

/** Of the token of an autoconfig subscription: it makes and changes the one endpoint of that. No other token has it. */
export const subscribing = 'Subscribe';

export type Right = Scope | Capability | typeof subscribing;

/**
 * Who may call a route:
 *
 * - `public`: everybody, without a token.
 * - a scope: tokens of the environment that have it.
 * - a scope and a capability: those, and application tokens with the capability, on their own application. Such a route
 *   has `:app` in its path, or says `shared: true`: what it shows belongs to all applications of the environment.
 * - `application`: application tokens, and no others.
 *
 * A route that says nothing wants `manage`.
 */
export type Access =
  | 'public'
  | 'application'
  | Scope
  | { scope: Scope; capability: Capability | typeof subscribing; shared?: true };

/** Who is calling, as far as the token tells. */
export interface Caller {
  tokenId: string;
  tokenName: string;
  environmentId: string;
  /** The one application that the token is bound to; null for a token of the environment. */
  application: { id: string; uid: string | null } | null;
  rights: ReadonlySet<Right>;
  /** The integration or the subscription that the token belongs to; null for others. */
  holderId: string | null;
  /** Which event types an application token sees besides those without a flag. */
  featureFlags: readonly string[];
}

const included: { readonly [R in Right]?: readonly Right[] } = {
  manage: ['read', 'publish'],
  ManageEndpointSecret: ['ViewEndpointSecret'],
  ManageEndpoint: ['ViewEndpointSecret', 'ManageEndpointSecret'],
};

/** The rights that were given, with those that they include. */
export function expandRights(given: readonly Right[]): ReadonlySet<Right> {
  return new Set(given.flatMap((right) => [right, ...(included[right] ?? [])]));
}

/** The capabilities of a token that was asked for with these, all unless some are named. */
export function capabilitiesFor(asked: readonly Capability[] | undefined, readOnly: boolean): Capability[] {
  const given = [...new Set(asked ?? capabilities)];
  return readOnly ? given.filter((capability) => capability === 'ViewBase') : given;
}

/** Why the caller may not use a route with this access, in words that name the fix; undefined when it may. */
export function refusalReason(access: Access | undefined, caller: Caller): string | undefined {
  if (access === 'public') return undefined;
  if (access === 'application') {
    return caller.application === null ? 'only a token of an application can do this' : undefined;
  }
  const { scope, capability } = typeof access === 'object' ? access : { scope: access ?? 'manage' };
  if (caller.application === null) return missing(caller, scope, 'scope');
  if (capability === undefined) return 'a token of an application cannot do this';
  return missing(caller, capability, 'capability');
}

function missing({ rights }: Caller, right: Right, kind: 'scope' | 'capability'): string | undefined {
  return rights.has(right) ? undefined : `the token does not have the ${kind} ${right}`;
}

/** Whether a route with this access says what belongs to whom, so that it can be opened to application tokens. */
export function isBound(access: Access | undefined, path: string): boolean {
  if (typeof access !== 'object' || access.shared === true) return true;
  return /\/:app(?:\/|$)/.test(path);
}
