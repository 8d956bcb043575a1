// The causes of refusals, with what is to be done about each.

export type DiagnosisCause =
  | 'newline-added'
  | 'newline-lost'
  | 'body-reserialised'
  | 'body-reencoded'
  | 'body-length'
  | 'body-parsed'
  | 'body-too-large'
  | 'secret-surrounded'
  | 'secret-prefix'
  | 'secret-encoding'
  | 'secret-old'
  | 'url-other'
  | 'url-missing'
  | 'sha1-only'
  | 'other-provider'
  | 'clock-skew'
  | 'key-unknown'
  | 'key-unavailable'
  | 'header-missing'
  | 'header-malformed'
  | 'misconfigured'
  | 'unexplained';

/** For causes that are told in the same words each time. */
export const adviceOn = {
  'newline-added':
    'the body has a line end or blanks around it that were not signed: pass the bytes as they came, and save them without an editor that adds a line end',
  'newline-lost': 'a line end at the end of the body was cut off: pass the bytes as they came, untrimmed',
  'body-reserialised':
    'the body was parsed and written again, with other white space, order or escapes: verify the raw bytes, before any parser',
  'body-reencoded':
    'the body was decoded and encoded again (byte order mark, escapes, line ends or character set): verify the raw bytes, never text made of them',
} as const satisfies Partial<Record<DiagnosisCause, string>>;

export type BodyCause = keyof typeof adviceOn;
