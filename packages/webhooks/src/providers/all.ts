// Every provider by name, for those who look one up at run time. Import a single row where it is known: it is far smaller.
// Made by `npm run providers` from the files of this folder.
import type { Provider } from '../provider/provider.ts';
import { github } from './github.ts';
import { slack } from './slack.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { stripe } from './stripe.ts';

const rows: readonly Provider[] = [github, slack, standardWebhooks, stripe];

export const providers: ReadonlyMap<string, Provider> = new Map(rows.map((row) => [row.name, row]));
