import type { Provider } from '../provider/provider.ts';
import { standardScheme } from './standard-webhooks.ts';

export const supabaseAuth: Provider<'supabase-auth'> = {
  name: 'supabase-auth',
  title: 'Supabase Auth Hooks',
  docs: 'https://supabase.com/docs/guides/auth/auth-hooks',
  grade: 'A',
  secret: { name: 'hook secret (v1,whsec_…)', madeBy: 'provider' },
  schemes: [standardScheme({ header: 'webhook-', key: { base64After: ['v1,whsec_', 'whsec_'] } })],
  event: {
    // Hooks are questions of one kind each: the URL says which.
    type: { first: ['body:metadata.name', 'const:auth-hook'] },
    id: 'header:webhook-id',
    time: { at: 'body:metadata.time', unit: 'rfc3339' },
    order: { first: ['body:user.id', 'body:user_id'] },
  },
  retry: { retries: true, timeoutSeconds: 5, note: 'what it does with a sign-in depends on the answer' },
};
