// Every kind of endpoint but `http`, by name. A new one is a file in this folder and a line here.
import type { UrlRules } from '../../core/url-rules.ts';
import type { Clock } from '../../lib/clock.ts';
import { AccessTokens } from '../access-tokens.ts';
import type { ActionContext, ActionPermits } from './action-context.ts';
import { createAddressGuard } from './address-guard.ts';
import { createApiConnector } from './api.ts';
import { createCommand } from './command.ts';
import type { Connector, Connectors } from './connector.ts';
import { createDiscord } from './discord.ts';
import { createEmail } from './email.ts';
import { createGithub } from './github.ts';
import { createGitlab } from './gitlab.ts';
import { defaultConnectLimits } from './guarded-client.ts';
import type { HttpConnector } from './http.ts';
import { createInngest } from './inngest.ts';
import { createKafka } from './kafka.ts';
import { createMqtt } from './mqtt.ts';
import { createMysql } from './mysql.ts';
import { createNats } from './nats.ts';
import { createPagerDuty } from './pagerduty.ts';
import { createPostgres } from './postgres.ts';
import { createRabbitMq } from './rabbitmq.ts';
import { createRedis } from './redis.ts';
import { createSlack } from './slack.ts';
import { createSqlite } from './sqlite.ts';
import { createSqs } from './sqs.ts';
import { createTeams } from './teams.ts';
import { createTelegram } from './telegram.ts';
import type { Templates } from './templates.ts';
import { createTemporal } from './temporal.ts';

const makers: readonly ((context: ActionContext) => Connector)[] = [
  createApiConnector,
  createCommand,
  createDiscord,
  createEmail,
  createGithub,
  createGitlab,
  createInngest,
  createKafka,
  createMqtt,
  createMysql,
  createNats,
  createPagerDuty,
  createPostgres,
  createRabbitMq,
  createRedis,
  createSlack,
  createSqlite,
  createSqs,
  createTeams,
  createTelegram,
  createTemporal,
];

export interface ConnectorsOptions {
  http: HttpConnector;
  urlRules: UrlRules;
  permits: ActionPermits;
  templates: Templates;
  clock: Clock;
}

/** Nothing is opened and no library loaded before the first delivery. */
export function createConnectors({
  http,
  urlRules,
  permits,
  templates,
  clock,
}: ConnectorsOptions): Connectors {
  const { allowSubnets, allowedPorts } = urlRules;
  const context: ActionContext = {
    http,
    urlRules,
    permits,
    clock,
    allowSubnets,
    tokens: new AccessTokens({ connector: http, clock }),
    guard: createAddressGuard({ ...defaultConnectLimits, allowSubnets, allowedPorts, clock }),
    templates,
  };
  return new Map(makers.map((make) => make(context)).map((connector) => [connector.kind, connector]));
}
