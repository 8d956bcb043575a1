// Signs requests to services of AWS (Signature Version 4): few lines for one kind of request, instead of the SDK.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
import { createHash, createHmac } from 'node:crypto';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

export interface AwsRequest {
  /** Without a query. */
  url: string;
  region: string;
  service: string;
  /** Lower-case names; all of them are signed. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  /** Unix milliseconds. */
  atMs: number;
}

const algorithm = 'AWS4-HMAC-SHA256';
const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');
const hmac = (key: Uint8Array | string, text: string) => createHmac('sha256', key).update(text).digest();

/** The headers to send a POST with, `authorization` among them. */
export function signedHeaders(request: AwsRequest, credentials: AwsCredentials): Record<string, string> {
  const { region, service, body, atMs } = request;
  const { host, pathname } = new URL(request.url);
  const time = new Date(atMs).toISOString().replaceAll(/[:-]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    host,
    'x-amz-date': time,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  };
  const names = Object.keys(headers).toSorted();
  const signedNames = names.join(';');
  const lines = names
    .map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}\n`)
    .join('');
  const canonical = ['POST', pathname, '', lines, signedNames, sha256(body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = [day, region, service, 'aws4_request'].reduce<Uint8Array | string>(
    (current, part) => hmac(current, part),
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = hmac(key, [algorithm, time, scope, sha256(canonical)].join('\n')).toString('hex');
  const { host: _host, ...sent } = headers;
  const { accessKeyId } = credentials;
  return {
    ...sent,
    authorization: `${algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`,
  };
}
