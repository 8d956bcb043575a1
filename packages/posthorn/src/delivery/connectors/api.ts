// Calls an HTTP API: method, URL, headers and body are the endpoint's own, filled from the message. It signs nothing; what
// wants a signed request is an endpoint of kind http.
import Type from 'typebox';
import type { Static } from 'typebox';
import { checkHeaderValue, forbiddenHeaderReason } from '../../core/headers.ts';
import { authorization, identityOf } from '../prepare.ts';
import { type ActionContext, originOf, urlProblem } from './action-context.ts';
import { configuration, jsonTemplate, line, template, templateMap } from './config-fields.ts';
import {
  type ActionDelivery,
  type Connector,
  problemOf,
  secret,
  secretNamesOf,
  UnfitError,
  verdict,
} from './connector.ts';
import type { HttpDeliveryRequest } from './http.ts';
import { type TemplateData, templateData } from './templates.ts';

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;

const schema = configuration({
  method: Type.Optional(
    Type.Unsafe<HttpDeliveryRequest['method']>(Type.Union(methods.map((method) => Type.Literal(method)))),
  ),
  /** Places in its path and query are percent-encoded; scheme, host and port are as they stand. */
  url: template,
  headers: Type.Optional(Type.Unsafe<Record<string, string>>({ ...templateMap, ...secret })),
  contentType: Type.Optional(line),
  /** The payload goes as it came unless there is one of these. */
  body: Type.Optional(template),
  json: Type.Optional(jsonTemplate),
});
type ApiConfig = Static<typeof schema>;

const literalOrigin = /^https?:\/\/[^/?#{}\s]+/i;
/** Set here; everything else that a customer must not set is forbidden as for deliveries. */
const headersOfOurs = new Set(['authorization', 'content-type', 'accept', 'idempotency-key']);

export function createApiConnector(context: ActionContext): Connector<ApiConfig> {
  const { templates, http, tokens } = context;

  return {
    kind: 'api',
    forOperators: false,
    takesAuth: true,
    schema,
    secretNames: secretNamesOf(schema),
    async check(config) {
      const { url, headers = {}, body, json } = config;
      const origin = literalOrigin.exec(url)?.[0] ?? '';
      const texts = Object.values(headers).map((text) => templates.problemOf(text));
      return verdict(url, [
        problemOf('url', origin === '' ? 'must begin with https:// and a host of its own' : undefined),
        problemOf('url', origin === '' ? undefined : urlProblem(context, `${origin}/`)),
        problemOf('url', await templates.problemOf(url)),
        ...Object.keys(headers).map((name) => headerProblem(name)),
        ...(await Promise.all(texts)).map((problem) => problemOf('headers', problem)),
        problemOf('body', await templates.problemOf(body ?? '')),
        problemOf('json', await templates.problemOfTree(json)),
        problemOf('json', json && body !== undefined ? 'cannot stand beside body' : undefined),
      ]);
    },
    async deliver(delivery, config, signal) {
      const request = { ...(await requestOf(context, delivery, config)), timeoutMs: delivery.timeoutMs };
      const { grant, ...certificate } = identityOf(delivery.endpointId, delivery.auth);
      const whole = { ...request, ...certificate };
      const result = await (grant ? tokens.send(whole, grant) : http.send(whole, signal));
      return { ...result, target: request.url };
    },
  };
}

async function requestOf(
  { templates }: ActionContext,
  delivery: ActionDelivery,
  config: ApiConfig,
): Promise<HttpDeliveryRequest> {
  const { method = 'POST', headers = {}, contentType } = config;
  const data = templateData(delivery);
  const url = sameOrigin(config.url, await templates.render(config.url, data, 'url'));
  const own: [string, string][] = [];
  for (const [name, text] of Object.entries(headers)) {
    own.push([name.toLowerCase(), headerValue(name, await templates.render(text, data))]);
  }
  const content = await contentOf(templates, data, delivery, config);
  return {
    url,
    method,
    headers: {
      accept: '*/*',
      'idempotency-key': delivery.idempotencyKey,
      ...(content ? { 'content-type': contentType ?? content.type } : {}),
      ...Object.fromEntries([...own, ...authorization(delivery.auth)]),
    },
    body: content?.bytes ?? new Uint8Array(),
  };
}

async function contentOf(
  templates: ActionContext['templates'],
  data: TemplateData,
  delivery: ActionDelivery,
  { method = 'POST', body, json }: ApiConfig,
) {
  const type = 'application/json';
  if (json !== undefined) {
    return { type, bytes: Buffer.from(JSON.stringify(await templates.renderTree(json, data))) };
  }
  if (body !== undefined) return { type, bytes: Buffer.from(await templates.render(body, data)) };
  if (method === 'GET' || method === 'DELETE') return undefined;
  return { type: delivery.contentType, bytes: delivery.payload };
}

/** A template must not lead to another host: what the endpoint authenticates with is for this one. */
function sameOrigin(given: string, url: string): string {
  const origin = originOf(literalOrigin.exec(given)?.[0] ?? '');
  if (origin === '' || originOf(url) !== origin)
    throw new UnfitError('the URL that came out leads elsewhere');
  return url;
}

function headerProblem(name: string) {
  const lower = name.toLowerCase();
  const why = headersOfOurs.has(lower) ? undefined : forbiddenHeaderReason(name);
  return why === undefined ? undefined : { path: ['headers', name], message: `cannot be set: ${why}` };
}

function headerValue(name: string, value: string): string {
  const problem = checkHeaderValue(value);
  if (problem !== undefined) throw new UnfitError(`the value of header ${name} ${problem}`);
  return value;
}
