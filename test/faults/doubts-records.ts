/** Records in the topics that Debezium would not have written, or that nobody should read. */
import { randomUUID } from 'node:crypto'
import type { Chain } from '../../src/dev/chain.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import type { ChainHarness, Standing } from '../support/chain-harness.ts'
import { forged, readTopic, topicOf, type Logged, type Table } from '../support/change-log.ts'
import type { TestTopics } from '../support/kafka-topics.ts'
import { ready } from '../support/ready.ts'
import { sleep, until } from '../support/wait.ts'
import type { Scene } from './scene.ts'

const victims = [60_001, 60_002, 60_003, 60_004, 60_005]

let chain: Chain
let topics: TestTopics
let harness: ChainHarness
let reader: AlwaysThere

export function describeRecordDoubts(scene: () => Scene): void {
  let before: Standing

  beforeAll(async () => {
    ;({ chain, topics, harness, reader } = scene())
    // The topics may have been made anew: these stand in them afterwards.
    await harness.sql(
      `insert into users (user_id, username)
         select n, 'victim' from generate_series(60001, 60005) n
         on conflict (user_id) do update set username = excluded.username`,
      `delete from follows where follower_id between 60001 and 60005`,
      `insert into follows (follower_id, followee_id)
         select n, 1 from generate_series(60001, 60005) n`,
    )
    await harness.untilEqual()
    before = await harness.standing()
  })

  beforeEach(() => reader.forget())

  test('aborted transactions change nothing, and their end is reached', async () => {
    const follows = await readTopic(chain, 'follows')
    const traffic = harness.traffic(150)
    await abortTransactions(await messagesOf(follows))
    await sleep(1_000)
    await traffic.stop()
    await harness.untilEqual()
    // Now they are the last that stands in the log.
    await abortTransactions(await messagesOf(follows))
    await harness.sql(`update users set name = 'Beyond' where user_id = 60001`)
    await harness.untilExactSince(before)
  })

  test('a transaction that is left open holds the view back, which /fresh and /status tell', async () => {
    const strict = await harness.reader({ env: { MILLRACE_FRESH_WITHIN_MS: '3000' } })
    const open = await topics.transaction(topicOf(chain, 'likes'), ['of nobody'], 'open')
    const traffic = harness.traffic(150)
    try {
      await until(
        'the view is stale',
        async () => (await fetch(`${strict.url}/fresh`)).status === 503,
      )
      const { watermark: held } = await harness.state()
      await sleep(3_000)
      expect((await harness.state()).watermark).toBe(held)
      expect((await fetch(`${strict.url}/ready`)).status).toBe(200)
      expect(await (await fetch(`${strict.url}/status`)).text()).toMatch(/committed \d+ ms ago/)
    } finally {
      await open.abort()
    }
    await traffic.stop()
    await harness.untilExactSince(before)
    await until(
      'the view is fresh',
      async () => (await fetch(`${strict.url}/fresh`)).status === 200,
    )
    await strict.stop()
  })

  test('a change that comes again beyond the window of identities counts once, and is a doubt', async () => {
    const follows = (await readTopic(chain, 'follows')).filter(
      ({ decoded }) => decoded.kind === 'change' && decoded.change.kind === 'insert',
    )
    const old = follows.slice(0, 20)
    expect(old.length).toBeGreaterThan(4)
    const traffic = harness.traffic(100)
    const messages = old.map(({ partition, record: { key, value } }) => ({
      partition,
      key: bytes(key),
      value: bytes(value),
    }))
    await send(messages, 'follows')
    expect(await reader.untilDoubted('repeat-beyond-barrier')).toContain('came again')
    await traffic.stop()
    await harness.untilExactSince(before)
  })

  test('records that can not be decoded are parked, and the rest flows', async () => {
    const users = await usersOf(victims)
    const traffic = harness.traffic(150)
    const sent = await sendUndecodable(users)
    await until('all of them are parked', async () => (await ready(chain)).parked === sent.length)
    await reader.untilDoubted('undecodable-record')
    const { code, output } = await harness.run(['parked'])
    expect(code).toBe(0)
    for (const { at } of sent) expect(output).toContain(`${at} `)
    for (const { reason } of sent) expect(output).toMatch(reason)
    await traffic.stop()
    // Nothing that they could have said is missing: SQL knows.
    await harness.untilExactSince(before)
    expect((await harness.run(['parked'])).output).toContain('settled')
    const cleared = await harness.run(['parked', '--clear'])
    expect(cleared.output).toContain(`${sent.length} records forgotten`)
    await until('nothing is parked', async () => (await ready(chain)).parked === 0)
    await until('all is well', async () => (await ready(chain)).status === 'ready')
  })

  test('a change that an old Debezium has written is not trusted, and the reason is shown', async () => {
    const [victim] = await usersOf([60_001])
    const value = await forged(chain, victim!.record.value, (envelope) => {
      envelope.source.version = '3.6.1.Final'
    })
    await send([{ partition: victim!.partition, key: bytes(victim!.record.key), value }])
    expect(await reader.untilDoubted('unusable-change')).toContain('3.6.1.Final')
    await harness.untilEqual()
  })

  test('keys of a second schema in a topic are a doubt, for a row may stand in two partitions', async () => {
    const [victim] = await usersOf([60_003])
    const { partition, record } = victim!
    const other = Buffer.from(record.key!)
    other.writeInt32BE(await sameSchemaUnderAnotherId(chain, other.readInt32BE(1)), 1)
    await send([{ partition, key: other, value: bytes(record.value) }])
    expect(await reader.untilDoubted('second-key-schema')).toContain('keys of two schemas')
    await harness.untilEqual()
  })
}

type Message = { partition: number; key: Buffer | null; value: Buffer | null }
type Sent = { readonly at: string; readonly reason: RegExp } & Pick<Message, 'partition' | 'key'>

/** Well-formed inserts at positions of their own: whoever counts them is wrong. */
async function messagesOf(follows: readonly Logged[]): Promise<Message[]> {
  const inserts = follows.filter(({ record }) => record.value !== null).slice(0, 20)
  expect(inserts.length).toBeGreaterThan(4)
  const made = inserts.map(async ({ partition, record }, index) => ({
    partition,
    key: bytes(record.key),
    value: await forged(chain, record.value, (envelope) => {
      envelope.op = 'c'
      envelope.source.lsn = 9_000_000_000n + BigInt(index)
    }),
  }))
  return Promise.all(made)
}

async function abortTransactions(messages: readonly Message[]): Promise<void> {
  const producer = await topics.producer({ transactionalId: randomUUID() })
  for (let round = 0; round < 10; round += 1) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: topicOf(chain, 'follows'), messages: [...messages] })
    await transaction.abort()
  }
}

/** One record for each way in which bytes can be wrong; the last has a key of garbage. */
async function sendUndecodable(users: readonly Logged[]): Promise<Sent[]> {
  const valueOf = (index: number) => bytes(users[index]!.record.value)!
  const unknownId = Buffer.from(valueOf(1))
  unknownId.writeInt32BE(987_654, 1)
  const wrong: { victim: number; key?: Buffer; value: Buffer; reason: RegExp }[] = [
    { victim: 0, value: Buffer.from('{"op":"c"}'), reason: /value is not in the wire format/ },
    { victim: 1, value: unknownId, reason: /does not know schema 987654/ },
    {
      victim: 2,
      value: Buffer.concat([bytes(users[2]!.record.key)!.subarray(0, 5), valueOf(2).subarray(5)]),
      reason: /not that of a Debezium envelope/,
    },
    { victim: 3, value: valueOf(3).subarray(0, -9), reason: /value does not fit its schema/ },
    {
      victim: 4,
      key: Buffer.from('garbage'),
      value: valueOf(4),
      reason: /key is not in the wire format/,
    },
  ]
  const sent: Sent[] = []
  for (const { victim, value, reason, ...rest } of wrong) {
    const { partition, record } = users[victim]!
    const key = rest.key ?? bytes(record.key)
    const offset = await send([{ partition, key, value }])
    sent.push({
      at: `${topicOf(chain, 'users')}/${partition} offset ${offset}`,
      reason,
      partition,
      key,
    })
  }
  return sent
}

/** Sends to a table's topic; answers the first offset. */
async function send(messages: readonly Message[], table: Table = 'users'): Promise<string> {
  const producer = await topics.producer({})
  const [written] = await producer.send({ topic: topicOf(chain, table), messages: [...messages] })
  return written!.baseOffset ?? ''
}

/** The newest record of each of these users. */
async function usersOf(ids: readonly number[]): Promise<Logged[]> {
  await harness.untilEqual()
  const users = await readTopic(chain, 'users')
  return ids.map((id) => {
    const found = users.findLast(
      ({ decoded }) =>
        decoded.kind === 'change' &&
        decoded.change.key.user_id === BigInt(id) &&
        decoded.change.kind !== 'delete',
    )
    if (!found) throw new Error(`the topic has no user ${id}`)
    return found
  })
}

function bytes(part: Uint8Array | null): Buffer | null {
  return part && Buffer.from(part)
}

/** Registers a schema once more, with a word of documentation that makes it another one. */
async function sameSchemaUnderAnotherId({ urls }: Chain, id: number): Promise<number> {
  const found = (await (await fetch(`${urls.registry}/schemas/ids/${id}`)).json()) as {
    schema: string
  }
  const schema = { ...(JSON.parse(found.schema) as object), doc: `again ${randomUUID()}` }
  const answer = await fetch(`${urls.registry}/subjects/test-${randomUUID()}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
  return ((await answer.json()) as { id: number }).id
}
