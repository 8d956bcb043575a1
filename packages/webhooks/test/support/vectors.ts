// Known answers. The first two are fixed in the test suites of the Standard Webhooks libraries, the third in Svix's.

export type Vector = {
  name: string;
  signWith: string;
  verifyWith: string;
  id: string;
  timestamp: number;
  body: string;
  signature: string;
};

const shared = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
};

export const hmacVector: Vector = {
  name: 'v1, most libraries',
  signWith: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  verifyWith: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  ...shared,
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

export const rustVector: Vector = {
  name: 'v1, Rust library',
  signWith: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
  verifyWith: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
  id: 'msg_27UH4WbU6Z5A5EzD8u03UvzRbpk',
  timestamp: 1649367553,
  body: '{"email":"test@example.com","username":"test_user"}',
  signature: 'v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=',
};

export const ed25519Vector: Vector = {
  name: 'v1a, Svix',
  signWith: 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==',
  verifyWith: 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=',
  ...shared,
  signature: 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
};

export const vectors = [hmacVector, rustVector, ed25519Vector];

export function headersOf(vector: Vector): Record<string, string> {
  return {
    'webhook-id': vector.id,
    'webhook-timestamp': String(vector.timestamp),
    'webhook-signature': vector.signature,
  };
}

/** A clock that stands still at a Unix time in seconds. */
export function clockAt(seconds: number): () => number {
  return () => seconds * 1000;
}
