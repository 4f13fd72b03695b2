import type { Fetched } from '../../src/consume/kafka/fetch-request.ts'
import type { Broker } from '../../src/consume/kafka/kafkajs-internals.ts'
import { SharedFetches, type Link } from '../../src/consume/kafka/shared-fetches.ts'
import { parseKafkaOffset } from '../../src/position.ts'

/** A connection whose fetches wait until the test answers them, in the order of their sending. */
function connection(brokerAddress = 'one:9092') {
  const waiting: { answer(fetched: Fetched): void; fail(error: Error): void }[] = []
  let sent = 0
  const send = () => {
    sent += 1
    return new Promise<Fetched>((answer, fail) => void waiting.push({ answer, fail }))
  }
  const broker = {
    brokerAddress,
    versions: { 1: { minVersion: 0, maxVersion: 17 } },
    connectionPool: { pool: [{ send }] },
  } as unknown as Broker
  return { broker, sent: () => sent, next: () => waiting.shift()! }
}

type Connection = ReturnType<typeof connection>

function linkOf({ broker }: Connection, changed: Partial<Link> = {}): Link {
  const times = { madeAtMs: nowMs, provedAtMs: undefined, usedAtMs: nowMs }
  return { broker, topicId: 'topic', leaderEpoch: 3, ...times, ...changed }
}

const empty: Fetched = { abortedTransactions: [], messages: [] }
const at = (from: string) => ({
  partition: 0,
  from: parseKafkaOffset(from),
  waitMs: 250,
  bytesMax: 1_000,
})

let nowMs: number
let fetches: SharedFetches
let first: Connection
let second: Connection
let one: Link
let other: Link

/** Two links, each of which was answered once on its own connection. */
beforeEach(async () => {
  nowMs = 0
  fetches = new SharedFetches({ monotonicMs: () => nowMs })
  first = connection()
  second = connection()
  one = linkOf(first)
  other = linkOf(second)
  await answered(first, one)
  await answered(second, other)
})

async function answered(by: Connection, link: Link): Promise<void> {
  nowMs += 1
  const fetching = fetches.fetch(link, at('5'))
  nowMs += 1
  by.next().answer(empty)
  await fetching
}

test('readers that wait at the same offset wait for one answer', async () => {
  const both = [fetches.fetch(one, at('10')), fetches.fetch(other, at('10'))]
  const brought = { ...empty }
  first.next().answer(brought)
  const [mine, theirs] = await Promise.all(both)
  expect([mine, theirs]).toEqual([brought, brought])
  expect([first.sent(), second.sent()]).toEqual([2, 1])
})

test('an answer is nobody’s who asks after it', async () => {
  const before = fetches.fetch(one, at('10'))
  first.next().answer(empty)
  await before
  void fetches.fetch(other, at('10'))
  expect(second.sent()).toBe(2)
})

test.each<readonly [string, () => Parameters<SharedFetches['fetch']>]>([
  ['another offset', () => [other, at('11')]],
  ['another partition', () => [other, { ...at('10'), partition: 1 }]],
  ['a topic made anew', () => [linkOf(second, { ...other, topicId: 'anew' }), at('10')]],
  ['another leader epoch', () => [linkOf(second, { ...other, leaderEpoch: 4 }), at('10')]],
  ['other bounds', () => [other, { ...at('10'), bytesMax: 9 }]],
])('a fetch of %s is made by itself', (_, of) => {
  void fetches.fetch(one, at('10'))
  void fetches.fetch(...of())
  expect([first.sent(), second.sent()]).toEqual([2, 2])
})

test('a fetch of another broker is made by itself', async () => {
  const elsewhere = connection('two:9092')
  const link = linkOf(elsewhere)
  await answered(elsewhere, link)
  void fetches.fetch(one, at('10'))
  void fetches.fetch(link, at('10'))
  expect(elsewhere.sent()).toBe(2)
})

test('a link that was not answered yet fetches by itself, for its log may be another one', () => {
  const third = connection()
  void fetches.fetch(one, at('10'))
  void fetches.fetch(linkOf(third), at('10'))
  expect(third.sent()).toBe(1)
})

test('a connection that was opened after the last answer is not relied on: the broker may have ended between', async () => {
  nowMs += 1
  const third = connection()
  const later = linkOf(third)
  await answered(third, later)
  void fetches.fetch(later, at('10'))
  void fetches.fetch(other, at('10'))
  expect(second.sent()).toBe(2)
  // Answered by itself since, it may rely on that connection as well.
  second.next().answer(empty)
  await Promise.resolve()
})

test('an answer that was shared counts as sent when the other reader has sent it', async () => {
  const sentAtMs = nowMs
  const both = [fetches.fetch(one, at('10')), fetches.fetch(other, at('10'))]
  nowMs += 200
  first.next().answer(empty)
  await Promise.all(both)
  expect([one.provedAtMs, other.provedAtMs]).toEqual([sentAtMs, sentAtMs])
})

test('a fault of the other connection is not this reader’s: it fetches by itself', async () => {
  const mine = fetches.fetch(one, at('10'))
  const theirs = fetches.fetch(other, at('10'))
  first.next().fail(new Error('closed'))
  await expect(mine).rejects.toThrow('closed')
  await Promise.resolve()
  expect(second.sent()).toBe(2)
  second.next().answer(empty)
  expect(await theirs).toBe(empty)
})

test('a connection is used at least once a minute, for brokers close silent ones', async () => {
  for (let secondsPassed = 0; secondsPassed < 59; secondsPassed += 1) {
    const both = [fetches.fetch(one, at('10')), fetches.fetch(other, at('10'))]
    nowMs += 1_000
    first.next().answer(empty)
    await Promise.all(both)
  }
  expect(second.sent()).toBe(1)
  nowMs += 1_500
  void fetches.fetch(one, at('10'))
  void fetches.fetch(other, at('10'))
  expect(second.sent()).toBe(2)
})
