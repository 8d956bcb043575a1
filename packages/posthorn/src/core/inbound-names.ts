// What providers call things, as it can be stored and matched here. Their own words stay in the request.

/** Why a request, or some of its events, wait for a replay: they do not fit their schema. */
export const schemaReason = 'schema';
/** Why what is set aside for another reason is not to be trusted when it is had again: it could not be verified either. */
export const unverifiedReason = 'unverified';

const nameMaxChars = 256;
const notOfName = /[^a-zA-Z0-9\-_.]+/g;
const printable = /^[\x20-\x7e]+$/;

/** Event types are letters, digits, hyphens, underscores and full stops: `orders/create` becomes `orders.create`. */
export function eventTypeOf(name: string): string {
  const type = name.slice(0, nameMaxChars).replaceAll(notOfName, '.');
  return /[a-zA-Z0-9]/.test(type) ? type : 'unknown';
}

/** Whether an id of a provider can be kept as it is. */
export function isPlainId(id: string): boolean {
  return id.length <= nameMaxChars && printable.test(id);
}

/** A sentence of the operator's log: one line, bounded. */
export function detailOf(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\u00a0-\ud7ff]+/g, ' ').slice(0, 500);
}
