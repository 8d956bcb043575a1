import { refuse } from '../verdict.ts';
import type { Refusal } from '../verdict.ts';
import { decodeText, encodeText } from '../provider/encoding.ts';
import { judgeAge, readInstant } from '../provider/instant.ts';
import { importSigningKey, importVerificationKey } from '../provider/keys.ts';
import { certificateKey, isHttpsAt } from '../provider/published-keys.ts';
import type { CustomScheme, Handshake, Provider, SchemeContext } from '../provider/provider.ts';
import { at } from '../provider/request.ts';
import { setJsonValue } from '../provider/set-json-value.ts';

// The whole name: `sns.` of a region, and nothing before or after it.
// A region, and nothing that only looks like one: a bucket called sns is at sns.s3-us-west-2.amazonaws.com.
const snsHost = /^sns\.[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}\.amazonaws\.com(?:\.cn)?$/;
const certificatePath = /^\/[A-Za-z0-9-]{1,100}\.pem$/;
const fieldsOfType: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

function textAt(body: unknown, name: string): string | undefined {
  const value = at(body, name);
  return typeof value === 'string' ? value : undefined;
}

/**
 * Name and value on lines of their own, only of the fields that are there; undefined for another type of message, and where
 * a field but the message has several lines: whoever else gets messages of the topic could then move some from one to another.
 */
function contentOf(body: unknown): string | undefined {
  const type = textAt(body, 'Type') ?? '';
  if (!Object.hasOwn(fieldsOfType, type)) return undefined;
  const fields = (fieldsOfType[type] ?? []).flatMap((name) => {
    const value = textAt(body, name);
    return value === undefined ? [] : [{ name, value }];
  });
  if (fields.some(({ name, value }) => name !== 'Message' && value.includes('\n'))) return undefined;
  return fields.map(({ name, value }) => `${name}\n${value}\n`).join('');
}

function algorithmOf(body: unknown): 'rsa-sha1' | 'rsa-sha256' | undefined {
  const version = textAt(body, 'SignatureVersion');
  if (version === '1') return 'rsa-sha1';
  return version === '2' ? 'rsa-sha256' : undefined;
}

const signatureMaxChars = 4_096;

async function verify(body: unknown, context: SchemeContext): Promise<Refusal | undefined> {
  const [content, algorithm] = [contentOf(body), algorithmOf(body)];
  const text = textAt(body, 'Signature') ?? '';
  const signature = text.length > signatureMaxChars ? undefined : decodeText(text, 'base64');
  if (content === undefined || algorithm === undefined || !signature?.length)
    return refuse('missing-header', 'Type, SignatureVersion or Signature (body) is missing or unknown');
  // Anyone with an account can have SNS sign messages of a topic of theirs.
  if (textAt(body, 'TopicArn') !== context.settings['topicArn'])
    return refuse('mismatch', 'the message is of another topic');
  const url = isHttpsAt(textAt(body, 'SigningCertURL') ?? '', snsHost);
  if (url === undefined || !certificatePath.test(url.pathname) || url.search !== '')
    return refuse('unknown-key', 'SigningCertURL is no certificate of Amazon SNS');
  const key = await certificateKey(context, { url: url.href, publisher: 'Amazon SNS' });
  if (typeof key !== 'string') return key;
  const imported = await importVerificationKey(algorithm, 'spki', key);
  const bytes = new TextEncoder().encode(content);
  if (await crypto.subtle.verify('RSASSA-PKCS1-v1_5', imported, signature, bytes)) return undefined;
  return refuse('mismatch', 'the signature does not match the message');
}

const scheme: CustomScheme = {
  kind: 'custom',
  covers: 'part',
  async verify(request, _secret, context) {
    const body = request.json();
    const wrong = await verify(body, context);
    if (wrong !== undefined) return wrong;
    const seconds = readInstant(textAt(body, 'Timestamp') ?? '', 'rfc3339');
    if (seconds === undefined) return refuse('malformed-header', 'Timestamp (body) is no time');
    // A delivery policy may go on for days, with the time of the first try: no age is wrong unless the caller says so.
    const wrongAge = judgeAge(seconds, context.nowMs, context.toleranceSeconds ?? 'any-age');
    return wrongAge ?? { ok: true, timestamp: Math.floor(seconds) };
  },
  async sign(draft, secret) {
    const body: unknown = JSON.parse(new TextDecoder().decode(draft.body));
    const content = new TextEncoder().encode(contentOf(body));
    const key = await importSigningKey(algorithmOf(body) ?? 'rsa-sha256', secret);
    const signature = new Uint8Array(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, content));
    return { ...draft, body: setJsonValue(draft.body, 'Signature', encodeText(signature, 'base64')) };
  },
};

/** A topic delivers only after the URL in its first message was fetched. */
const confirmation: Handshake = {
  on: 'verified',
  async answer(request) {
    if (request.value('body:Type') !== 'SubscriptionConfirmation') return undefined;
    const url = isHttpsAt(request.value('body:SubscribeURL') ?? '', snsHost);
    if (url === undefined) return undefined;
    return { status: 200, headers: {}, body: '', confirmUrl: url.href };
  },
};

export const awsSns: Provider<'aws-sns'> = {
  name: 'aws-sns',
  title: 'Amazon SNS',
  docs: 'https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html',
  grade: 'A',
  secret: { name: 'none', madeBy: 'nobody' },
  settings: [{ name: 'topicArn', help: 'the ARN of the topic; messages of others are refused' }],
  schemes: [scheme],
  handshakes: [confirmation],
  event: {
    type: 'body:Type',
    id: 'body:MessageId',
    time: { at: 'body:Timestamp', unit: 'rfc3339' },
  },
  retry: { retries: true, note: 'by the delivery policy of the topic or the subscription' },
  caution: 'raw message delivery is not signed: leave it off; MessageAttributes are not signed either',
};
