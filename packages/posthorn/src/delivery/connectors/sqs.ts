// Sends to an Amazon SQS queue. A FIFO queue knows repeats by the deduplication id, for five minutes.
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, urlProblem } from './action-context.ts';
import { signedHeaders } from './aws-signature.ts';
import { configuration, line, secretLine, template, url } from './config-fields.ts';
import {
  type ActionDelivery,
  type Connector,
  problemOf,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  queueUrl: url,
  region: line,
  accessKeyId: line,
  secretAccessKey: secretLine,
  sessionToken: Type.Optional(secretLine),
  /** Messages of the same group keep their order, in a FIFO queue; one group for all unless given. */
  group: Type.Optional(template),
  /** Of a service that speaks like SQS. */
  endpointUrl: Type.Optional(url),
});
type SqsConfig = Static<typeof schema>;

const contentType = 'application/x-amz-json-1.0';
const fifoSuffix = '.fifo';
const bodyMaxBytes = 256 * 1024;
const groupMaxChars = 128;

const text = (value: string) => ({ DataType: 'String', StringValue: value });

export function createSqs(context: ActionContext): Connector<SqsConfig> {
  const { templates, http } = context;

  async function bodyOf(config: SqsConfig, delivery: ActionDelivery): Promise<Buffer> {
    const { queueUrl, group = 'all' } = config;
    const { payload, messageId, eventType, idempotencyKey } = delivery;
    if (payload.length > bodyMaxBytes)
      throw new UnfitError(`the payload is larger than ${bodyMaxBytes} bytes`);
    const fifo = queueUrl.endsWith(fifoSuffix)
      ? {
          MessageGroupId: (await templates.render(group, templateData(delivery))).slice(0, groupMaxChars),
          MessageDeduplicationId: idempotencyKey,
        }
      : {};
    const message = {
      QueueUrl: queueUrl,
      MessageBody: Buffer.from(payload).toString(),
      MessageAttributes: { messageId: text(messageId), eventType: text(eventType) },
      ...fifo,
    };
    return Buffer.from(JSON.stringify(message));
  }

  return {
    kind: 'sqs',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ queueUrl, group, endpointUrl }) {
      return verdict(queueUrl, [
        problemOf('queueUrl', urlProblem(context, queueUrl)),
        problemOf('endpointUrl', endpointUrl === undefined ? undefined : urlProblem(context, endpointUrl)),
        problemOf('group', await templates.problemOf(group ?? '')),
      ]);
    },
    async deliver(delivery, config, signal) {
      const { queueUrl, region, endpointUrl, accessKeyId, secretAccessKey, sessionToken } = config;
      const body = await bodyOf(config, delivery);
      const target = `${new URL(endpointUrl ?? queueUrl).origin}/`;
      const headers = signedHeaders(
        {
          url: target,
          region,
          service: 'sqs',
          headers: { 'content-type': contentType, 'x-amz-target': 'AmazonSQS.SendMessage' },
          body,
          atMs: delivery.atMs,
        },
        { accessKeyId, secretAccessKey, sessionToken },
      );
      return http.send({ url: target, method: 'POST', headers, body, timeoutMs: delivery.timeoutMs }, signal);
    },
  };
}
