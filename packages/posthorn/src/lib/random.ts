// The only source of chance that is not cryptographic: jitter.

/** A number in [0, 1). */
export const systemRandom: () => number = Math.random;
