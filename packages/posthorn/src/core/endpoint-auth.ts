// What deliveries to one endpoint authenticate with. Stored sealed; only the type and the names of its fields are shown.

export interface BasicAuth {
  type: 'basic';
  username: string;
  password: string;
}

/** Tokens by the client credentials grant of OAuth 2.0 (RFC 6749 section 4.4). */
export interface OAuth2Auth {
  type: 'oauth2';
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scopes?: readonly string[];
  audience?: string;
  /** How the client names itself to the token server (RFC 6749 section 2.3.1): in a header, or in the body. */
  authMethod: 'client_secret_basic' | 'client_secret_post';
}

/** PEM texts: the certificate, with its chain when it has one, and its private key. */
export interface MtlsAuth {
  type: 'mtls';
  certificate: string;
  key: string;
}

export type EndpointAuth = BasicAuth | OAuth2Auth | MtlsAuth;

/** What is shown of it. */
export interface ShownAuth {
  type: EndpointAuth['type'];
  fields: readonly string[];
}
