// Public keys of providers: read once in a while, by what is asked, and anew when somebody asks for fresh ones.
import { beforeEach, expect, it } from 'vitest';
import { keepingTexts } from '../src/gateway/key-texts.ts';

let nowMs: number;
let asked: string[];
const clock = { now: () => nowMs, monotonicMs: () => nowMs };
const url = 'https://keys.test/';

beforeEach(() => {
  nowMs = 0;
  asked = [];
});

function keeping() {
  return keepingTexts((of, { json = '' } = {}) => {
    asked.push(of + json);
    return Promise.resolve(`${asked.length}`);
  }, clock);
}

it('reads what is asked again after some minutes only', async () => {
  const fetchText = keeping();
  expect([await fetchText(url), await fetchText(url)]).toEqual(['1', '1']);
  nowMs += 6 * 60 * 1000;
  expect(await fetchText(url)).toBe('2');
});

it('keeps apart what is asked by name', async () => {
  const fetchText = keeping();
  expect(await fetchText(url, { json: '{"key":"a"}' })).toBe('1');
  expect(await fetchText(url, { json: '{"key":"b"}' })).toBe('2');
  expect(await fetchText(url, { json: '{"key":"a"}' })).toBe('1');
  expect(asked).toEqual([`${url}{"key":"a"}`, `${url}{"key":"b"}`]);
});

it('reads anew for who asks for fresh ones, and no more often than every ten seconds', async () => {
  const fetchText = keeping();
  await fetchText(url);
  expect(await fetchText(url, { fresh: true })).toBe('1');
  nowMs += 11_000;
  expect(await fetchText(url, { fresh: true })).toBe('2');
  expect(await fetchText(url, { fresh: true })).toBe('2');
});

it('does not keep a failure', async () => {
  let isAway = true;
  const fetchText = keepingTexts(
    () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve('keys')),
    clock,
  );
  await expect(fetchText(url)).rejects.toThrow('away');
  isAway = false;
  expect(await fetchText(url)).toBe('keys');
});
