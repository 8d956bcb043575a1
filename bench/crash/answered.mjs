// @ts-check
// What a receiver's answer meant to the sender, and whether it must have been written down.

/** @typedef {import('./checker.mjs').Case} Case */
/** @typedef {import('./history.mjs').Hit} Hit */

/** An attempt's time includes the connection's: what took nearly all of it may have come when the attempt had ended. */
const nearTimeoutShare = 0.75;

/** Answers that a sender must take for a 2xx. @param {string} given */
export const isAccepted = (given) => /^2\d\d$/.test(given);
/** Answers that a sender may take for a 2xx. @param {string} given */
export const mayBeAccepted = (given) => isAccepted(given) || given === '2xx?' || given === 'cut';

/** True when the attempt may have ended before its answer. @param {Case} the @param {Hit} hit */
export const mayBeTooLate = ({ evidence, windows }, { receivedMs, answeredMs }) =>
  answeredMs - receivedMs >= evidence.attemptTimeoutMs * nearTimeoutShare ||
  windows.isFrozen(receivedMs - evidence.attemptTimeoutMs, answeredMs);

/** True when no fault can have kept the answer from being written down. @param {Case} the @param {Hit} hit */
export const isSettled = ({ windows }, hit) => !windows.mayBeLost(hit, hit);
