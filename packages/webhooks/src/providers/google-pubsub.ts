import { refuse } from '../verdict.ts';
import { publishedJwtScheme } from '../provider/jwt-scheme.ts';
import type { Provider } from '../provider/provider.ts';

export const googlePubsub: Provider<'google-pubsub'> = {
  name: 'google-pubsub',
  title: 'Google Cloud Pub/Sub push',
  docs: 'https://docs.cloud.google.com/pubsub/docs/authenticate-push-subscriptions',
  grade: 'A',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [
    { name: 'audience', help: "the subscription's audience; without one, the push endpoint's URL" },
    { name: 'serviceAccount', help: "the e-mail address of the subscription's service account" },
  ],
  schemes: [
    publishedJwtScheme(
      {
        header: 'authorization',
        prefix: 'Bearer ',
        claims: ({ audience = '' }) => ({
          issuers: ['https://accounts.google.com', 'accounts.google.com'],
          audience,
          needs: ['exp', 'iat'],
        }),
        async judge(_request, { email, email_verified: isVerified }, { settings }) {
          // Every Google account can get a token for any audience: the account is what counts.
          if (email === settings['serviceAccount'] && isVerified === true) return undefined;
          return refuse('mismatch', 'the token is of another account');
        },
        sample: (_draft, { settings, nowMs }) => ({
          iss: 'https://accounts.google.com',
          aud: settings['audience'],
          email: settings['serviceAccount'],
          email_verified: true,
          exp: Math.floor(nowMs / 1_000) + 3_600,
        }),
      },
      { algorithm: 'RS256', keySet: 'https://www.googleapis.com/oauth2/v3/certs' },
    ),
  ],
  event: {
    type: { first: ['body:message.attributes.eventType', 'body:message.attributes.type', 'const:message'] },
    id: { first: ['body:message.messageId', 'body:message.message_id'] },
    time: { at: { first: ['body:message.publishTime', 'body:message.publish_time'] }, unit: 'rfc3339' },
    order: 'body:message.orderingKey',
  },
  retry: {
    retries: true,
    spanSeconds: 604_800,
    note: 'as long as the subscription keeps messages; 7 days unless set',
  },
  caution: 'the token proves the sender, not the message: TLS alone keeps it as it was sent',
};
