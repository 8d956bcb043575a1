// Every provider by name, for those who look one up at run time. Import a single row where it is known: it is far smaller.
// Made by `npm run providers` from the files of this folder.
import type { Provider } from '../provider/provider.ts';
import { acuity } from './acuity.ts';
import { adyenPayments } from './adyen-payments.ts';
import { adyenPlatform } from './adyen-platform.ts';
import { airtable } from './airtable.ts';
import { airwallex } from './airwallex.ts';
import { anthropic } from './anthropic.ts';
import { asana } from './asana.ts';
import { attio } from './attio.ts';
import { auth0 } from './auth0.ts';
import { authorizeNet } from './authorize-net.ts';
import { awsSns } from './aws-sns.ts';
import { azureDevops } from './azure-devops.ts';
import { azureEventGridEntra } from './azure-event-grid-entra.ts';
import { azureEventGrid } from './azure-event-grid.ts';
import { beehiiv } from './beehiiv.ts';
import { bigcommerce } from './bigcommerce.ts';
import { bird } from './bird.ts';
import { bitbucket } from './bitbucket.ts';
import { bitpay } from './bitpay.ts';
import { box } from './box.ts';
import { braintree } from './braintree.ts';
import { brevo } from './brevo.ts';
import { brex } from './brex.ts';
import { buildkite } from './buildkite.ts';
import { calCom } from './cal-com.ts';
import { calendly } from './calendly.ts';
import { chargebee } from './chargebee.ts';
import { checkr } from './checkr.ts';
import { circleci } from './circleci.ts';
import { clerk } from './clerk.ts';
import { clickup } from './clickup.ts';
import { close } from './close.ts';
import { cloudflareNotifications } from './cloudflare-notifications.ts';
import { cloudflareStream } from './cloudflare-stream.ts';
import { coinbaseCdp } from './coinbase-cdp.ts';
import { coinbaseCommerce } from './coinbase-commerce.ts';
import { contentful } from './contentful.ts';
import { crisp } from './crisp.ts';
import { cursor } from './cursor.ts';
import { customerIo } from './customer-io.ts';
import { daily } from './daily.ts';
import { datadog } from './datadog.ts';
import { discord } from './discord.ts';
import { docusign } from './docusign.ts';
import { dodoPayments } from './dodo-payments.ts';
import { doppler } from './doppler.ts';
import { drata } from './drata.ts';
import { dropboxSign } from './dropbox-sign.ts';
import { dropbox } from './dropbox.ts';
import { dwolla } from './dwolla.ts';
import { easypost } from './easypost.ts';
import { elevenlabs } from './elevenlabs.ts';
import { falAi } from './fal-ai.ts';
import { fastspring } from './fastspring.ts';
import { fathom } from './fathom.ts';
import { figma } from './figma.ts';
import { flutterwave } from './flutterwave.ts';
import { forgejo } from './forgejo.ts';
import { formstack } from './formstack.ts';
import { fourthwall } from './fourthwall.ts';
import { freshchat } from './freshchat.ts';
import { freshdesk } from './freshdesk.ts';
import { front } from './front.ts';
import { fusionauth } from './fusionauth.ts';
import { gemini } from './gemini.ts';
import { genericHmac } from './generic-hmac.ts';
import { genericToken } from './generic-token.ts';
import { genericWebhook } from './generic-webhook.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { gocardless } from './gocardless.ts';
import { gogs } from './gogs.ts';
import { googleCalendar } from './google-calendar.ts';
import { googleDrive } from './google-drive.ts';
import { googlePubsub } from './google-pubsub.ts';
import { gorgias } from './gorgias.ts';
import { grafanaUntimed } from './grafana-untimed.ts';
import { grafana } from './grafana.ts';
import { gumroad } from './gumroad.ts';
import { helpScout } from './help-scout.ts';
import { heroku } from './heroku.ts';
import { hubspotV1 } from './hubspot-v1.ts';
import { hubspotV2 } from './hubspot-v2.ts';
import { hubspot } from './hubspot.ts';
import { huggingFace } from './hugging-face.ts';
import { hygraph } from './hygraph.ts';
import { incidentIo } from './incident-io.ts';
import { intercom } from './intercom.ts';
import { jira } from './jira.ts';
import { jobber } from './jobber.ts';
import { jotform } from './jotform.ts';
import { kick } from './kick.ts';
import { klaviyo } from './klaviyo.ts';
import { kustomer } from './kustomer.ts';
import { launchdarkly } from './launchdarkly.ts';
import { lemonSqueezy } from './lemon-squeezy.ts';
import { line } from './line.ts';
import { linear } from './linear.ts';
import { lithic } from './lithic.ts';
import { livekit } from './livekit.ts';
import { loops } from './loops.ts';
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
import { mux } from './mux.ts';
import { netlify } from './netlify.ts';
import { notion } from './notion.ts';
import { nylas } from './nylas.ts';
import { okta } from './okta.ts';
import { onfleet } from './onfleet.ts';
import { openai } from './openai.ts';
import { orb } from './orb.ts';
import { paddleClassic } from './paddle-classic.ts';
import { paddle } from './paddle.ts';
import { pagerduty } from './pagerduty.ts';
import { pandadoc } from './pandadoc.ts';
import { paypal } from './paypal.ts';
import { paystack } from './paystack.ts';
import { persona } from './persona.ts';
import { pipedrive } from './pipedrive.ts';
import { plaid } from './plaid.ts';
import { pleo } from './pleo.ts';
import { plivo } from './plivo.ts';
import { polar } from './polar.ts';
import { postmark } from './postmark.ts';
import { pusher } from './pusher.ts';
import { quickbooks } from './quickbooks.ts';
import { ramp } from './ramp.ts';
import { razorpay } from './razorpay.ts';
import { recallAi } from './recall-ai.ts';
import { recurly } from './recurly.ts';
import { render } from './render.ts';
import { replicate } from './replicate.ts';
import { resend } from './resend.ts';
import { retell } from './retell.ts';
import { revenuecat } from './revenuecat.ts';
import { sanity } from './sanity.ts';
import { segment } from './segment.ts';
import { sendgrid } from './sendgrid.ts';
import { sentry } from './sentry.ts';
import { shipbob } from './shipbob.ts';
import { shopify } from './shopify.ts';
import { sinch } from './sinch.ts';
import { slack } from './slack.ts';
import { snyk } from './snyk.ts';
import { square } from './square.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { strapi } from './strapi.ts';
import { strava } from './strava.ts';
import { stripe } from './stripe.ts';
import { stytch } from './stytch.ts';
import { supabaseAuth } from './supabase-auth.ts';
import { supabaseDatabase } from './supabase-database.ts';
import { surveyMonkey } from './survey-monkey.ts';
import { svix } from './svix.ts';
import { tailscale } from './tailscale.ts';
import { tally } from './tally.ts';
import { telegram } from './telegram.ts';
import { telnyx } from './telnyx.ts';
import { travisCi } from './travis-ci.ts';
import { trello } from './trello.ts';
import { twilio } from './twilio.ts';
import { twitch } from './twitch.ts';
import { typeform } from './typeform.ts';
import { vanta } from './vanta.ts';
import { vercel } from './vercel.ts';
import { vonage } from './vonage.ts';
import { webex } from './webex.ts';
import { webflow } from './webflow.ts';
import { wise } from './wise.ts';
import { wix } from './wix.ts';
import { woocommerce } from './woocommerce.ts';
import { workos } from './workos.ts';
import { x } from './x.ts';
import { xero } from './xero.ts';
import { zendesk } from './zendesk.ts';
import { zoom } from './zoom.ts';

const rows: readonly Provider[] = [
  acuity,
  adyenPayments,
  adyenPlatform,
  airtable,
  airwallex,
  anthropic,
  asana,
  attio,
  auth0,
  authorizeNet,
  awsSns,
  azureDevops,
  azureEventGridEntra,
  azureEventGrid,
  beehiiv,
  bigcommerce,
  bird,
  bitbucket,
  bitpay,
  box,
  braintree,
  brevo,
  brex,
  buildkite,
  calCom,
  calendly,
  chargebee,
  checkr,
  circleci,
  clerk,
  clickup,
  close,
  cloudflareNotifications,
  cloudflareStream,
  coinbaseCdp,
  coinbaseCommerce,
  contentful,
  crisp,
  cursor,
  customerIo,
  daily,
  datadog,
  discord,
  docusign,
  dodoPayments,
  doppler,
  drata,
  dropboxSign,
  dropbox,
  dwolla,
  easypost,
  elevenlabs,
  falAi,
  fastspring,
  fathom,
  figma,
  flutterwave,
  forgejo,
  formstack,
  fourthwall,
  freshchat,
  freshdesk,
  front,
  fusionauth,
  gemini,
  genericHmac,
  genericToken,
  genericWebhook,
  gitea,
  github,
  gitlab,
  gocardless,
  gogs,
  googleCalendar,
  googleDrive,
  googlePubsub,
  gorgias,
  grafanaUntimed,
  grafana,
  gumroad,
  helpScout,
  heroku,
  hubspotV1,
  hubspotV2,
  hubspot,
  huggingFace,
  hygraph,
  incidentIo,
  intercom,
  jira,
  jobber,
  jotform,
  kick,
  klaviyo,
  kustomer,
  launchdarkly,
  lemonSqueezy,
  line,
  linear,
  lithic,
  livekit,
  loops,
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
  mux,
  netlify,
  notion,
  nylas,
  okta,
  onfleet,
  openai,
  orb,
  paddleClassic,
  paddle,
  pagerduty,
  pandadoc,
  paypal,
  paystack,
  persona,
  pipedrive,
  plaid,
  pleo,
  plivo,
  polar,
  postmark,
  pusher,
  quickbooks,
  ramp,
  razorpay,
  recallAi,
  recurly,
  render,
  replicate,
  resend,
  retell,
  revenuecat,
  sanity,
  segment,
  sendgrid,
  sentry,
  shipbob,
  shopify,
  sinch,
  slack,
  snyk,
  square,
  standardWebhooks,
  strapi,
  strava,
  stripe,
  stytch,
  supabaseAuth,
  supabaseDatabase,
  surveyMonkey,
  svix,
  tailscale,
  tally,
  telegram,
  telnyx,
  travisCi,
  trello,
  twilio,
  twitch,
  typeform,
  vanta,
  vercel,
  vonage,
  webex,
  webflow,
  wise,
  wix,
  woocommerce,
  workos,
  x,
  xero,
  zendesk,
  zoom,
];

export const providers: ReadonlyMap<string, Provider> = new Map(rows.map((row) => [row.name, row]));
