import { systemClock } from '../../src/clock.ts'
import { decoder } from '../../src/decode/decoder.ts'
import { schemaRegistry } from '../../src/decode/registry.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import type { Chain } from '../../src/dev/chain.ts'
import {
  column,
  envelope,
  envelopeSchema,
  frame,
  framed,
  keySchema,
  logRecord,
  placeholder,
  tweetColumns,
} from '../support/builders.ts'
import { startTestChain, stopTestChain } from '../support/chain.ts'

const topic = 'millrace.public.tweets'
const schemas = {
  key: keySchema('tweets', [column.long('tweet_id')]),
  value: envelopeSchema('tweets', tweetColumns),
}
const row = { tweet_id: 1n, user_id: 5n, text: 'x', created_at: '2026-11-21T10:18:00.123456Z' }

let chain: Chain

beforeAll(async () => {
  chain = await startTestChain({ servers: ['registry'] })
}, 120_000)

afterAll(async () => {
  if (chain) await stopTestChain(chain)
}, 60_000)

async function register(subject: string, schema: unknown): Promise<number> {
  const answer = await fetch(`${chain.urls.registry}/subjects/${topic}-${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
  const { id } = (await answer.json()) as { id: number }
  return id
}

function tweets() {
  return decoder({
    registry: schemaRegistry(chain.urls.registry, { callTimeoutMs: 2_000 }),
    view: userInformation,
    table: 'tweets',
    topic,
    clock: systemClock,
    placeholder,
    unknownSchemaMs: 0,
  })
}

test('the real registry: empty, with the schemas of the topic, killed in mid-run, and back', async () => {
  const away = { code: 'registry-unavailable', retriable: true }
  const stranger = logRecord(frame(77_777, Buffer.from('x')), frame(77_777, Buffer.from('x')))
  const found = tweets()

  await expect(found.decode(stranger)).rejects.toMatchObject(away)

  const keyId = await register('key', schemas.key)
  const valueId = await register('value', schemas.value)
  expect(await found.decode(stranger)).toMatchObject({ kind: 'undecodable' })

  const key = framed(keyId, schemas.key, { tweet_id: 1n })
  const good = logRecord(key, framed(valueId, schemas.value, envelope({ op: 'c', after: row })))
  expect(await found.decode(good)).toMatchObject({
    kind: 'change',
    change: { after: { user_id: 5n } },
  })

  await chain.kill('registry')
  expect(found.decode(good)).toMatchObject({ kind: 'change' })
  await expect(found.decode(logRecord(key, frame(88_888, Buffer.from('x'))))).rejects.toMatchObject(
    away,
  )
  await expect(tweets().decode(good)).rejects.toMatchObject(away)
  await chain.start('registry')
  expect(await tweets().decode(good)).toMatchObject({ kind: 'change' })
}, 180_000)
