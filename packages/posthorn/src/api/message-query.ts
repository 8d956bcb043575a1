// The filters that lists of messages and lists of attempts share, from the query to the store.
import Type from 'typebox';
import type { Static } from 'typebox';
import type { MessageFilter } from '../store/messages.ts';
import { TimeText } from './fields.ts';
import { pageQueryFields } from './pagination.ts';
import { invalid } from './problems.ts';

const filterMaxChars = 256;
export const eventTypesMax = 500;
const statusClassMax = 500;
const statusClassWidth = 100;
/** A channel, a tag or an event type to filter by. */
export const filterText = Type.String({ minLength: 1, maxLength: filterMaxChars });
/** 0 (no response), 100, 200 … 500. */
export const statusClassField = Type.Integer({
  minimum: 0,
  maximum: statusClassMax,
  multipleOf: statusClassWidth,
});
// Written `event_types=a,b`, `event_types=a&event_types=b` or `event_types[]=a`.
const texts = Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: eventTypesMax })]);

export const messageFilterFields = {
  ...pageQueryFields,
  channel: Type.Optional(filterText),
  tag: Type.Optional(filterText),
  event_types: Type.Optional(texts),
  'event_types[]': Type.Optional(texts),
  before: Type.Optional(TimeText),
  after: Type.Optional(TimeText),
  with_content: Type.Optional(Type.Boolean()),
};
const MessageFilterQuery = Type.Object(messageFilterFields);
type MessageFilterQuery = Static<typeof MessageFilterQuery>;

/** Throws 422 for a time that does not exist. */
export function timeOf(name: string, value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const time = new Date(value);
  if (!Number.isNaN(time.getTime())) return time;
  throw invalid([{ loc: ['query', name], msg: 'is not a date and time', type: 'value_error' }]);
}

function eventTypesOf(query: MessageFilterQuery): string[] | undefined {
  const given = [query.event_types, query['event_types[]']].flat().filter((value) => value !== undefined);
  const names = given.flatMap((value) => value.split(',')).filter((name) => name !== '');
  return names.length === 0 ? undefined : names;
}

/** Throws 422 for a time that does not exist. */
export function messageFilterOf(query: MessageFilterQuery): MessageFilter {
  return {
    channel: query.channel,
    tag: query.tag,
    eventTypes: eventTypesOf(query),
    before: timeOf('before', query.before),
    after: timeOf('after', query.after),
  };
}
