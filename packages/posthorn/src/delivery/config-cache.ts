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

const applicationsMax = 10_000;
// How old an endpoint's configuration may be when an attempt starts.
const sendAgeMsMax = 1_000;

interface Entry {
  config: ApplicationConfig;
  /** When it was last known to be the current version; monotonic milliseconds. */
  checkedAtMs: number;
}

export interface ConfigCache {
  /** For matching. `environmentId` and `idOrUid` as a caller gave them. */
  forAccept(environmentId: string, idOrUid: string): Promise<ApplicationConfig | undefined>;
  /** For sending: not older than a second. */
  forSend(applicationId: string): Promise<ApplicationConfig | undefined>;
  /** What is in memory, however old. */
  peek(applicationId: string): ApplicationConfig | undefined;
  /** The database has just confirmed this version. */
  confirm(config: ApplicationConfig): void;
  /** The database has just refused this version. */
  drop(config: ApplicationConfig): void;
}

export function createConfigCache(deps: { pool: pg.Pool; box: SecretBox; clock: Clock }): ConfigCache {
  const { pool, box, clock } = deps;
  const byId = new Map<string, Entry>();
  // The names that callers use, `environment/idOrUid`, to application ids. A uid can move on to another application:
  // a name counts only while the configuration it leads to still goes by it.
  const ids = new Map<string, string>();

  const remember = (config: ApplicationConfig): ApplicationConfig => {
    byId.delete(config.applicationId);
    byId.set(config.applicationId, { config, checkedAtMs: clock.monotonicMs() });
    for (const name of [config.applicationId, config.uid]) {
      if (name !== null) ids.set(`${config.environmentId}/${name}`, config.applicationId);
    }
    evict();
    return config;
  };

  const forget = ({ applicationId, environmentId, uid }: ApplicationConfig) => {
    byId.delete(applicationId);
    ids.delete(`${environmentId}/${applicationId}`);
    if (uid !== null) ids.delete(`${environmentId}/${uid}`);
  };

  const evict = () => {
    if (byId.size <= applicationsMax) return;
    const oldest = byId.values().next().value;
    if (oldest) forget(oldest.config);
  };

  return {
    async forAccept(environmentId, idOrUid) {
      const known = byId.get(ids.get(`${environmentId}/${idOrUid}`) ?? '')?.config;
      if (known && (known.applicationId === idOrUid || known.uid === idOrUid)) return known;
      const config = await findApplicationConfig(pool, box, environmentId, idOrUid);
      return config && remember(config);
    },
    async forSend(applicationId) {
      const entry = byId.get(applicationId);
      if (entry && clock.monotonicMs() - entry.checkedAtMs <= sendAgeMsMax) return entry.config;
      const version = entry && (await currentConfigVersion(pool, applicationId));
      if (entry && entry.config.version === version) return remember(entry.config);
      if (entry) forget(entry.config);
      const config = await loadApplicationConfig(pool, box, applicationId);
      return config && remember(config);
    },
    peek: (applicationId) => byId.get(applicationId)?.config,
    confirm(config) {
      const entry = byId.get(config.applicationId);
      if (entry?.config === config) entry.checkedAtMs = clock.monotonicMs();
    },
    drop(config) {
      if (byId.get(config.applicationId)?.config === config) forget(config);
    },
  };
}
