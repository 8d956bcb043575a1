// What the kinds that publish to a broker have in common: a server's URL, a password beside it, a place in the broker that
// a template names, and a connection that is kept between deliveries.
import type { TSchema } from 'typebox';
import type { ActionContext } from './action-context.ts';
import {
  type ActionDelivery,
  type ActionResult,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { readServerUrl, type ServerUrl, type ServerUrlRules, tlsProblem } from './server-url.ts';
import { type SessionKind, SessionPool } from './session-pool.ts';
import { templateData } from './templates.ts';

/** What is published, and where. `place` is what came out of the template. */
export interface Publication<Config> {
  place: string;
  config: Config;
  delivery: ActionDelivery;
}

export interface Broker<Config extends { url: string }, Session>
  extends Omit<SessionKind<Config, Session>, 'open'> {
  kind: string;
  schema: TSchema;
  ports: ServerUrlRules['ports'];
  /** What is wrong with the rest of a URL, in words that follow its name; the parameter tls=none is right unless given. */
  urlProblem?(server: ServerUrl): string | undefined;
  /** The member of the configuration whose template names the place: a topic, a queue. */
  placeName: Extract<keyof Config, string>;
  placeOf(config: Config): string;
  /** What is wrong with a place that came out. */
  placeProblem?(place: string): string | undefined;
  /** The place as it is shown behind the server; its template unless given. */
  shownPlace?(config: Config): string;
  open(server: ServerUrl, config: Config, signal: AbortSignal): Promise<Session>;
  publish(session: Session, publication: Publication<Config>): Promise<ActionResult>;
  /** What the broker said, where the error is a no of its own; undefined for what may go later. */
  refusalOf(error: unknown): string | undefined | Promise<string | undefined>;
}

export function createBroker<Config extends { url: string }, Session>(
  { templates, allowSubnets }: ActionContext,
  broker: Broker<Config, Session>,
): Connector<Config> {
  const { kind, schema, ports, placeName, placeOf, urlProblem = tlsProblem } = broker;
  const rules = { ports, allowSubnets };
  const sessions = new SessionPool<Config, Session>({
    ...broker,
    open: (config, signal) => {
      const server = readServerUrl(config.url, rules);
      if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
      return broker.open(server, config, signal);
    },
  });

  return {
    kind,
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check(config) {
      const server = readServerUrl(config.url, rules);
      const shown = broker.shownPlace?.(config) ?? placeOf(config);
      return verdict(typeof server === 'object' ? `${server.shown} ${shown}` : '', [
        problemOf('url', typeof server === 'string' ? server : urlProblem(server)),
        problemOf(placeName, await templates.problemOf(placeOf(config))),
      ]);
    },
    async deliver(delivery, config, signal) {
      const place = await templates.render(placeOf(config), templateData(delivery));
      const problem = broker.placeProblem?.(place);
      if (problem !== undefined) throw new UnfitError(problem);
      try {
        return await sessions.use(config, signal, (session) =>
          broker.publish(session, { place, config, delivery }),
        );
      } catch (error) {
        const said = await broker.refusalOf(error);
        if (said === undefined) throw error;
        return refused(said);
      }
    },
    close: () => Promise.resolve(sessions.close()),
  };
}
