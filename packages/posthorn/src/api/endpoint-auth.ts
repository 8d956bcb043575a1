// What deliveries to an endpoint authenticate with: checked, sealed, and never shown again.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { EndpointAuth, ShownAuth } from '../core/endpoint-auth.ts';
import { checkEndpointUrl } from '../core/url-rules.ts';
import { authOwner } from '../store/endpoints.ts';
import type { ApiDeps } from './context.ts';
import { nullable } from './fields.ts';
import { invalid, invalidField } from './problems.ts';
import type { FieldProblem } from './problems.ts';

const credentialMaxChars = 1_024;
const scopesMax = 50;
const pemMaxChars = 32 * 1024;
const tokenUrlMaxChars = 2_048;

// RFC 7617 section 2: no control characters, and a colon ends the name.
const credential = Type.String({
  minLength: 1,
  maxLength: credentialMaxChars,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
});
// RFC 6749 section 3.3.
const scope = Type.String({
  minLength: 1,
  maxLength: credentialMaxChars,
  pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$',
});
const pem = Type.String({ minLength: 1, maxLength: pemMaxChars });

// One object rather than one of three: what is missing can be said of the type that was meant.
const AuthIn = Type.Object({
  type: Type.Union([Type.Literal('basic'), Type.Literal('oauth2'), Type.Literal('mtls')]),
  username: Type.Optional(credential),
  password: Type.Optional(credential),
  tokenUrl: Type.Optional(Type.String({ minLength: 1, maxLength: tokenUrlMaxChars })),
  clientId: Type.Optional(credential),
  clientSecret: Type.Optional(credential),
  scopes: Type.Optional(nullable(Type.Array(scope, { maxItems: scopesMax }))),
  audience: Type.Optional(nullable(credential)),
  authMethod: Type.Optional(
    nullable(Type.Union([Type.Literal('client_secret_basic'), Type.Literal('client_secret_post')])),
  ),
  certificate: Type.Optional(pem),
  key: Type.Optional(pem),
});
type AuthIn = Static<typeof AuthIn>;
export const authField = Type.Optional(nullable(AuthIn));

interface Fields {
  required: readonly (keyof AuthIn)[];
  optional: readonly (keyof AuthIn)[];
}

const fieldsOf: Readonly<Record<AuthIn['type'], Fields>> = {
  basic: { required: ['username', 'password'], optional: [] },
  oauth2: {
    required: ['tokenUrl', 'clientId', 'clientSecret'],
    optional: ['scopes', 'audience', 'authMethod'],
  },
  mtls: { required: ['certificate', 'key'], optional: [] },
};

interface AuthColumns {
  auth_sealed?: Buffer | null;
  auth_shown?: string | null;
}

/** The columns for what a body says of `auth`; none when it does not name it. Throws 422. */
export function authChanges(deps: ApiDeps, endpointId: string, auth: AuthIn | null | undefined): AuthColumns {
  if (auth === undefined) return {};
  if (auth === null) return { auth_sealed: null, auth_shown: null };
  const taken = takeAuth(deps, auth);
  const { type, ...given } = taken;
  const shown: ShownAuth = { type, fields: Object.keys(given) };
  return {
    auth_sealed: deps.box.seal(JSON.stringify(taken), authOwner(endpointId)),
    auth_shown: JSON.stringify(shown),
  };
}

function takeAuth(deps: ApiDeps, auth: AuthIn): EndpointAuth {
  checkFields(auth);
  if (auth.type === 'basic') return takeBasic(auth);
  return auth.type === 'oauth2' ? takeOAuth2(deps, auth) : takeMtls(deps, auth);
}

function checkFields(auth: AuthIn): void {
  const { required, optional } = fieldsOf[auth.type];
  const names = Object.keys(AuthIn.properties).filter((name) => name !== 'type') as (keyof AuthIn)[];
  const problems = names.flatMap((name): FieldProblem[] => {
    const loc = ['body', 'auth', name];
    const given = auth[name] !== undefined && auth[name] !== null;
    if (required.includes(name)) {
      return given ? [] : [{ loc, msg: `is required for type ${auth.type}`, type: 'value_error.missing' }];
    }
    const isForeign = given && !optional.includes(name);
    return isForeign ? [{ loc, msg: `does not belong to type ${auth.type}`, type: 'value_error' }] : [];
  });
  if (problems.length > 0) throw invalid(problems);
}

function takeBasic({ username = '', password = '' }: AuthIn): EndpointAuth {
  if (username.includes(':')) throw invalidField('auth.username', 'must not hold a colon, which ends it');
  return { type: 'basic', username, password };
}

function takeOAuth2({ urlRules }: ApiDeps, auth: AuthIn): EndpointAuth {
  const { tokenUrl = '', clientId = '', clientSecret = '', scopes, audience, authMethod } = auth;
  const verdict = checkEndpointUrl(tokenUrl, urlRules);
  if (!verdict.ok) throw invalidField('auth.tokenUrl', verdict.reason);
  return {
    type: 'oauth2',
    tokenUrl: verdict.url,
    clientId,
    clientSecret,
    ...(scopes ? { scopes } : {}),
    ...(typeof audience === 'string' ? { audience } : {}),
    authMethod: authMethod ?? 'client_secret_basic',
  };
}

function takeMtls({ clock }: ApiDeps, { certificate = '', key = '' }: AuthIn): EndpointAuth {
  const leaf = readCertificate(certificate);
  const privateKey = readKey(key);
  if (!leaf.checkPrivateKey(privateKey)) {
    throw invalidField(
      'auth.key',
      'is not the key of the certificate; the first certificate must be its own',
    );
  }
  if (Date.parse(leaf.validTo) <= clock.now()) {
    throw invalidField('auth.certificate', `has expired (${leaf.validTo}); give a current one`);
  }
  try {
    // What the connection will do with them; a chain with a broken part fails here.
    createSecureContext({ cert: certificate, key });
  } catch {
    throw invalidField(
      'auth.certificate',
      'cannot be used for TLS: give whole PEM certificates, own one first',
    );
  }
  return { type: 'mtls', certificate, key };
}

function readCertificate(text: string): X509Certificate {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw invalidField('auth.certificate', 'is not PEM: it must hold "-----BEGIN CERTIFICATE-----"');
  }
  try {
    return new X509Certificate(text);
  } catch {
    throw invalidField('auth.certificate', 'is PEM, but not a valid certificate');
  }
}

function readKey(text: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw invalidField('auth.key', 'is not PEM: it must hold "-----BEGIN PRIVATE KEY-----"');
  }
  if (text.includes('ENCRYPTED')) {
    throw invalidField('auth.key', 'is encrypted: give it without a pass phrase; it is stored sealed');
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw invalidField('auth.key', 'is PEM, but not a valid private key');
  }
}
