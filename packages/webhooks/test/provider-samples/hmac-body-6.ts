// Forms, contracts and calendars: an HMAC of the raw body, of one key among many, or of a part of it.
import { createHmac } from 'node:crypto';
import { hmacOracle } from '../support/hmac-oracle.ts';
import type { ProviderSample } from '../support/provider-sample.ts';
import { acuity } from '../../src/providers/acuity.ts';
import { calCom } from '../../src/providers/cal-com.ts';
import { docusign } from '../../src/providers/docusign.ts';
import { dropboxSign } from '../../src/providers/dropbox-sign.ts';
import { formstack } from '../../src/providers/formstack.ts';
import { mailerlite } from '../../src/providers/mailerlite.ts';
import { tally } from '../../src/providers/tally.ts';
import { typeform } from '../../src/providers/typeform.ts';

const apiKey = '324e3b0840f065eb51f3fd63231d0d33daa35d4ed10d27718839e81737065782';
const signatureRequest = JSON.stringify({
  event: {
    event_type: 'signature_request_signed',
    event_time: '1669926463',
    event_hash: createHmac('sha256', apiKey).update('1669926463signature_request_signed').digest('hex'),
    event_metadata: { related_signature_id: 'ad4d8a769b555fa5ef38691465d426682bf2c992' },
  },
  signature_request: { signature_request_id: '2b388914e3ae3b738bd4e2ee2850c677e6dc53d2' },
});

export const samples: readonly ProviderSample[] = [
  {
    provider: typeform,
    evidence: 'document',
    secret: 'abc123',
    request: {
      body: JSON.stringify({
        event_id: 'LtWXD3crgy',
        event_type: 'form_response',
        form_response: {
          form_id: 'lT4Z3j',
          token: 'a3a12ec67a1365927098a606107fac15',
          submitted_at: '2018-01-18T18:17:02Z',
          answers: [
            { type: 'text', text: 'It’s cold right now!', field: { id: 'DlXFaesGBpoF', type: 'long_text' } },
          ],
        },
      }),
    },
    events: [
      {
        type: 'form_response',
        id: 'LtWXD3crgy',
        timeSeconds: Date.parse('2018-01-18T18:17:02Z') / 1_000,
        orderKey: 'a3a12ec67a1365927098a606107fac15',
      },
    ],
    oracle: hmacOracle('typeform-signature', { encoding: 'base64', prefix: 'sha256=' }),
  },
  {
    provider: docusign,
    evidence: 'document',
    secret: 'vEyGtqvVGvZ4uZZvYYAbvJqbGqPqVZqWqRqTqSqUqXq=',
    request: {
      body: JSON.stringify({
        event: 'envelope-completed',
        apiVersion: 'v2.1',
        uri: '/restapi/v2.1/accounts/1/envelopes/2',
        retryCount: 0,
        configurationId: 10_401_867,
        generatedDateTime: '2022-02-01T18:04:12.0870000Z',
        data: { accountId: '0f4f5a0b', envelopeId: '9b4f4a8e-0d7e-4e0c-8f0a-1b2c3d4e5f60' },
      }),
    },
    events: [
      {
        type: 'envelope-completed',
        id: '9b4f4a8e-0d7e-4e0c-8f0a-1b2c3d4e5f60.envelope-completed.2022-02-01T18:04:12.0870000Z',
        timeSeconds: Date.parse('2022-02-01T18:04:12.087Z') / 1_000,
        orderKey: '9b4f4a8e-0d7e-4e0c-8f0a-1b2c3d4e5f60',
      },
    ],
    oracle: hmacOracle('x-docusign-signature-1', { encoding: 'base64' }),
  },
  {
    provider: dropboxSign,
    evidence: 'vector',
    secret: apiKey,
    request: {
      body: [
        '--0xKhTmLbOuNdArY',
        'Content-Disposition: form-data; name="json"',
        '',
        signatureRequest,
        '--0xKhTmLbOuNdArY--',
        '',
      ].join('\r\n'),
      headers: { 'Content-Type': 'multipart/form-data; boundary=0xKhTmLbOuNdArY' },
    },
    events: [
      {
        type: 'signature_request_signed',
        id: [
          createHmac('sha256', apiKey).update('1669926463signature_request_signed').digest('hex'),
          '2b388914e3ae3b738bd4e2ee2850c677e6dc53d2',
          'ad4d8a769b555fa5ef38691465d426682bf2c992',
        ].join(':'),
        timeSeconds: 1_669_926_463,
        orderKey: '2b388914e3ae3b738bd4e2ee2850c677e6dc53d2',
      },
    ],
    unprotected: ['body'],
  },
  {
    provider: tally,
    evidence: 'document',
    secret: 'a1f0d4e2-7c3b-4f5a-9e8d-6b1c2d3e4f5a',
    request: {
      body: JSON.stringify({
        eventId: 'a4cb511e-d513-4fa5-baee-b815d718dfd1',
        eventType: 'FORM_RESPONSE',
        createdAt: '2023-06-28T15:00:21.889Z',
        data: { responseId: '2wgx4n', submissionId: '2wgx4n', formId: 'VwbNEw', fields: [] },
      }),
    },
    events: [
      {
        type: 'FORM_RESPONSE',
        id: 'a4cb511e-d513-4fa5-baee-b815d718dfd1',
        timeSeconds: Date.parse('2023-06-28T15:00:21.889Z') / 1_000,
        orderKey: 'VwbNEw',
      },
    ],
    oracle: hmacOracle('tally-signature', { encoding: 'base64' }),
  },
  {
    provider: formstack,
    evidence: 'document',
    secret: '3f9ea420af83450d7ef9f78b08c8af25b2213637',
    request: {
      body: JSON.stringify({ FormID: '1234567', UniqueID: '987654321', 'Full Name': 'Jane Doe' }),
    },
    events: [{ type: 'submission', id: '987654321', orderKey: '1234567' }],
    oracle: hmacOracle('x-fs-signature', { prefix: 'sha256=' }),
  },
  {
    provider: formstack,
    evidence: 'document',
    secret: '3f9ea420af83450d7ef9f78b08c8af25b2213637',
    request: {
      body: 'FormID=1234567&UniqueID=987654322&Full+Name=Jane+Doe',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    },
    events: [{ type: 'submission', id: '987654322', orderKey: '1234567' }],
    oracle: hmacOracle('x-fs-signature', { prefix: 'sha256=' }),
  },
  {
    provider: calCom,
    evidence: 'document',
    secret: 'a secret of the webhook',
    request: {
      body: JSON.stringify({
        triggerEvent: 'BOOKING_CREATED',
        createdAt: '2023-05-24T09:30:00.538Z',
        payload: {
          type: '60min',
          title: '60min between Pro Example and John Doe',
          startTime: '2023-05-25T09:30:00Z',
          uid: 'bFJeNb2uX8ANpT3JL5EfXw',
          bookingId: 91,
        },
      }),
    },
    events: [
      {
        type: 'BOOKING_CREATED',
        timeSeconds: Date.parse('2023-05-24T09:30:00.538Z') / 1_000,
        orderKey: 'bFJeNb2uX8ANpT3JL5EfXw',
      },
    ],
    oracle: hmacOracle('x-cal-signature-256'),
  },
  {
    provider: acuity,
    evidence: 'document',
    secret: '6f1f8b6a2e0d4a158c1c0c3e9e41e8df',
    request: {
      body: 'action=appointment.rescheduled&id=1&calendarID=1&appointmentTypeID=1',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    },
    events: [{ type: 'appointment.rescheduled', orderKey: '1' }],
    oracle: hmacOracle('x-acuity-signature', { encoding: 'base64' }),
  },
  {
    provider: mailerlite,
    evidence: 'document',
    secret: 'sCb7pQ2mX9',
    request: {
      body: JSON.stringify({
        account_id: 1,
        event: 'subscriber.created',
        id: '31986843064993537',
        email: 'dummy@example.com',
        status: 'active',
      }),
    },
    events: [{ type: 'subscriber.created' }],
    oracle: hmacOracle('signature'),
  },
];
