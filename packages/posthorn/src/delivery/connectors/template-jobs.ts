// What the template thread is asked, and what it answers: plain data, so that it can be posted.

export const templateMaxChars = 8 * 1024;

/** What is done to each value that a template puts out, unless it says `raw`. */
export type Escape = 'none' | 'url' | 'slack';

/** Of one delivery. A payload that is neither JSON nor a form is a text. */
export interface JobData {
  id: string;
  eventType: string;
  timestamp: string;
  payload: Uint8Array;
  contentType: string;
}

/** What the templates of a delivery have cost so far. */
export interface Cost {
  renderMs: number;
  outputChars: number;
}

/** One text, or a JSON value whose texts are templates. */
export type Work = { kind: 'text'; text: string; escape: Escape } | { kind: 'tree'; tree: unknown };

/** `data` is left out where the thread should still have it by `key`. */
export interface TemplateJob {
  work: Work;
  key: number;
  data?: JobData;
  cost: Cost;
}

export type TemplateAnswer =
  /** `json`: the text, or the value, that came out. `cost`: with this job's. */
  | { kind: 'rendered'; json: string; cost: Cost }
  /** `isSlow`: it ran out of its delivery's time. */
  | { kind: 'failed'; message: string; isSlow: boolean }
  /** Nothing is remembered by this key: ask again with the data. */
  | { kind: 'data_wanted' };
