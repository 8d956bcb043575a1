// The schemas of what the routes of issues answer, by route; answers.ts has those of all others.
import Type from 'typebox';
import type { TSchema } from 'typebox';
import { nullable, oneOf, TimeText } from '../fields.ts';

/** By status; null for an answer without a body. */
type Answers = Readonly<Record<string, object | null>>;

const text = Type.String();
const integer = Type.Integer();
const nullableText = nullable(text);

const IssueOut = Type.Object(
  {
    id: text,
    state: oneOf(['open', 'resolved', 'ignored'] as const),
    appId: Type.String({ description: 'The application, or the source' }),
    sourceId: nullableText,
    endpointId: Type.Union([text, Type.Null()], { description: 'null for refused requests of a source' }),
    outcome: oneOf(['rejected', 'unreachable', 'refused'] as const),
    reason: Type.String({ description: 'The class of the status (5xx), or why there was none' }),
    responseStatusCode: Type.Union([integer, Type.Null()], { description: 'Of the youngest attempt' }),
    detail: Type.Union([text, Type.Null()], { description: 'What failed, and what to do' }),
    count: Type.Integer({ description: 'How many attempts failed so, or requests were refused so' }),
    exhaustedCount: Type.Integer({ description: 'How many deliveries were given up' }),
    firstSeenAt: TimeText,
    lastSeenAt: TimeText,
    openedAt: TimeText,
    openedCount: Type.Integer({ description: 'How often it was opened' }),
    resolvedAt: nullable(TimeText),
    resolvedBy: nullable(oneOf(['success', 'request', 'deletion'] as const)),
    sample: Type.Object(
      { msgId: nullableText, attemptId: nullableText, requestId: nullableText },
      { description: 'The youngest that was seen' },
    ),
  },
  { title: 'IssueOut' },
);

export function issueAnswers(
  listOf: (item: TSchema, name: string) => Answers,
): Readonly<Record<string, Answers>> {
  const list = listOf(IssueOut, 'IssueOut');
  const issue = '/app/{}/issue/{}';
  return {
    'GET /issue': list,
    'GET /app/{}/issue': list,
    [`GET ${issue}`]: { 200: IssueOut },
    [`POST ${issue}/resolve`]: { 200: IssueOut },
    [`POST ${issue}/ignore`]: { 200: IssueOut },
  };
}
