import { fastify } from 'fastify'
import type { ColumnType } from '../../src/types/types.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { jsonSchemaOf, toJson } from '../../src/view/json.ts'
import { viewOf } from '../../src/view/view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { userFields } from '../support/view-layouts.ts'

const entry = {
  key: '9007199254740993',
  fields: userFields({ name: 'Ada', joinedDate: '-0043-03-15T12:00:00.000000Z' }),
  counts: { tweetCount: 3n, followingCount: -1n, followerCount: 2n ** 40n, likeCount: 0n },
}

const json = {
  userId: '9007199254740993',
  username: 'ada',
  name: 'Ada',
  description: null,
  location: null,
  webPageUrl: null,
  joinedDate: '-0043-03-15T12:00:00.000000Z',
  profileImageUrl: null,
  backgroundImageUrl: null,
  tweetCount: 3,
  followingCount: 0,
  followerCount: 2 ** 40,
  likeCount: 0,
}

test('an entry is shown in the order of its view, ids as text, counts as numbers', () => {
  const shown = toJson(userInformation, entry)
  expect(shown).toEqual(json)
  expect(Object.keys(shown)).toEqual(Object.keys(json))
  expect(Object.keys(jsonSchemaOf(userInformation).properties)).toEqual(Object.keys(json))
})

test('an entry is shown under its own names, whatever stores call them', () => {
  const [username] = userInformation.row!.fields
  const [tweetCount] = userInformation.counts
  const view = viewOf({
    ...userInformation,
    row: { ...userInformation.row!, fields: [{ ...username!, stored: 'username@1' }] },
    counts: [{ ...tweetCount!, stored: 'tweetCount@2' }],
    aggregates: userInformation.aggregates.slice(0, 1),
  })
  const held = { key: '1', fields: { 'username@1': 'ada' }, counts: { 'tweetCount@2': 3n } }
  expect(toJson(view, held)).toEqual({ userId: '1', username: 'ada', tweetCount: 3 })
  expect(jsonSchemaOf(view).required).toEqual(['userId', 'username', 'tweetCount'])
  const bare = { key: '1', fields: {}, counts: {} }
  expect(toJson(view, bare)).toEqual({ userId: '1', username: null, tweetCount: 0 })
})

test('a schema names the type of each property', () => {
  expect(jsonSchemaOf(userInformation)).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: {
      userId: { type: 'string', pattern: '^-?[0-9]{1,19}$' },
      username: { type: ['string', 'null'] },
      joinedDate: { type: ['string', 'null'], description: 'ISO 8601 in UTC with six digits' },
      likeCount: { type: 'integer', minimum: 0 },
    },
  })
})

test('a schema names the type of a key and of fields of every type', () => {
  const [field] = userInformation.row!.fields
  const types = ['text', 'bigint', 'timestamptz'] as const
  const view = viewOf({
    ...userInformation,
    key: [{ name: 'userName', type: 'text' }],
    row: {
      ...userInformation.row!,
      fields: types.map((type) => ({ ...field!, name: type, type })),
    },
    counts: [],
    aggregates: [],
  })
  expect(jsonSchemaOf(view).properties).toEqual({
    userName: { type: 'string' },
    text: { type: ['string', 'null'] },
    bigint: { type: ['string', 'null'], pattern: '^-?[0-9]{1,19}$' },
    timestamptz: { type: ['string', 'null'], description: 'ISO 8601 in UTC with six digits' },
  })
})

const shown: readonly (readonly [type: ColumnType, text: string, json: string])[] = [
  ['bigint', '9007199254740993', '"9007199254740993"'],
  ['integer', '-2147483648', '-2147483648'],
  ['numeric', '1.50', '"1.50"'],
  ['double', '0.1', '0.1'],
  ['double', '1e+15', '1000000000000000'],
  ['double', 'NaN', '"NaN"'],
  ['real', '-Infinity', '"-Infinity"'],
  ['boolean', 'true', 'true'],
  ['boolean', 'false', 'false'],
  ['text', 'a"b', '"a\\"b"'],
  ['date', '-infinity', '"-infinity"'],
  [
    'jsonb',
    '{"a": 12345678901234567890.10, "b": [1e400, null]}',
    '{"a":12345678901234567890.10,"b":[1e400,null]}',
  ],
  ['json', 'null', 'null'],
  ['json', '"x"', '"x"'],
  ['bytea', 'AP8=', '"AP8="'],
  ['text[]', '["a",null,"b\\\\"]', '["a",null,"b\\\\"]'],
  ['bigint[]', '["9007199254740993",null]', '["9007199254740993",null]'],
  ['double[]', '[0.1,"NaN",null]', '[0.1,"NaN",null]'],
  ['double[]', '[1e+15,-0,1e-05]', '[1000000000000000,0,0.00001]'],
  ['real[]', '[1e+06]', '[1000000]'],
  ['jsonb[]', '[{"a": 10000000000000000000001},null]', '[{"a":10000000000000000000001},null]'],
]

test.each(shown)('the server writes %s %s as %s, and null as null', async (type, text, written) => {
  const view = defineView({
    name: 'orders',
    key: { shop: 'text', number: 'integer' },
    row: from('orders', {
      key: ['shop', 'number'],
      fields: { value: { column: 'v', type }, nothing: { column: 'v', type } },
    }),
  })
  const app = fastify()
  const held = { key: 'a\\:b:7', fields: { value: text, nothing: null }, counts: {} }
  app.get('/', { schema: { response: { 200: jsonSchemaOf(view) } } }, () => toJson(view, held))
  const { body } = await app.inject('/')
  expect(body).toBe(`{"shop":"a:b","number":7,"value":${written},"nothing":null}`)
  await app.close()
})

test('the server writes by the schema what the view shows', async () => {
  const app = fastify()
  const schema = { response: { 200: jsonSchemaOf(userInformation) } }
  app.get('/', { schema }, () => toJson(userInformation, entry))
  const answer = await app.inject('/')
  expect(answer.statusCode).toBe(200)
  expect(answer.body).toBe(JSON.stringify(json))
  await app.close()
})
