// The signature of requests to AWS, compared with another implementation.
import { sign } from 'aws4';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { signedHeaders } from '../src/delivery/connectors/aws-signature.ts';

test('is the one that aws4 makes', () => {
  const text = fc.stringMatching(/^[ -~]{0,60}$/);
  const word = fc.stringMatching(/^[A-Za-z0-9/+]{1,40}$/);
  fc.assert(
    fc.property(
      text,
      fc.tuple(word, word),
      fc.option(word),
      fc.integer({ min: 0, max: 4e12 }),
      (body, [id, key], token, at) => {
        const credentials = {
          accessKeyId: id,
          secretAccessKey: key,
          ...(token === null ? {} : { sessionToken: token }),
        };
        const headers = {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'AmazonSQS.SendMessage',
          // aws4 would add it by itself, and sign it.
          'content-length': String(body.length),
        };
        const ours = signedHeaders(
          {
            url: 'https://sqs.eu-central-1.amazonaws.com/',
            region: 'eu-central-1',
            service: 'sqs',
            headers,
            body: Buffer.from(body),
            atMs: at,
          },
          credentials,
        );
        const theirs = sign(
          {
            host: 'sqs.eu-central-1.amazonaws.com',
            path: '/',
            method: 'POST',
            service: 'sqs',
            region: 'eu-central-1',
            headers: { ...headers, 'X-Amz-Date': ours['x-amz-date'] },
            body,
          },
          credentials,
        );
        expect(ours.authorization).toBe(theirs.headers?.Authorization);
      },
    ),
  );
});
