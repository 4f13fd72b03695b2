import { pino } from 'pino'
import type { ChangeLog, TopicAdmin } from '../../src/consume/change-source.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { FakeBroker, fakeTopic, type Belief } from '../support/fake-brokers.ts'
import { withLogReader } from '../support/kafka-worker.ts'

const log = pino({ level: 'silent' })
const [topicId, laterId] = ['w-F3AyyHR8KE0yKRkU60TA', 'x-F3AyyHR8KE0yKRkU60TA']
const former: Belief = { topicId, leader: 1, epoch: 5, replicas: [1, 2, 3], end: 10n }
const present: Belief = { ...former, leader: 2, epoch: 6, end: 20n }
const away = { code: 'kafka-away', retriable: true }

let brokers: readonly FakeBroker[]
let admin: TopicAdmin
let changeLog: ChangeLog

/** The first one is asked before the others. */
async function begin(count: number, belief: Belief = former): Promise<void> {
  brokers = await FakeBroker.start(count, belief)
  const options = { brokers: [`127.0.0.1:${brokers[0]!.port}`], log }
  admin = kafkaTopicAdmin(options)
  const waits = { fetchWaitMs: 20, idleFetchWaitMs: 20, leaderCheckMs: 100 }
  changeLog = kafkaChangeLog({ ...options, ...waits, recordsMax: 10 })
}

afterEach(async () => {
  await Promise.all([admin.close(), changeLog.close()])
  for (const broker of brokers) broker.stop()
})

const end = async () => (await admin.ends([fakeTopic])).get(`${fakeTopic}/0`)

/** The first one is cut off, and the others have another leader. */
function depose(): void {
  for (const broker of brokers.slice(1)) broker.belief = present
}

describe('the end of a log', () => {
  it('is told by the leader of the highest epoch, whomever the broker asked first takes for it', async () => {
    await begin(3)
    expect(await end()).toBe(10n)
    depose()
    expect(await end()).toBe(20n)
  })

  it('is not told where too few replicas can be asked to know of a later leader', async () => {
    await begin(3)
    for (const broker of brokers.slice(1)) broker.stop()
    const message = expect.stringContaining('1 of the 3 brokers that have it')
    await expect(end()).rejects.toMatchObject({ ...away, message })
  })

  it('waits for no broker that takes connections and does not answer', async () => {
    await begin(3)
    depose()
    brokers[2]!.isSilent = true
    expect(await end()).toBe(20n)
  })

  it('is told by one replica of two, for both have what most of them have acknowledged', async () => {
    await begin(2, { ...former, replicas: [1, 2] })
    brokers[1]!.stop()
    expect(await end()).toBe(10n)
  })

  it('is told by no leader that does not know its own epoch yet', async () => {
    await begin(3, { ...former, epoch: 6 })
    brokers[0]!.leads = { epoch: 5 }
    await expect(end()).rejects.toMatchObject(away)
    brokers[0]!.leads = { epoch: 7 }
    await expect(end()).rejects.toMatchObject(away)
    brokers[0]!.leads = undefined
    expect(await end()).toBe(10n)
  })

  it('is that of the topic that most brokers know, where it was made anew', async () => {
    await begin(3)
    for (const broker of brokers.slice(1)) {
      broker.belief = { ...present, topicId: laterId, epoch: 0, end: 3n }
    }
    expect(await end()).toBe(3n)
  })

  it('is that of one topic for all workers where as many brokers know another one', async () => {
    await begin(2, { ...former, replicas: [1, 2] })
    brokers[1]!.belief = { ...brokers[1]!.belief, topicId: laterId, leader: 2, end: 3n }
    const other = kafkaTopicAdmin({ brokers: [`127.0.0.1:${brokers[1]!.port}`], log })
    const ends = await other.ends([fakeTopic]).finally(() => other.close())
    expect([await end(), ends.get(`${fakeTopic}/0`)]).toEqual([10n, 10n])
  })
})

describe('a reader', () => {
  it('leaves a leader that was cut off and brings nothing, and reads on at the next one', async () => {
    await begin(3)
    await withLogReader(changeLog, fakeTopic, async (reader) => {
      reader.seek(10n as KafkaOffset)
      expect(await reader.next(300)).toBeUndefined()
      depose()
      await expect(reader.next(5_000)).rejects.toMatchObject({ code: 'fetch-failed' })
      reader.seek(10n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ from: 10n, next: 20n })
    })
  })

  it('begins at the leader of the highest epoch', async () => {
    await begin(3)
    depose()
    await withLogReader(changeLog, fakeTopic, async (reader) => {
      reader.seek(10n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ from: 10n, next: 20n })
    })
  })

  it('believes a leader where nobody else can be asked', async () => {
    await begin(3)
    for (const broker of brokers.slice(1)) broker.stop()
    await withLogReader(changeLog, fakeTopic, async (reader) => {
      reader.seek(0n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ from: 0n, next: 10n })
      expect(await reader.next(500)).toBeUndefined()
    })
  })
})
