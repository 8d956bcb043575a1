// What routes declare as their `config`: who may call them (core/access.ts). Without one: tokens with `manage`.
import type { Access } from '../core/access.ts';

type Declared = { readonly access: Access };

/** Everybody, without a token. */
export const open: Declared = { access: 'public' };

/** Tokens of the environment. */
export const reading: Declared = { access: 'read' };
export const publishing: Declared = { access: 'publish' };
export const managing: Declared = { access: 'manage' };

/** Those, and tokens of the application in the path that have the capability. */
export const viewing: Declared = { access: { scope: 'read', capability: 'ViewBase' } };
export const configuring: Declared = { access: { scope: 'manage', capability: 'ManageEndpoint' } };
export const attempting: Declared = { access: { scope: 'manage', capability: 'CreateAttempts' } };
export const transforming: Declared = { access: { scope: 'manage', capability: 'ManageTransformations' } };

/** The same, for what belongs to all applications of the environment. */
export const viewingShared: Declared = {
  access: { scope: 'read', capability: 'ViewBase', shared: true },
};
