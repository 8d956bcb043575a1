// A call of somebody's API, and its answer, as those who speak it and those who carry it both see them.

export interface ApiCall {
  method: 'GET' | 'POST';
  url: string;
  headers: Readonly<Record<string, string>>;
  answerMaxBytes: number;
}

export interface ApiAnswer {
  status: number;
  /** By lower-case name; of one that comes twice, the first. */
  headers: Record<string, string | undefined>;
  body: Buffer;
}

/** Rejects with an `Error` that says why there is no answer: a forbidden address, no connection, too large, too slow. */
export type CallApi = (call: ApiCall) => Promise<ApiAnswer>;
