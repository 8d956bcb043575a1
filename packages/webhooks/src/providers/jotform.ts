import { multipartField } from '../provider/multipart.ts';
import type { Provider } from '../provider/provider.ts';
import type { ProviderRequest } from '../provider/request.ts';

function submissionOf(request: ProviderRequest): readonly unknown[] | undefined {
  const field = (name: string) =>
    multipartField(name, { contentType: request.header('content-type'), text: request.text() }) ??
    request.value(`form:${name}`);
  const [formID, submissionID, formTitle] = ['formID', 'submissionID', 'formTitle'].map(field);
  if (submissionID === undefined) return undefined;
  return [{ formID, submissionID, formTitle, answers: parsed(field('rawRequest')) }];
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

export const jotform: Provider<'jotform'> = {
  name: 'jotform',
  title: 'Jotform',
  docs: 'https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/',
  grade: 'B',
  secret: { name: 'none', madeBy: 'nobody' },
  schemes: [{ kind: 'unsigned', advice: 'read the submission by its id from the API before you act on it' }],
  event: {
    batch: submissionOf,
    type: 'const:submission',
    id: 'item:submissionID',
    order: 'item:formID',
  },
  retry: { retries: false, note: 'not documented' },
};
