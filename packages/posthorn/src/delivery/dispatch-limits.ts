// How much one process holds in memory and has under way, and how much of it one endpoint may have.

export interface DispatchLimits {
  /** Deliveries in memory, waiting, under way and not yet settled. */
  heldMax: number;
  /** Of their content. No application holds more of it than is left for the others: alone half of it. */
  heldBytesMax: number;
  /** The same for one endpoint, while there is plenty, and when it is short. */
  heldPerEndpointMax: number;
  heldPerEndpointWhenShortMax: number;
  inFlightMax: number;
  /** The same for one endpoint, while there is plenty, and when it is short: the rest is for the others. */
  inFlightPerEndpointMax: number;
  inFlightPerEndpointWhenShortMax: number;
}

export const defaultDispatchLimits: DispatchLimits = {
  heldMax: 10_000,
  heldBytesMax: 64 * 1024 * 1024,
  heldPerEndpointMax: 1_000,
  heldPerEndpointWhenShortMax: 20,
  inFlightMax: 4_000,
  inFlightPerEndpointMax: 10,
  inFlightPerEndpointWhenShortMax: 1,
};

// Up to the first mark there is plenty for everyone; up to the second for endpoints that answer; beyond it is short for
// all. A hundred endpoints that hang come to the first mark and stay there.
const plentyShare = 1 / 2;
const plentyForAnsweringShare = 3 / 4;
/** Endpoints that do not respond have so much of inFlightMax under way together: the rest is for those that do. */
export const unrespondingShare = 7 / 8;
// What an endpoint that answers may hold between the marks, of heldPerEndpointMax.
const answeringHeldShare = 1 / 4;

/** What comes out of the database takes so much of heldMax and of heldBytesMax: the rest is for what is accepted now. */
export const claimedShare = 1 / 2;
/** Of that, what comes out of orders takes so much: it goes one at a time. */
export const orderedShare = 1 / 2;

/** Others may need what an endpoint holds that gets on slowly. */
export const isShort = (limits: DispatchLimits, held: number) => held / limits.heldMax >= plentyShare;

/** How many deliveries of one endpoint may be in memory when there are `held` in all. */
export const heldMaxOfOne = (limits: DispatchLimits, held: number, answers: boolean) =>
  heldMaxAt(limits, held / limits.heldMax, answers);

/**
 * The same for an endpoint that is claimed for, when `claimed` in all came out of the database. A few that wait for their
 * rate limit would have all that may be claimed, and nobody else's retries would come into memory.
 */
export const claimedMaxOfOne = (limits: DispatchLimits, claimed: number, answers: boolean) =>
  heldMaxAt(limits, claimed / (limits.heldMax * claimedShare), answers);

/** `share`: what is taken of what there is. */
function heldMaxAt(limits: DispatchLimits, share: number, answers: boolean): number {
  if (share < plentyShare) return limits.heldPerEndpointMax;
  const short = limits.heldPerEndpointWhenShortMax;
  if (share >= plentyForAnsweringShare || !answers) return short;
  return Math.max(short, limits.heldPerEndpointMax * answeringHeldShare);
}

/**
 * How many attempts of one endpoint may be under way when there are `inFlight` in all, `unresponding` of them at endpoints
 * that do not respond. What those leave is there for endpoints that answer, up to the second mark.
 */
export function inFlightMaxOfOne(
  limits: DispatchLimits,
  { inFlight, unresponding }: { inFlight: number; unresponding: number },
  answers: boolean,
): number {
  const { inFlightMax, inFlightPerEndpointMax, inFlightPerEndpointWhenShortMax } = limits;
  const hasPlenty = answers
    ? (inFlight - unresponding) / (inFlightMax - unresponding) < plentyForAnsweringShare
    : inFlight / inFlightMax < plentyShare;
  return hasPlenty ? inFlightPerEndpointMax : inFlightPerEndpointWhenShortMax;
}
