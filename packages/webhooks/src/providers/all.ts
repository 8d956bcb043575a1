// Every provider by name, for those who look one up at run time. Import a single row where it is known: it is far smaller.
// Made by `npm run providers` from the files of this folder.
import type { Provider } from '../provider/provider.ts';
import { acuity } from './acuity.ts';
import { adyenPayments } from './adyen-payments.ts';
import { adyenPlatform } from './adyen-platform.ts';
import { airtable } from './airtable.ts';
import { asana } from './asana.ts';
import { attio } from './attio.ts';
import { auth0 } from './auth0.ts';
import { authorizeNet } from './authorize-net.ts';
import { awsSns } from './aws-sns.ts';
import { azureDevops } from './azure-devops.ts';
import { azureEventGrid } from './azure-event-grid.ts';
import { bigcommerce } from './bigcommerce.ts';
import { bird } from './bird.ts';
import { bitbucket } from './bitbucket.ts';
import { bitpay } from './bitpay.ts';
import { braintree } from './braintree.ts';
import { brevo } from './brevo.ts';
import { calCom } from './cal-com.ts';
import { chargebee } from './chargebee.ts';
import { checkr } from './checkr.ts';
import { circleci } from './circleci.ts';
import { clickup } from './clickup.ts';
import { cloudflareNotifications } from './cloudflare-notifications.ts';
import { coinbaseCommerce } from './coinbase-commerce.ts';
import { contentful } from './contentful.ts';
import { cursor } from './cursor.ts';
import { datadog } from './datadog.ts';
import { discord } from './discord.ts';
import { docusign } from './docusign.ts';
import { doppler } from './doppler.ts';
import { dropboxSign } from './dropbox-sign.ts';
import { dropbox } from './dropbox.ts';
import { dwolla } from './dwolla.ts';
import { easypost } from './easypost.ts';
import { falAi } from './fal-ai.ts';
import { fastspring } from './fastspring.ts';
import { figma } from './figma.ts';
import { flutterwave } from './flutterwave.ts';
import { forgejo } from './forgejo.ts';
import { formstack } from './formstack.ts';
import { fourthwall } from './fourthwall.ts';
import { freshchat } from './freshchat.ts';
import { freshdesk } from './freshdesk.ts';
import { fusionauth } from './fusionauth.ts';
import { genericWebhook } from './generic-webhook.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gocardless } from './gocardless.ts';
import { gogs } from './gogs.ts';
import { googleCalendar } from './google-calendar.ts';
import { googleDrive } from './google-drive.ts';
import { googlePubsub } from './google-pubsub.ts';
import { gorgias } from './gorgias.ts';
import { gumroad } from './gumroad.ts';
import { helpScout } from './help-scout.ts';
import { heroku } from './heroku.ts';
import { huggingFace } from './hugging-face.ts';
import { hygraph } from './hygraph.ts';
import { intercom } from './intercom.ts';
import { jira } from './jira.ts';
import { jobber } from './jobber.ts';
import { jotform } from './jotform.ts';
import { kick } from './kick.ts';
import { kustomer } from './kustomer.ts';
import { launchdarkly } from './launchdarkly.ts';
import { lemonSqueezy } from './lemon-squeezy.ts';
import { line } from './line.ts';
import { linear } from './linear.ts';
import { livekit } from './livekit.ts';
import { mailchannels } from './mailchannels.ts';
import { mailchimp } from './mailchimp.ts';
import { mailerlite } from './mailerlite.ts';
import { mailgun } from './mailgun.ts';
import { mandrill } from './mandrill.ts';
import { mautic } from './mautic.ts';
import { meta } from './meta.ts';
import { microsoftGraph } from './microsoft-graph.ts';
import { microsoftTeams } from './microsoft-teams.ts';
import { modernTreasury } from './modern-treasury.ts';
import { mollieClassic } from './mollie-classic.ts';
import { mollie } from './mollie.ts';
import { monday } from './monday.ts';
import { netlify } from './netlify.ts';
import { notion } from './notion.ts';
import { nylas } from './nylas.ts';
import { okta } from './okta.ts';
import { onfleet } from './onfleet.ts';
import { paddleClassic } from './paddle-classic.ts';
import { pagerduty } from './pagerduty.ts';
import { pandadoc } from './pandadoc.ts';
import { paypal } from './paypal.ts';
import { paystack } from './paystack.ts';
import { pipedrive } from './pipedrive.ts';
import { plaid } from './plaid.ts';
import { plivo } from './plivo.ts';
import { postmark } from './postmark.ts';
import { pusher } from './pusher.ts';
import { quickbooks } from './quickbooks.ts';
import { ramp } from './ramp.ts';
import { razorpay } from './razorpay.ts';
import { segment } from './segment.ts';
import { sendgrid } from './sendgrid.ts';
import { sentry } from './sentry.ts';
import { shopify } from './shopify.ts';
import { slack } from './slack.ts';
import { snyk } from './snyk.ts';
import { square } from './square.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { strapi } from './strapi.ts';
import { strava } from './strava.ts';
import { stripe } from './stripe.ts';
import { supabaseDatabase } from './supabase-database.ts';
import { surveyMonkey } from './survey-monkey.ts';
import { tally } from './tally.ts';
import { telegram } from './telegram.ts';
import { telnyx } from './telnyx.ts';
import { travisCi } from './travis-ci.ts';
import { trello } from './trello.ts';
import { twilio } from './twilio.ts';
import { typeform } from './typeform.ts';
import { vercel } from './vercel.ts';
import { vonage } from './vonage.ts';
import { webex } from './webex.ts';
import { wise } from './wise.ts';
import { wix } from './wix.ts';
import { woocommerce } from './woocommerce.ts';
import { xero } from './xero.ts';

const rows: readonly Provider[] = [
  acuity,
  adyenPayments,
  adyenPlatform,
  airtable,
  asana,
  attio,
  auth0,
  authorizeNet,
  awsSns,
  azureDevops,
  azureEventGrid,
  bigcommerce,
  bird,
  bitbucket,
  bitpay,
  braintree,
  brevo,
  calCom,
  chargebee,
  checkr,
  circleci,
  clickup,
  cloudflareNotifications,
  coinbaseCommerce,
  contentful,
  cursor,
  datadog,
  discord,
  docusign,
  doppler,
  dropboxSign,
  dropbox,
  dwolla,
  easypost,
  falAi,
  fastspring,
  figma,
  flutterwave,
  forgejo,
  formstack,
  fourthwall,
  freshchat,
  freshdesk,
  fusionauth,
  genericWebhook,
  gitea,
  github,
  gocardless,
  gogs,
  googleCalendar,
  googleDrive,
  googlePubsub,
  gorgias,
  gumroad,
  helpScout,
  heroku,
  huggingFace,
  hygraph,
  intercom,
  jira,
  jobber,
  jotform,
  kick,
  kustomer,
  launchdarkly,
  lemonSqueezy,
  line,
  linear,
  livekit,
  mailchannels,
  mailchimp,
  mailerlite,
  mailgun,
  mandrill,
  mautic,
  meta,
  microsoftGraph,
  microsoftTeams,
  modernTreasury,
  mollieClassic,
  mollie,
  monday,
  netlify,
  notion,
  nylas,
  okta,
  onfleet,
  paddleClassic,
  pagerduty,
  pandadoc,
  paypal,
  paystack,
  pipedrive,
  plaid,
  plivo,
  postmark,
  pusher,
  quickbooks,
  ramp,
  razorpay,
  segment,
  sendgrid,
  sentry,
  shopify,
  slack,
  snyk,
  square,
  standardWebhooks,
  strapi,
  strava,
  stripe,
  supabaseDatabase,
  surveyMonkey,
  tally,
  telegram,
  telnyx,
  travisCi,
  trello,
  twilio,
  typeform,
  vercel,
  vonage,
  webex,
  wise,
  wix,
  woocommerce,
  xero,
];

export const providers: ReadonlyMap<string, Provider> = new Map(rows.map((row) => [row.name, row]));
