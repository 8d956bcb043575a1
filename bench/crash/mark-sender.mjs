// @ts-check
// Loaded into each Posthorn process of a run before its own code: every request that it makes says which process made it,
// in a header that nothing signs or reads but the receiver. Node's diagnostics let it: the product is not changed.
import { subscribe } from 'node:diagnostics_channel';

subscribe('undici:request:create', (/** @type {any} */ { request }) => {
  request.addHeader('x-crash-sender', String(process.pid));
});
