import { doubtOfText, entryOfHash, entryOfJson, standingOfHeaders } from './entry-reads.ts'

const json = {
  userId: '7',
  username: 'ada',
  name: null,
  description: null,
  location: 'Ulm',
  webPageUrl: null,
  joinedDate: '2020-01-01T00:00:00.000000Z',
  profileImageUrl: null,
  backgroundImageUrl: null,
  tweetCount: 1,
  followingCount: 2,
  followerCount: 3,
  likeCount: 4,
}

const hash = {
  'user-id': '7',
  username: 'ada',
  location: 'Ulm',
  'joined-date': '2020-01-01T00:00:00.000000Z',
  'tweet-count': '1',
  'following-count': '2',
  'follower-count': '3',
  'like-count': '4',
}

const entry = {
  row: ['ada', null, null, 'Ulm', null, '2020-01-01T00:00:00.000000Z', null, null],
  counts: { tweetCount: 1n, followingCount: 2n, followerCount: 3n, likeCount: 4n },
}

test('the API and Redis tell the same entry', () => {
  expect(entryOfJson(json, '7')).toEqual(entry)
  expect(entryOfHash(hash, '7')).toEqual(entry)
})

test.each(Object.keys(json))('an answer of the API without %s is half an entry', (name) => {
  expect(() => entryOfJson({ ...json, [name]: undefined }, '7')).toThrow(name)
})

test.each(['tweet-count', 'like-count'])('a row in Redis without %s is half an entry', (name) => {
  const { [name as 'tweet-count']: _, ...rest } = hash
  expect(() => entryOfHash(rest, '7')).toThrow('is missing')
})

test('a counter in Redis that is no whole number is half an entry', () => {
  expect(() => entryOfHash({ ...hash, 'like-count': '4.5' }, '7')).toThrow('4.5')
})

test('the entry of another user is none of the one that was asked for', () => {
  expect(() => entryOfJson(json, '8')).toThrow('userId')
  expect(() => entryOfHash(hash, '8')).toThrow('user-id')
})

test('counters without a row may be there in part', () => {
  expect(entryOfHash({ 'like-count': '2' }, '7')).toEqual({
    row: null,
    counts: { tweetCount: 0n, followingCount: 0n, followerCount: 0n, likeCount: 2n },
  })
})

test('an answer tells its watermark, and its doubts where there are any', () => {
  const headers = new Headers({ 'millrace-watermark': '0/FF' })
  expect(standingOfHeaders(headers)).toEqual({ watermark: 255n, doubts: [] })
  headers.set('millrace-doubt', 'below-zero, table-rewritten')
  expect(standingOfHeaders(headers).doubts).toEqual(['below-zero', 'table-rewritten'])
  expect(() => standingOfHeaders(new Headers())).toThrow('no watermark')
})

test('a doubt in Redis tells its id, its time and its code', () => {
  expect(doubtOfText('abc 1700 below-zero {"x":1}')).toEqual({
    id: 'abc',
    sinceMs: 1700,
    code: 'below-zero',
  })
  expect(() => doubtOfText('{}')).toThrow('no doubt')
})
