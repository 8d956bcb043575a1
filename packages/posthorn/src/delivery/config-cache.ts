// The configuration of applications in memory. It may be old: whoever relies on it has its version checked (accept), or
// asks for one that was checked lately (send).
import type pg from 'pg';
import type { Clock } from '../lib/clock.ts';
import {
  type ApplicationConfig,
  currentConfigVersion,
  findApplicationConfig,
  loadApplicationConfig,
} from '../store/application-config.ts';
import type { SecretBox } from '../store/secret-box.ts';

// What all of it may weigh: an application is one, each of its endpoints another, and long code so much more.
const defaultWeightMax = 100_000;
const codeCharsOfOne = 2_048;
// How old an endpoint's configuration may be when an attempt starts.
const sendAgeMsMax = 1_000;

interface Entry {
  config: ApplicationConfig;
  /** When it was last known to be the current version; monotonic milliseconds. */
  checkedAtMs: number;
  /** The database has another version. The limits in it count until that one is here. */
  refused: boolean;
}

type Load = () => Promise<ApplicationConfig | undefined>;

export interface ConfigCacheDeps {
  pool: pg.Pool;
  box: SecretBox;
  clock: Clock;
  weightMax?: number;
}

function weightOf({ endpoints }: ApplicationConfig): number {
  const codeChars = endpoints.reduce(
    (sum, { transformation }) => sum + (transformation?.code.length ?? 0),
    0,
  );
  return 1 + endpoints.length + Math.floor(codeChars / codeCharsOfOne);
}

export class ConfigCache {
  readonly #deps: ConfigCacheDeps;
  readonly #byId = new Map<string, Entry>();
  // The names that callers use, `environment/idOrUid`, to application ids. A uid can move on to another application:
  // a name counts only while the configuration it leads to still goes by it.
  readonly #ids = new Map<string, string>();
  readonly #loading = new Map<string, Promise<ApplicationConfig | undefined>>();
  #weight = 0;

  constructor(deps: ConfigCacheDeps) {
    this.#deps = deps;
  }

  /** For matching. `environmentId` and `idOrUid` as a caller gave them. */
  async forAccept(environmentId: string, idOrUid: string): Promise<ApplicationConfig | undefined> {
    const name = `${environmentId}/${idOrUid}`;
    const entry = this.#byId.get(this.#ids.get(name) ?? '');
    const goesByIt = entry?.config.applicationId === idOrUid || entry?.config.uid === idOrUid;
    if (entry && !entry.refused && goesByIt) return entry.config;
    const { pool, box } = this.#deps;
    return this.#once(name, () => findApplicationConfig(pool, box, environmentId, idOrUid));
  }

  /** For sending: not older than a second. */
  async forSend(applicationId: string): Promise<ApplicationConfig | undefined> {
    const entry = this.#byId.get(applicationId);
    const ageMs = entry && this.#deps.clock.monotonicMs() - entry.checkedAtMs;
    if (entry && !entry.refused && Number(ageMs) <= sendAgeMsMax) return entry.config;
    return this.#check(applicationId);
  }

  /** Not older than this call: for what cannot be taken back. */
  async forCancel(applicationId: string): Promise<ApplicationConfig | undefined> {
    // One that is under way may have been read before.
    await this.#loading.get(applicationId)?.catch(() => undefined);
    return this.#check(applicationId);
  }

  #check(applicationId: string): Promise<ApplicationConfig | undefined> {
    const { pool, box } = this.#deps;
    return this.#once(applicationId, async () => {
      const entry = this.#byId.get(applicationId);
      const version = entry && (await currentConfigVersion(pool, applicationId));
      if (entry && entry.config.version === version) return entry.config;
      if (entry) this.refuse(entry.config);
      const config = await loadApplicationConfig(pool, box, applicationId);
      if (!config && entry) this.#forget(entry.config);
      return config;
    });
  }

  /** What is in memory, however old: while a change is loaded, the limits from before it still count. */
  peek(applicationId: string): ApplicationConfig | undefined {
    return this.#byId.get(applicationId)?.config;
  }

  /** The database has just confirmed this version. */
  confirm(config: ApplicationConfig): void {
    const entry = this.#byId.get(config.applicationId);
    if (entry?.config === config && !entry.refused) entry.checkedAtMs = this.#deps.clock.monotonicMs();
  }

  /** The database has just refused this version: nothing is matched against it, and nothing sent by it, any more. */
  refuse(config: ApplicationConfig): void {
    const entry = this.#byId.get(config.applicationId);
    if (entry?.config === config) entry.refused = true;
  }

  /** One load for all who ask at the same time: a change to a large application must not make everyone load it. */
  #once(key: string, load: Load): Promise<ApplicationConfig | undefined> {
    const running = this.#loading.get(key);
    if (running) return running;
    const askedAtMs = this.#deps.clock.monotonicMs();
    const started = load()
      .then((config) => config && this.#remember(config, askedAtMs))
      .finally(() => this.#loading.delete(key));
    this.#loading.set(key, started);
    return started;
  }

  /** A slow answer does not replace what came after it. */
  #remember(config: ApplicationConfig, checkedAtMs: number): ApplicationConfig {
    const known = this.peek(config.applicationId);
    if (known && BigInt(known.version) > BigInt(config.version)) return known;
    if (known) this.#forget(known);
    this.#byId.set(config.applicationId, { config, checkedAtMs, refused: false });
    for (const name of [config.applicationId, config.uid]) {
      if (name !== null) this.#ids.set(`${config.environmentId}/${name}`, config.applicationId);
    }
    this.#weight += weightOf(config);
    this.#forgetOldest();
    return config;
  }

  /** The last one stays, however much it weighs. */
  #forgetOldest(): void {
    const { weightMax = defaultWeightMax } = this.#deps;
    for (const { config } of this.#byId.values()) {
      if (this.#weight <= weightMax || this.#byId.size === 1) return;
      this.#forget(config);
    }
  }

  #forget(config: ApplicationConfig): void {
    const { applicationId, environmentId, uid } = config;
    const known = this.peek(applicationId);
    if (known) this.#weight -= weightOf(known);
    this.#byId.delete(applicationId);
    this.#ids.delete(`${environmentId}/${applicationId}`);
    if (uid !== null) this.#ids.delete(`${environmentId}/${uid}`);
  }
}
