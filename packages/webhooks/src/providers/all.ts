// Every provider by name, for those who look one up at run time. Import a single row where it is known: it is far smaller.
// Made by `npm run providers` from the files of this folder.
import type { Provider } from '../provider/provider.ts';
import { adyenPayments } from './adyen-payments.ts';
import { adyenPlatform } from './adyen-platform.ts';
import { auth0 } from './auth0.ts';
import { awsSns } from './aws-sns.ts';
import { azureDevops } from './azure-devops.ts';
import { azureEventGrid } from './azure-event-grid.ts';
import { bird } from './bird.ts';
import { bitpay } from './bitpay.ts';
import { braintree } from './braintree.ts';
import { brevo } from './brevo.ts';
import { chargebee } from './chargebee.ts';
import { cloudflareNotifications } from './cloudflare-notifications.ts';
import { contentful } from './contentful.ts';
import { datadog } from './datadog.ts';
import { discord } from './discord.ts';
import { dropboxSign } from './dropbox-sign.ts';
import { falAi } from './fal-ai.ts';
import { figma } from './figma.ts';
import { freshchat } from './freshchat.ts';
import { freshdesk } from './freshdesk.ts';
import { fusionauth } from './fusionauth.ts';
import { github } from './github.ts';
import { googleCalendar } from './google-calendar.ts';
import { googleDrive } from './google-drive.ts';
import { googlePubsub } from './google-pubsub.ts';
import { gorgias } from './gorgias.ts';
import { gumroad } from './gumroad.ts';
import { huggingFace } from './hugging-face.ts';
import { hygraph } from './hygraph.ts';
import { jotform } from './jotform.ts';
import { kick } from './kick.ts';
import { kustomer } from './kustomer.ts';
import { livekit } from './livekit.ts';
import { mailchannels } from './mailchannels.ts';
import { mailchimp } from './mailchimp.ts';
import { mailgun } from './mailgun.ts';
import { mandrill } from './mandrill.ts';
import { microsoftGraph } from './microsoft-graph.ts';
import { microsoftTeams } from './microsoft-teams.ts';
import { monday } from './monday.ts';
import { netlify } from './netlify.ts';
import { okta } from './okta.ts';
import { paddleClassic } from './paddle-classic.ts';
import { pandadoc } from './pandadoc.ts';
import { paypal } from './paypal.ts';
import { pipedrive } from './pipedrive.ts';
import { plaid } from './plaid.ts';
import { plivo } from './plivo.ts';
import { postmark } from './postmark.ts';
import { sendgrid } from './sendgrid.ts';
import { slack } from './slack.ts';
import { square } from './square.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { strapi } from './strapi.ts';
import { stripe } from './stripe.ts';
import { supabaseDatabase } from './supabase-database.ts';
import { surveyMonkey } from './survey-monkey.ts';
import { telegram } from './telegram.ts';
import { telnyx } from './telnyx.ts';
import { travisCi } from './travis-ci.ts';
import { twilio } from './twilio.ts';
import { vonage } from './vonage.ts';
import { wise } from './wise.ts';
import { wix } from './wix.ts';

const rows: readonly Provider[] = [
  adyenPayments,
  adyenPlatform,
  auth0,
  awsSns,
  azureDevops,
  azureEventGrid,
  bird,
  bitpay,
  braintree,
  brevo,
  chargebee,
  cloudflareNotifications,
  contentful,
  datadog,
  discord,
  dropboxSign,
  falAi,
  figma,
  freshchat,
  freshdesk,
  fusionauth,
  github,
  googleCalendar,
  googleDrive,
  googlePubsub,
  gorgias,
  gumroad,
  huggingFace,
  hygraph,
  jotform,
  kick,
  kustomer,
  livekit,
  mailchannels,
  mailchimp,
  mailgun,
  mandrill,
  microsoftGraph,
  microsoftTeams,
  monday,
  netlify,
  okta,
  paddleClassic,
  pandadoc,
  paypal,
  pipedrive,
  plaid,
  plivo,
  postmark,
  sendgrid,
  slack,
  square,
  standardWebhooks,
  strapi,
  stripe,
  supabaseDatabase,
  surveyMonkey,
  telegram,
  telnyx,
  travisCi,
  twilio,
  vonage,
  wise,
  wix,
];

export const providers: ReadonlyMap<string, Provider> = new Map(rows.map((row) => [row.name, row]));
