// What a source's type is called, and which provider's row verifies its requests.
import type { Provider } from '@posthorn/webhooks/provider';
import { providers } from '@posthorn/webhooks/providers';

// Where the reference's clients have another name than the row, and where a provider signs as Svix does: the first row
// that there is.
const svixSigned: readonly string[] = ['svix', 'standard-webhooks'];
const rowsOf: Readonly<Record<string, readonly string[]>> = {
  beehiiv: svixSigned,
  brex: svixSigned,
  clerk: svixSigned,
  guesty: svixSigned,
  'incident-io': svixSigned,
  lithic: svixSigned,
  meta: ['facebook', 'meta-graph'],
  nash: svixSigned,
  'open-ai': ['openai', 'standard-webhooks'],
  'orum-io': ['orum'],
  'panda-doc': ['pandadoc'],
  pleo: svixSigned,
  'port-io': ['port'],
  'psi-fi': svixSigned,
  render: svixSigned,
  replicate: svixSigned,
  resend: svixSigned,
  safebase: svixSigned,
  sardine: svixSigned,
  stych: ['stytch', ...svixSigned],
  svix: svixSigned,
};

/** The row for a type: the one of that name, or the one that stands for it; undefined when there is none. */
export function providerOf(type: string): Provider | undefined {
  const names = [type, ...(Object.hasOwn(rowsOf, type) ? (rowsOf[type] ?? []) : [])];
  for (const name of names) {
    const provider = providers.get(name);
    if (provider !== undefined) return provider;
  }
  return undefined;
}
