// What a comment of Meta's is known by when it comes again: itself, whatever the time of the request says; and nothing that
// other events could share.
import { expect, it } from 'vitest';
import { readEvents } from '../../src/provider/read-events.ts';
import { meta } from '../../src/providers/meta.ts';

function idOf(value: object, { field = 'feed', time = 1_700_000_000 } = {}): string | undefined {
  const body = JSON.stringify({ object: 'page', entry: [{ id: '104', time, changes: [{ field, value }] }] });
  const [event] = readEvents(meta, { headers: {}, body });
  return event?.id;
}

const comment = {
  item: 'comment',
  comment_id: '104_7',
  post_id: '104_1',
  from: { id: '1' },
  message: 'Hello',
};

it('a comment that is added or removed has the same id at any time', () => {
  expect(idOf({ ...comment, verb: 'add' })).toBe('104_7.add');
  expect(idOf({ ...comment, verb: 'add' }, { time: 1_700_000_060 })).toBe('104_7.add');
  expect(idOf({ ...comment, verb: 'remove' })).toBe('104_7.remove');
});

it('a comment that changes twice is two events', () => {
  const edited = { ...comment, verb: 'edited' };
  expect(idOf(edited)).toBe('104_7.edited.1700000000');
  expect(idOf(edited, { time: 1_700_000_060 })).not.toBe(idOf(edited));
});

it('a comment of Instagram is known by its own id', () => {
  const value = { id: '17865799348089039', text: 'Hello', from: { id: '1' }, media: { id: '18' } };
  expect(idOf(value, { field: 'comments' })).toBe('17865799348089039');
  expect(idOf(value, { field: 'live_comments' })).toBe('17865799348089039');
});

it('what is only about a comment, or has another id, is not taken for it', () => {
  for (const item of ['reaction', 'like', 'post', 'status']) {
    expect(idOf({ ...comment, item, verb: 'add' }), item).toBeUndefined();
  }
  expect(idOf({ item: 'comment', verb: 'add' })).toBeUndefined();
  expect(idOf({ id: '5', status: 'live' }, { field: 'live_videos' })).toBeUndefined();
});
