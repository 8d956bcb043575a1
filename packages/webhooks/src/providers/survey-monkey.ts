import { answerMethod } from '../provider/handshakes.ts';
import type { Provider } from '../provider/provider.ts';

export const surveyMonkey: Provider<'survey-monkey'> = {
  name: 'survey-monkey',
  title: 'SurveyMonkey',
  docs: 'https://developer.surveymonkey.com/api/v3/#webhook-callbacks',
  grade: 'B',
  secret: { name: 'client id, `&`, client secret of the app', madeBy: 'provider' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha1',
      key: 'text',
      signature: { at: 'header:sm-signature', encoding: 'base64' },
      content: '{body}',
    },
  ],
  handshakes: [answerMethod('HEAD')],
  event: {
    type: 'body:event_type',
    id: 'body:event_id',
    time: { at: 'body:event_datetime', unit: 'rfc3339' },
    order: 'body:object_id',
  },
  retry: { retries: true },
};
