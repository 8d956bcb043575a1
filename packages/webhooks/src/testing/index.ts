// What @posthorn/webhooks/testing exports: signed requests, a clock that stands still, and recorded requests.
export { fakeClock } from './fake-clock.ts';
export type { FakeClock } from './fake-clock.ts';
export { recordedRequest, signedRequest } from './signed-request.ts';
export type { RecordedSample, ReplayedSample, SignedRequestOptions } from './signed-request.ts';
