// Property tests try the same cases in every run, so that a run says something about a change and not about its luck.
// FAST_CHECK_SEED=$RANDOM npm test tries others.
import fc from 'fast-check';

const usualSeed = 20_261_126;
const asked = process.env['FAST_CHECK_SEED'];

fc.configureGlobal({ seed: asked === undefined ? usualSeed : Number(asked) });
