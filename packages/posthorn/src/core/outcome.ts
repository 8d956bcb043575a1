// What one attempt meant. Every attempt ends in exactly one Outcome; a customer's failure is a value, never an exception.

export type UnreachableReason =
  | 'timeout'
  | 'dns'
  | 'tls'
  | 'connection'
  | 'forbidden_address'
  | 'too_large'
  | 'protocol'
  | 'auth'
  | 'transformation'
  | 'config';

/**
 * `rejected` is any answer that is not 2xx, redirects included (they are never followed). `status` is 0 where no HTTP is
 * spoken; then `detail` says what the receiver said. The `detail` of what was unreachable is for operators.
 */
export type Outcome =
  | { kind: 'accepted'; status: number }
  | { kind: 'rejected'; status: number; detail?: string }
  | { kind: 'unreachable'; reason: UnreachableReason; detail: string };

const statusMeanings: Readonly<Record<number, string>> = {
  400: 'the receiver found the request malformed; compare what it expects with the message',
  401: 'the receiver asks for authentication; check the signing secret and the endpoint headers',
  403: 'the receiver refused access; check the signing secret, and whether its firewall lets this sender in',
  404: 'nothing is at this path; check the endpoint URL',
  405: 'the path exists but does not take POST; check the endpoint URL',
  408: 'the receiver gave up waiting for the request; check its load',
  410: 'the receiver says the endpoint is gone for good; it is disabled until someone enables it again',
  413: 'the message is larger than the receiver takes; raise its body limit',
  415: 'the receiver does not take this content type; it must accept application/json',
  421: 'the receiver does not serve this host name; check the endpoint URL',
  422: 'the receiver could not process the message; compare what it expects with the payload',
  429: 'the receiver asks for fewer requests; deliveries wait for its Retry-After, or lower the endpoint rate limit',
  500: 'the receiver failed inside; look into its log',
  502: 'a proxy in front of the receiver got no good answer; check that the receiver is running',
  503: 'the receiver is not available now; it will be tried again',
  504: 'a proxy in front of the receiver waited too long; answer first and work afterwards',
};

const unreachableAdvice: Readonly<Record<UnreachableReason, string>> = {
  timeout: 'The receiver did not answer in time; it should answer 2xx at once and do its work afterwards',
  dns: 'The host name could not be resolved; check the spelling of the endpoint URL and its DNS record',
  tls: 'The TLS connection could not be trusted; check the certificate of the receiver',
  connection: 'No connection could be held; check that the receiver is running and lets this sender in',
  forbidden_address:
    'Deliveries may not reach this URL, or the address it resolves to; use a public URL, or open its range with POSTHORN_ALLOW_SUBNETS',
  too_large: 'The answer was larger than is read; the receiver should answer with a short response',
  transformation: 'The transformation of the endpoint failed and nothing was sent; mend its code',
  protocol:
    'The answer was not valid HTTP/1.1; check that the port speaks HTTP and that http or https is right',
  auth: 'No access token could be had, and nothing was sent; check the auth of the endpoint and its token server',
  config:
    'The configuration of the endpoint cannot be used for this message, and nothing was done; change it, or the message',
};

/** 2xx is accepted; every other status is rejected. */
export function classifyStatus(status: number): Outcome {
  return status >= 200 && status <= 299 ? { kind: 'accepted', status } : { kind: 'rejected', status };
}

/** One plain sentence for people: what happened and what to do next. */
export function describeOutcome(outcome: Outcome): string {
  if (outcome.kind === 'accepted') {
    const answer = outcome.status === 0 ? '' : ` with ${outcome.status}`;
    return `The receiver accepted the message${answer}.`;
  }
  if (outcome.kind === 'rejected') return describeRejection(outcome);
  const cause = unreachableCause(outcome.reason, outcome.detail);
  // The detail of a forbidden address says what an inside name resolves to; that is for operators, not for customers.
  const showsDetail = outcome.reason !== 'forbidden_address' && outcome.detail !== '';
  const detail = showsDetail ? ` (${outcome.detail})` : '';
  return `${cause}${detail}.`;
}

function describeRejection({ status, detail }: Extract<Outcome, { kind: 'rejected' }>): string {
  if (status === 0) return `The receiver refused the message: ${detail ?? 'it did not say why'}.`;
  return `The receiver answered ${status}: ${detail ?? statusMeaning(status)}.`;
}

function statusMeaning(status: number): string {
  const known = statusMeanings[status];
  if (known) return known;
  if (status >= 300 && status <= 399) return 'redirects are not followed; register the final URL';
  if (status >= 400 && status <= 499) return 'the receiver refused the message; look into its log';
  if (status >= 500 && status <= 599) return 'the receiver failed; look into its log';
  return 'only 2xx counts as accepted';
}

const tlsCauses: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [/EXPIRED/, 'The certificate of the receiver has expired; renew it'],
  [/NOT_YET_VALID/, 'The certificate of the receiver is not valid yet; check its dates'],
  [/ALTNAME/, 'The certificate of the receiver is for another host name; check the endpoint URL'],
  [
    /SELF_SIGNED|UNABLE_TO|ISSUER/,
    'The certificate of the receiver is not signed by a known authority; send the whole chain, or make the authority known',
  ],
];

function unreachableCause(reason: UnreachableReason, detail: string): string {
  if (reason === 'dns' && detail.includes('ENOTFOUND')) {
    return 'The host name does not exist (NXDOMAIN); check the spelling of the endpoint URL and its DNS record';
  }
  const tlsCause = reason === 'tls' ? tlsCauses.find(([pattern]) => pattern.test(detail)) : undefined;
  return tlsCause ? tlsCause[1] : unreachableAdvice[reason];
}
