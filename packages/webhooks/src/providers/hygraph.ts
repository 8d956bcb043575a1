import { MissingContent } from '../provider/content.ts';
import type { ContentFunction, Provider } from '../provider/provider.ts';

const content: ContentFunction = (request, { timestamp = '', valueOf }) => {
  const [body, environment] = [request.text(), valueOf('pair:env')];
  if (body === undefined) throw new MissingContent('body');
  if (environment === undefined) throw new MissingContent('env of gcms-signature');
  return [JSON.stringify({ Body: body, EnvironmentName: environment, TimeStamp: Number(timestamp) })];
};

export const hygraph: Provider<'hygraph'> = {
  name: 'hygraph',
  title: 'Hygraph',
  docs: 'https://hygraph.com/docs/api-reference/basics/webhooks',
  grade: 'A',
  secret: { name: 'secret key', madeBy: 'you' },
  schemes: [
    {
      kind: 'signature',
      algorithm: 'hmac-sha256',
      key: 'text',
      signature: {
        at: 'header:gcms-signature',
        separator: ',',
        pairs: { separator: '=', take: 'sign' },
        encoding: 'base64',
      },
      content,
      timestamp: { at: 'pair:t', unit: 'milliseconds', toleranceSeconds: 300 },
    },
  ],
  event: {
    type: { all: ['body:data.__typename', 'body:operation'], join: '.' },
    order: 'body:data.id',
  },
  retry: { retries: true },
};
