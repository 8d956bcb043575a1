// Starts a Temporal workflow by the server's HTTP API. Temporal knows repeats by the workflow's id.
// https://github.com/temporalio/api, workflowservice/v1/service.proto: StartWorkflowExecution
import Type from 'typebox';
import type { Static } from 'typebox';
import { type ActionContext, originOf, sendJson, under, urlProblem } from './action-context.ts';
import { configuration, line, secretLine, template, url } from './config-fields.ts';
import {
  type ActionDelivery,
  type ActionResult,
  type Connector,
  problemOf,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import { templateData } from './templates.ts';

const schema = configuration({
  /** Of the server's HTTP API: https://temporal.example.com:7243. */
  url,
  namespace: Type.Optional(line),
  taskQueue: line,
  /** The name that workers know the workflow by. */
  workflowType: template,
  /** The message's id unless given: with a part of the message, such as an order's number, one workflow for each. */
  workflowId: Type.Optional(template),
  apiKey: Type.Optional(secretLine),
});
type TemporalConfig = Static<typeof schema>;

const defaultNamespace = 'default';
const alreadyStartedStatus = 409;
// Temporal refuses longer ones unless its operator allows them.
const workflowIdMaxChars = 1_000;
const encoding = Buffer.from('json/plain').toString('base64');

export function createTemporal(context: ActionContext): Connector<TemporalConfig> {
  const { templates } = context;

  async function startOf(delivery: ActionDelivery, config: TemporalConfig) {
    const { workflowType, workflowId = '{{ id }}', taskQueue } = config;
    const data = templateData(delivery);
    const id = await templates.render(workflowId, data);
    if (id === '' || id.length > workflowIdMaxChars) {
      throw new UnfitError(
        `the workflow's id has ${id.length} characters: 1 to ${workflowIdMaxChars} it may have`,
      );
    }
    const body = {
      workflowType: { name: await templates.render(workflowType, data) },
      taskQueue: { name: taskQueue },
      // The bytes as they are, and not read and written again.
      input: { payloads: [{ metadata: { encoding }, data: inputOf(data.payload, delivery) }] },
      requestId: delivery.idempotencyKey,
      workflowIdReusePolicy: 'WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE',
    };
    return { id, body };
  }

  return {
    kind: 'temporal',
    forOperators: false,
    takesAuth: false,
    schema,
    secretNames: secretNamesOf(schema),
    async check({ url: base, namespace = defaultNamespace, workflowType, workflowId }) {
      return verdict(`${originOf(base)}/${namespace}`, [
        problemOf('url', urlProblem(context, base)),
        problemOf('workflowType', await templates.problemOf(workflowType)),
        problemOf('workflowId', await templates.problemOf(workflowId ?? '')),
      ]);
    },
    async deliver(delivery, config, signal) {
      const { url: base, namespace = defaultNamespace, apiKey } = config;
      const { id, body } = await startOf(delivery, config);
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(id)}`;
      const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
      const result = await sendJson(context, delivery, { url: under(base, path), headers, body }, signal);
      return startedBefore(result);
    },
  };
}

/** As base64 of JSON. A payload that is none becomes a JSON text. */
function inputOf(payload: unknown, delivery: ActionDelivery): string {
  const bytes = typeof payload === 'string' ? JSON.stringify(payload) : delivery.payload;
  return Buffer.from(bytes).toString('base64');
}

/** A workflow of this id was started already, by an attempt whose answer was lost or by another message: one is enough. */
function startedBefore(result: ActionResult): ActionResult {
  const { outcome } = result;
  const isThere = outcome.kind === 'rejected' && outcome.status === alreadyStartedStatus;
  return isThere ? { ...result, outcome: { kind: 'accepted', status: alreadyStartedStatus } } : result;
}
