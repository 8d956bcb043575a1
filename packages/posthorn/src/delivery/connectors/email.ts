// Sends an e-mail by SMTP. Its Message-ID is the same for every attempt of a delivery: mail servers know repeats by it.
import { isIP } from 'node:net';
import type { Transporter } from 'nodemailer';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { ActionContext } from './action-context.ts';
import { configuration, line, secretLine, template } from './config-fields.ts';
import {
  accepted,
  type ActionDelivery,
  type ActionResult,
  type Connector,
  problemOf,
  refused,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { openSocket } from './guarded-socket.ts';
import { readServerUrl, type ServerUrl, tlsProblem } from './server-url.ts';
import { templateData } from './templates.ts';

const recipientsMax = 20;

const schema = configuration({
  /** smtps://user@host:465, or smtp://user@host:587, which must offer STARTTLS unless it ends in ?tls=none. */
  url: line,
  password: Type.Optional(secretLine),
  from: line,
  to: Type.Array(template, { minItems: 1, maxItems: recipientsMax }),
  subject: Type.Optional(template),
  text: Type.Optional(template),
  html: Type.Optional(template),
});
type EmailConfig = Static<typeof schema>;

const ports = { 'smtp:': 587, 'smtps:': 465 };
const mailPorts = [25, 465, 587];
const subjectMaxChars = 250;
const addressPattern = /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/;
const defaultText = '{{ eventType }}\n\n{{ payload | json: 2 }}\n';

export function createEmail(context: ActionContext): Connector<EmailConfig> {
  const { templates, allowSubnets } = context;
  const rules = { ports, allowSubnets };

  async function mailOf(config: EmailConfig, delivery: ActionDelivery) {
    const data = templateData(delivery);
    const render = (text: string) => templates.render(text, data);
    const to: string[] = [];
    for (const text of config.to) to.push(recipient(await render(text)));
    const subject = await render(config.subject ?? '{{ eventType }}');
    return {
      from: config.from,
      to,
      subject: subject.replaceAll(/\s+/g, ' ').slice(0, subjectMaxChars),
      text: await render(config.text ?? defaultText),
      ...(config.html === undefined ? {} : { html: await render(config.html) }),
      messageId: `<${delivery.idempotencyKey}@posthorn>`,
    };
  }

  return {
    kind: 'email',
    forOperators: true,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ url, from, to, subject, text, html }) {
      const server = readServerUrl(url, rules);
      const sender = /<([^>]*)>$/.exec(from)?.[1] ?? from;
      return verdict(typeof server === 'object' ? `${server.shown} ${to.join(' ')}` : '', [
        problemOf('url', typeof server === 'string' ? server : tlsProblem(server)),
        problemOf('from', addressPattern.test(sender) ? undefined : 'must be an address, or Name <address>'),
        problemOf('to', await templates.problemOfTree(to)),
        problemOf('subject', await templates.problemOf(subject ?? '')),
        problemOf('text', await templates.problemOf(text ?? '')),
        problemOf('html', await templates.problemOf(html ?? '')),
      ]);
    },
    async deliver(delivery, config, signal) {
      const server = readServerUrl(config.url, rules);
      if (typeof server === 'string') throw new UnfitError(`the url ${server}`);
      const mail = await mailOf(config, delivery);
      const transport = await openTransport(context, server, config.password, signal);
      try {
        const { response } = (await transport.sendMail(mail)) as { response: string };
        return accepted(response);
      } catch (error) {
        return refusal(error);
      } finally {
        transport.close();
      }
    },
  };
}

/** Of a server's socket, opened by us, so that it goes where it may, and ends when it must. */
async function openTransport(
  { guard }: ActionContext,
  { host, port, protocol, username, parameters }: ServerUrl,
  password: string | undefined,
  signal: AbortSignal,
): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  const socket = await openSocket(guard, { host, port, allowedPorts: mailPorts }, signal);
  const isPlain = parameters.get('tls') === 'none';
  return createTransport({
    host,
    port,
    secure: protocol === 'smtps:',
    requireTLS: !isPlain,
    ignoreTLS: isPlain,
    connection: socket,
    tls: {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
    },
    // What a template gives must not name a file or a URL that is then read.
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(username === '' ? {} : { auth: { user: username, pass: password ?? '' } }),
  });
}

function recipient(address: string): string {
  const trimmed = address.trim();
  if (addressPattern.test(trimmed)) return trimmed;
  throw new UnfitError('a recipient that came out is not an address');
}

/** What the server said; throws again what the network did. */
function refusal(error: unknown): ActionResult {
  const [response, code] =
    error instanceof Error ? [Reflect.get(error, 'response'), Reflect.get(error, 'code')] : [];
  if (typeof response === 'string' && response !== '') return refused(`the mail server said ${response}`);
  if (code === 'ETLS' || code === 'EAUTH') return refused((error as Error).message);
  throw error;
}
