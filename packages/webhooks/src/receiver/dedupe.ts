// Handling an event once, although it is sent again: its id is claimed, and remembered when the handlers are done.
//
//   (new) --claim--> busy --done--> done, for as long as the provider may send it again
//                      \--release, or its time runs out--> (new)
//
// Work that outlives its claim may find it with another: then `release` leaves it there, and `done` holds against both.

/**
 * What remembers ids. `claim` takes one for `seconds` when nobody has it; of several that claim at once, one gets it. `busy`
 * is said while another has it, `done` when it was handled. `holder` is a text that no other claim has: `release` gives back
 * an id only while that claim holds it, never one that was handled or that another has by now.
 */
export type DedupeStore = {
  claim(key: string, seconds: number, holder: string): Promise<'claimed' | 'busy' | 'done'>;
  done(key: string, seconds: number): Promise<void>;
  release(key: string, holder: string): Promise<void>;
};

export type DedupeSettings = {
  readonly store: DedupeStore;
  readonly claimSeconds: number;
  readonly doneSeconds: number;
  readonly now: () => number;
};

/** An id that this request holds. */
export type Claim = { done(): Promise<void>; release(): Promise<void> };

// Redis takes any length, Workers KV 512 bytes; ids are short unless a provider makes them of its URLs.
const keyMaxChars = 200;
// A store that knows no holders would give back another's: a claim about to run out is left to do so.
const marginMs = 1_000;

export async function claim(dedupe: DedupeSettings, name: string): Promise<Claim | 'busy' | 'done'> {
  const { store, now, claimSeconds, doneSeconds } = dedupe;
  const key = await keyOf(name);
  const holder = crypto.randomUUID();
  const heldUntilMs = now() + claimSeconds * 1_000 - marginMs;
  const answer = await store.claim(key, claimSeconds, holder);
  if (answer !== 'claimed') return answer;
  return {
    done: () => store.done(key, doneSeconds),
    release: async () => {
      if (now() < heldUntilMs) await store.release(key, holder);
    },
  };
}

/**
 * A name for each event: its id, under the source. An id that comes again within one request (a batch that has only its
 * header's id, or a provider that repeats itself) is counted, so that none of the events is taken for another's copy.
 */
export function eventKeys(source: string, ids: readonly (string | undefined)[]): (string | undefined)[] {
  const seen = new Map<string, number>();
  return ids.map((id) => {
    if (id === undefined || id === '') return undefined;
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    // Before the colon, where no id reaches: the name of a source holds neither.
    return `${source}${count === 1 ? '' : `#${count}`}:${id}`;
  });
}

async function keyOf(name: string): Promise<string> {
  if (name.length <= keyMaxChars && /^[ -~]*$/.test(name)) return name;
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(name));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${name.slice(0, name.indexOf(':') + 1)}sha256-${hex}`;
}
