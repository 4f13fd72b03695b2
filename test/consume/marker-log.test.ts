import { MarkerLog, newMarker } from '../../src/consume/marker-log.ts'
import type { LogRecord } from '../../src/change.ts'
import { describe as describeError, MillraceError } from '../../src/errors.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { at } from '../support/library.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const topic = 't.message'
const name = `${topic}/0`

let clock: ManualClock
let topics: FakeTopics
let markers: MarkerLog
let partitions: () => Promise<number>
let end: AbortController
let running: Promise<void> | undefined
let recorded: ReturnType<typeof recordedLog>

beforeEach(() => {
  clock = new ManualClock()
  topics = new FakeTopics(clock)
  topics.begin(name, 5)
  recorded = recordedLog()
  partitions = async () => 1
  const { log } = recorded
  markers = new MarkerLog({ changeLog: topics, topic, partitions: () => partitions(), clock, log })
  end = new AbortController()
  running = undefined
})

afterEach(async () => {
  end.abort()
  await running?.catch(() => undefined)
})

async function run(): Promise<void> {
  running = markers.run(end.signal)
  running.catch(() => undefined)
  await settled()
}

/** Writes a message as the connector does: its text between bytes of other fields. */
function write(text: string | null, inTransaction = false, to = name): void {
  const value = text === null ? null : Buffer.from(`\0\0\0\u0001 "content":"${text}"}`)
  const offset = topics.end(to)
  const record: LogRecord = { offset, timestampMs: 7, key: null, value, inTransaction }
  topics.add(to, record)
}

/** Whether the marker arrives within a second. */
async function arrives(marker: string): Promise<boolean> {
  const late = new AbortController()
  const arrival = markers.arrival(marker, late.signal)
  await clock.advance(1_000)
  late.abort()
  return arrival
}

const away = (message = 'away') => new MillraceError('kafka-away', message)

test('markers are texts of one form, each another one', () => {
  expect(newMarker()).toMatch(/^millrace-marker:[0-9a-f-]{36}$/)
  expect(newMarker()).not.toBe(newMarker())
})

describe('a marker', () => {
  test('has arrived once it stands in the log, whether asked for before or after', async () => {
    await run()
    const [before, after] = [newMarker(), newMarker()]
    const early = markers.arrival(before, end.signal)
    write(before)
    write(after)
    expect(await early).toBe(true)
    expect(await arrives(after)).toBe(true)
  })

  test('came in a transaction of Kafka, or not, or has not come', async () => {
    await run()
    const [within, without, absent] = [newMarker(), newMarker(), newMarker()]
    write(within, true)
    write(without)
    expect([await arrives(within), await arrives(without)]).toEqual([true, true])
    expect([within, without, absent].map((each) => markers.inTransaction(each))).toEqual([
      true,
      false,
      false,
    ])
  })

  test('that is another one has not arrived', async () => {
    await run()
    write(newMarker())
    write('something else of somebody')
    write(null)
    expect(await arrives(newMarker())).toBe(false)
  })

  test('may be asked for again', async () => {
    await run()
    const marker = newMarker()
    write(marker)
    expect(await arrives(marker)).toBe(true)
    expect(await arrives(marker)).toBe(true)
  })

  test('that stood in the log before it was read has not arrived', async () => {
    const marker = newMarker()
    write(marker)
    await run()
    expect(await arrives(marker)).toBe(false)
  })

  test('that stands in a batch with others has arrived, and they have', async () => {
    await run()
    const all = Array.from({ length: 3 }, newMarker)
    for (const each of all) write(each)
    write(null)
    expect(await Promise.all(all.map((each) => arrives(each)))).toEqual([true, true, true])
  })

  test('has arrived also where its text is all that a record holds', async () => {
    await run()
    const marker = newMarker()
    topics.add(name, { offset: at(5), timestampMs: 7, key: null, value: Buffer.from(marker) })
    expect(await arrives(marker)).toBe(true)
  })

  test('leaves nothing with the signal of whoever waits for it', async () => {
    await run()
    const { signal } = new AbortController()
    let listening = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening += 1
      add.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening -= 1
      expect(args[0]).toBe('abort')
      remove.apply(signal, args)
    }
    const marker = newMarker()
    const arrival = markers.arrival(marker, signal)
    write(newMarker())
    await settled()
    write(marker)
    expect(await arrival).toBe(true)
    expect(listening).toBe(0)
  })

  test('is waited for by several, each for its own', async () => {
    await run()
    const [one, two] = [newMarker(), newMarker()]
    const [first, second] = [markers.arrival(one, end.signal), markers.arrival(two, end.signal)]
    write(two)
    expect(await second).toBe(true)
    write(one)
    expect(await first).toBe(true)
  })

  test('is not waited for beyond the signal', async () => {
    await run()
    expect(await markers.arrival(newMarker(), AbortSignal.abort())).toBe(false)
    const late = new AbortController()
    const arrival = markers.arrival(newMarker(), late.signal)
    await settled()
    late.abort()
    expect(await arrival).toBe(false)
  })

  test('has arrived also for whoever asks when it is too late to wait', async () => {
    await run()
    const marker = newMarker()
    write(marker)
    await settled()
    expect(await markers.arrival(marker, AbortSignal.abort())).toBe(true)
  })

  test('that nobody asks for is forgotten behind ten thousand others', async () => {
    await run()
    const all = Array.from({ length: 10_003 }, newMarker)
    for (const each of all) write(each)
    await settled()
    await clock.advance(1_000)
    const known = await Promise.all(
      all.slice(0, 5).map((each) => markers.arrival(each, AbortSignal.abort())),
    )
    expect(known).toEqual([false, false, false, true, true])
    expect(await arrives(all.at(-1)!)).toBe(true)
  })
})

describe('the log of markers', () => {
  /** Whether it is read by now. */
  const isReady = async () => {
    let ready = false
    void markers.ready().then(() => (ready = true))
    await settled()
    return ready
  }

  test('is ready once it is read from its end on', async () => {
    expect(await isReady()).toBe(false)
    await run()
    expect(await isReady()).toBe(true)
    expect(topics.seeks).toEqual([`${name} 5`])
  })

  test('is not ready while nobody can tell where it ends', async () => {
    topics.boundsFailure = away()
    await run()
    expect(await isReady()).toBe(false)
    topics.boundsFailure = undefined
    await clock.advance(1_000)
    expect(await isReady()).toBe(true)
  })

  test('is ready, and nothing arrives, once its reading has ended', async () => {
    topics.boundsFailure = away()
    await run()
    const waiting = markers.arrival(newMarker(), end.signal)
    end.abort()
    await running
    expect(await isReady()).toBe(true)
    expect(await waiting).toBe(false)
  })

  test('is read on from where it was after a fault', async () => {
    await run()
    const [one, two] = [newMarker(), newMarker()]
    write(one)
    await settled()
    topics.failure = away()
    write(newMarker())
    await settled()
    write(two)
    expect(await arrives(two)).toBe(true)
    expect(topics.seeks).toEqual([`${name} 5`, `${name} 6`])
  })

  test('is read on behind records that nobody is given', async () => {
    await run()
    topics.skip(name, 3)
    await settled()
    topics.failure = away()
    await clock.advance(3_000)
    expect(topics.seeks).toEqual([`${name} 5`, `${name} 8`])
  })

  test('is read from its end where it does not hold the place any more', async () => {
    await run()
    write(newMarker())
    await settled()
    topics.failure = away()
    write(newMarker())
    topics.begin(name, 40)
    await clock.advance(3_000)
    expect(topics.seeks.at(-1)).toBe(`${name} 40`)
    const other = newMarker()
    write(other)
    expect(await arrives(other)).toBe(true)
  })

  test('is read from its end where it ends before the place', async () => {
    await run()
    for (let count = 0; count < 5; count += 1) write(newMarker())
    await settled()
    topics.failure = away()
    write(newMarker())
    topics.begin(name, 3)
    await clock.advance(3_000)
    expect(topics.seeks.at(-1)).toBe(`${name} 3`)
  })

  test('is read on from the very place where it begins or ends', async () => {
    await run()
    write(newMarker())
    await settled()
    topics.drop(name, 6)
    topics.failure = away()
    const [next, other] = [newMarker(), newMarker()]
    write(next)
    await clock.advance(3_000)
    expect(topics.seeks).toEqual([`${name} 5`, `${name} 6`])
    expect(await arrives(next)).toBe(true)
    write(other)
    expect(topics.end(name)).toBe(at(8))
    expect(await arrives(other)).toBe(true)
  })

  test('is tried again with growing pauses, which is said once', async () => {
    const askedMs: number[] = []
    const reader = topics.reader.bind(topics)
    topics.boundsFailure = away('no broker')
    topics.reader = (partition, lost) => {
      const inner = reader(partition, lost)
      return {
        ...inner,
        bounds: () => {
          askedMs.push(clock.monotonicMs())
          return inner.bounds()
        },
      }
    }
    await run()
    await clock.advance(40_000)
    const pauses = askedMs.slice(1).map((ms, index) => ms - askedMs[index]!)
    for (const [index, most] of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(most / 2)
      expect(pauses[index]).toBeLessThanOrEqual(most)
    }
    topics.boundsFailure = undefined
    // A pause of at most 5 s is under way, and a read that finds nothing lasts a second.
    await clock.advance(7_000)
    expect(recorded.lines).toMatchObject([
      { level: 'warn', msg: 'markers are not read', reason: 'no broker' },
      { level: 'info', msg: 'markers are read again' },
    ])
    topics.failure = away('gone again')
    write(null)
    await settled()
    const askedBefore = askedMs.length
    await clock.advance(100)
    expect(askedMs.length).toBe(askedBefore + 1)
    expect(recorded.lines.length).toBe(4)
  })

  test('says nothing of a fault that its end brings', async () => {
    await run()
    const { failure } = { failure: away() }
    topics.failure = failure
    end.abort()
    await running
    expect(recorded.lines).toEqual([])
  })

  test('ends on a bug', async () => {
    topics.reader = (partition, lost) => ({
      partition,
      lost,
      bounds: () => Promise.reject(new TypeError('a bug')),
      seek: () => undefined,
      next: () => Promise.resolve(undefined),
      note: () => undefined,
    })
    await expect(markers.run(end.signal)).rejects.toThrow('a bug')
  })
})

describe('a log of several partitions', () => {
  const nameOf = (partition: number) => `${topic}/${partition}`
  const written = (partition: number, inTransaction = false) => {
    const marker = newMarker()
    write(marker, inTransaction, nameOf(partition))
    return marker
  }

  beforeEach(() => {
    for (const [index, offset] of [0, 7, 9].entries()) topics.begin(nameOf(index + 1), offset)
    partitions = async () => 4
  })

  test('is read in all of them, each from its end on', async () => {
    const before = written(3)
    await run()
    expect(topics.seeks.toSorted()).toEqual(
      [0, 1, 2, 3].map((each) => `${nameOf(each)} ${[5, 0, 7, 10][each]}`),
    )
    expect(await arrives(before)).toBe(false)
    const found = [0, 1, 2, 3].map((each) => written(each, each === 2))
    for (const each of found) expect(await arrives(each)).toBe(true)
    expect(found.map((each) => markers.inTransaction(each))).toEqual([false, false, true, false])
  })

  test('is ready once all of them are read', async () => {
    let ready = false
    const reader = topics.reader.bind(topics)
    const bounds = Promise.withResolvers<void>()
    topics.reader = (partition, lost) => {
      const inner = reader(partition, lost)
      if (partition.partition !== 2) return inner
      return { ...inner, bounds: () => bounds.promise.then(() => inner.bounds()) }
    }
    void markers.ready().then(() => (ready = true))
    await run()
    expect(ready).toBe(false)
    bounds.resolve()
    await settled()
    expect(ready).toBe(true)
  })

  test('is ready also where a partition has gone that was not read yet', async () => {
    const reader = topics.reader.bind(topics)
    topics.reader = (partition, lost) => {
      const inner = reader(partition, lost)
      return partition.partition < 3 ? inner : { ...inner, bounds: () => Promise.reject(away()) }
    }
    let ready = false
    void markers.ready().then(() => (ready = true))
    await run()
    await clock.advance(4_000)
    expect(ready).toBe(false)
    partitions = async () => 3
    await clock.advance(7_000)
    expect(ready).toBe(true)
    expect(recorded.lines.map(({ msg }) => msg)).toEqual([
      'markers are not read',
      'markers are read again',
    ])
  })

  test('one of which can not be read holds up no other, and goes on where it was', async () => {
    await run()
    written(1)
    await clock.advance(1_000)
    topics.failure = away()
    written(1)
    await settled()
    const found = [0, 1, 2, 3].map((each) => written(each))
    for (const each of found) expect(await arrives(each)).toBe(true)
    expect(topics.seeks).toHaveLength(5)
  })

  test('is told of once where nothing of it can be read', async () => {
    topics.boundsFailure = away()
    partitions = () => Promise.reject(away('nobody can say'))
    await run()
    await clock.advance(10_000)
    partitions = async () => 4
    await clock.advance(10_000)
    topics.boundsFailure = undefined
    await clock.advance(10_000)
    expect(recorded.lines).toMatchObject([
      { level: 'warn', msg: 'markers are not read', reason: 'nobody can say' },
      { level: 'info', msg: 'markers are read again' },
      { level: 'warn', msg: 'markers are not read', reason: 'away' },
      { level: 'info', msg: 'markers are read again' },
    ])
  })

  test('is read in a partition that is added from its beginning on', async () => {
    await run()
    topics.begin(nameOf(4), 0)
    const marker = written(4)
    partitions = async () => 5
    await clock.advance(5_000)
    expect(await arrives(marker)).toBe(true)
    topics.failure = away()
    write(null, false, nameOf(4))
    await clock.advance(1_000)
    expect(await arrives(written(4))).toBe(true)
  })

  test('ends the readers of partitions that are gone', async () => {
    await run()
    expect(topics.open).toBe(4)
    partitions = async () => 2
    await clock.advance(5_000)
    expect(topics.open).toBe(2)
    expect(await arrives(written(1))).toBe(true)
    end.abort()
    await clock.until(running!)
    expect(topics.open).toBe(0)
  })

  test('is read through where a partition was gone, and is back before its reader has ended', async () => {
    const reader = topics.reader.bind(topics)
    const hung = Promise.withResolvers<never>()
    let isFirst = true
    topics.reader = (partition, lost) => {
      const inner = reader(partition, lost)
      if (partition.partition < 3 || !isFirst) return inner
      isFirst = false
      return { ...inner, bounds: () => hung.promise }
    }
    await run()
    partitions = async () => 3
    await clock.advance(5_000)
    partitions = async () => 4
    await clock.advance(5_000)
    hung.reject(away())
    await settled()
    await markers.readThrough(0, AbortSignal.abort())
  })
})

describe('a log that was read through', () => {
  /** What hides a marker that was committed at `sinceMs`; undefined where nothing does. */
  async function hidden(sinceMs: number): Promise<string | undefined> {
    const late = new AbortController()
    const read = markers.readThrough(sinceMs, late.signal).then(
      () => undefined,
      (error: MillraceError) => `${error.code}: ${describeError(error)}`,
    )
    await clock.advance(2_000)
    late.abort()
    return read
  }

  const nowMs = () => clock.monotonicMs()

  test('has no marker that has not arrived', async () => {
    await run()
    write(newMarker())
    write('something else of somebody')
    write(null)
    topics.skip(name, 2)
    expect(await hidden(0)).toBeUndefined()
  })

  test('is not one whose reading fails', async () => {
    await run()
    const compressed = new MillraceError('kafka-compression', 'snappy')
    topics.standingFailure = compressed
    write(newMarker())
    expect(await hidden(0)).toMatch(
      /^markers-unread: .* t.message\/0 is read up to 5 of 6: snappy$/,
    )
    topics.standingFailure = undefined
    await clock.advance(6_000)
    expect(await hidden(0)).toBeUndefined()
  })

  test('is not one whose end can not be asked', async () => {
    await run()
    topics.boundsFailure = away('no broker')
    expect(await hidden(0)).toBe('kafka-away: no broker')
    topics.boundsFailure = undefined
    partitions = () => Promise.reject(away('nobody can say'))
    expect(await hidden(0)).toBe('kafka-away: nobody can say')
  })

  test('is not one of which a partition is not read yet', async () => {
    await run()
    topics.begin(`${topic}/1`, 0)
    partitions = async () => 2
    expect(await hidden(0)).toContain('t.message/1 is read up to nowhere of an unknown end')
    await clock.advance(5_000)
    expect(await hidden(0)).toBeUndefined()
  })

  test('may hide a marker in a record of another form, where it was begun before that was read', async () => {
    await run()
    const value = Buffer.from('{"content":"bWlsbHJhY2UtbWFya2VyOg=="}')
    topics.add(name, { offset: at(5), timestampMs: 7, key: null, value })
    await settled()
    const readAtMs = nowMs()
    expect(await hidden(readAtMs)).toContain('the record at 5 of t.message/0 was not written by')
    expect(await hidden(readAtMs + 1)).toBeUndefined()
  })

  test('may hide a marker in what was gone before it was read', async () => {
    await run()
    write(newMarker())
    await settled()
    topics.failure = away()
    write(newMarker())
    topics.begin(name, 40)
    await clock.advance(3_000)
    expect(await hidden(0)).toContain('t.message/0 was left out from 6 to 40')
    expect(await hidden(nowMs())).toBeUndefined()
  })
})
