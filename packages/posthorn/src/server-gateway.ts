// Builds the gateway of a server, and hands it what belongs to other layers.
import type { Config } from './config.ts';
import type { AcceptInbound } from './core/inbound.ts';
import { createApiCaller } from './delivery/connectors/call-api.ts';
import { createTextFetcher } from './delivery/connectors/fetch-text.ts';
import { createGateway, type Gateway } from './gateway/gateway.ts';
import { GithubApi } from './gateway/github-api.ts';
import { keepingTexts } from './gateway/key-texts.ts';
import { createReconciler, type Reconciler } from './gateway/reconciler.ts';
import { createStoreFetched } from './gateway/store-fetched.ts';
import type { JudgeEvent } from './gateway/validate.ts';
import { systemClock } from './lib/clock.ts';
import type { NewId } from './lib/ids.ts';
import type { Log } from './lib/log.ts';
import { systemRandom } from './lib/random.ts';
import { version } from './lib/version.ts';
import type { Database } from './store/database.ts';
import type { SecretBox } from './store/secret-box.ts';

export interface ServerGatewayParts {
  config: Config;
  database: Database;
  box: SecretBox;
  newId: NewId;
  log: Log;
  accept: AcceptInbound;
  judgeEvent: JudgeEvent;
  onRefused(): void;
}

/** GitHub's own API, and the one that the operator names. */
export const githubApiUrlsOf = ({ githubApiUrl }: Config): string[] => [
  ...new Set(['https://api.github.com', githubApiUrl]),
];

export function createServerReconciler({ config, database, ...parts }: ServerGatewayParts): Reconciler {
  const options = { allowSubnets: config.allowSubnets };
  const call = createApiCaller(options);
  const fetchText = keepingTexts(createTextFetcher(options), systemClock);
  return createReconciler({
    ...parts,
    pool: database.pool,
    clock: systemClock,
    github: new GithubApi({ call, clock: systemClock, userAgent: `Posthorn/${version}` }),
    store: createStoreFetched({ ...parts, db: database, clock: systemClock, fetchText }),
  });
}

export function createServerGateway({ config, database, ...parts }: ServerGatewayParts): Gateway {
  const fetchText = createTextFetcher({ allowSubnets: config.allowSubnets });
  return createGateway({
    ...parts,
    db: database,
    clock: systemClock,
    random: systemRandom,
    fetchText: keepingTexts(fetchText, systemClock),
    confirm: async (url) => void (await fetchText(url)),
    publicUrl: config.publicUrl,
  });
}
