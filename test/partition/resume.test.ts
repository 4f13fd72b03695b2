import { identityOf, type Decoded } from '../../src/change.ts'
import type { PartitionReader } from '../../src/consume/change-source.ts'
import { hashOf } from '../../src/consume/record-identity.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Checkpoint } from '../../src/store/state.ts'
import { prove, resume, type ResumeParts } from '../../src/partition/resume.ts'
import { read } from '../support/builders.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { at, book, changed, decoderOfTests, recordOf } from '../support/library.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { checkpoint } from '../store/store-fixture.ts'

const name = 'books/0'

class Log {
  readonly topics = new FakeTopics(new ManualClock())
  readonly lost = new AbortController()
  readonly overtaken: unknown[] = []
  readonly parts: ResumeParts

  /** A log that begins at 10. */
  constructor(identitiesMax = 100) {
    this.topics.begin(name, 10)
    this.parts = {
      reader: this.topics.reader({ topic: 'books', partition: 0 }, this.lost.signal),
      decoder: decoderOfTests,
      identitiesMax,
      refuseOvertaken: (from, next) => this.overtaken.push([from.next, next]),
    }
  }

  /** Books with these ids, one an offset. */
  books(...ids: readonly number[]): void {
    for (const id of ids) this.topics.append(name, changed(book(id, 1)))
  }
}

/** The checkpoint behind a record of this offset, as it stands in the log. */
function behind(offset: number, decoded: Decoded, given: Partial<Checkpoint> = {}): Checkpoint {
  const emptied = decoded.kind === 'tombstone'
  const last = hashOf(recordOf(offset, decoded), emptied)
  return checkpoint(offset + 1, { windowFrom: at(10), last, ...given })
}

const first = changed(book(1, 1))

describe('resuming', () => {
  test('remembers the identities from the beginning of the window to the checkpoint', async () => {
    const log = new Log()
    log.books(1, 2, 3, 4)
    const identities = await resume(log.parts, checkpoint(13, { windowFrom: at(11) }))
    expect(identities.size).toBe(2)
    const isKnown = (id: number) => !identities.admit(identityOf(book(id, 1)), at(99))
    expect([1, 2, 3, 4].map(isKnown)).toEqual([false, true, true, false])
  })

  test('remembers them at their offsets', async () => {
    const log = new Log()
    log.books(1, 2)
    const identities = await resume(log.parts, checkpoint(12, { windowFrom: at(10) }))
    identities.moveTo(at(11))
    expect(identities.size).toBe(1)
  })

  test('remembers nothing of records that are no changes, or could not be applied', async () => {
    const log = new Log()
    log.topics.append(
      name,
      { kind: 'tombstone' },
      { kind: 'undecodable', reason: 'x' },
      { kind: 'unusable', reason: 'x', transaction: 1 },
      { kind: 'change', change: read('books', { id: 1n }, { author: 1n }) },
      new MillraceError('column-gone', 'x'),
      Promise.resolve(changed(book(5, 1))),
    )
    const identities = await resume(log.parts, checkpoint(16, { windowFrom: at(10) }))
    expect(identities.size).toBe(1)
    expect(identities.admit(identityOf(book(5, 1)), at(99))).toBe(false)
  })

  test.each(['registry-unavailable', 'schema-unknown'] as const)(
    'waits for what passes by itself: %s',
    async (code) => {
      const log = new Log()
      log.topics.append(name, new MillraceError(code, 'x'))
      const resumed = resume(log.parts, checkpoint(11, { windowFrom: at(10) }))
      await expect(resumed).rejects.toMatchObject({ code })
    },
  )

  test('is not stopped by a fault that is none of the decoder', async () => {
    const log = new Log()
    log.topics.append(name, new TypeError('a bug'))
    const resumed = resume(log.parts, checkpoint(11, { windowFrom: at(10) }))
    await expect(resumed).rejects.toThrow('a bug')
  })

  test('of more identities than fit is refused', async () => {
    const log = new Log(2)
    log.books(1, 2, 3)
    const full = resume(log.parts, checkpoint(13, { windowFrom: at(10) }))
    await expect(full).rejects.toMatchObject({ code: 'window-full' })
    const fits = await resume(log.parts, checkpoint(13, { windowFrom: at(11) }))
    expect(fits.size).toBe(2)
  })

  test('reads nothing where window and checkpoint are at one place', async () => {
    const log = new Log()
    log.books(1)
    const identities = await resume(log.parts, checkpoint(10, { windowFrom: at(10) }))
    expect(identities.size).toBe(0)
  })

  test('reads the record applied last also where it stands before the window', async () => {
    const log = new Log()
    log.books(1, 2, 3)
    const from = behind(10, first, { next: at(13), windowFrom: at(12) })
    const identities = await resume(log.parts, from)
    expect(identities.size).toBe(1)
    expect(log.topics.seeks[0]).toBe(`${name} 10`)
    const other = behind(10, first, { next: at(13), windowFrom: at(12) })
    const wrong = { ...other, last: { ...other.last!, hash: 'another' } }
    await expect(resume(log.parts, wrong)).rejects.toMatchObject({ code: 'another-log' })
  })

  test('asks whether compaction has overtaken it where more follows', async () => {
    const log = new Log()
    log.books(1, 2)
    await resume(log.parts, checkpoint(12, { windowFrom: at(12) }))
    expect(log.overtaken).toEqual([])
    await resume(log.parts, checkpoint(11, { windowFrom: at(11) }))
    expect(log.overtaken).toEqual([[11n, 12n]])
  })
})

describe.each([
  ['resuming', resume],
  ['proving', prove],
] as const)('%s', (_, act) => {
  test('goes on where the record applied last is there', async () => {
    const log = new Log()
    log.books(1, 2)
    await act(log.parts, behind(10, first))
    await act(log.parts, behind(11, changed(book(2, 1))))
    expect(log.topics.end(name)).toBe(12n)
  })

  test('is refused where another record stands in its place', async () => {
    const log = new Log()
    log.topics.add(name, recordOf(10, first, { timestampMs: 8 }))
    const refused = act(log.parts, behind(10, first))
    await expect(refused).rejects.toMatchObject({
      code: 'another-log',
      message: 'another record stands at offset 10 than the one that was applied',
    })
  })

  test('is refused where that record is not there', async () => {
    const log = new Log()
    log.books(1, 2)
    log.topics.take(name, 10)
    await expect(act(log.parts, behind(10, first))).rejects.toMatchObject({
      code: 'another-log',
      message: 'the record applied last, at offset 10, is not in the log',
    })
  })

  test('goes on where a record that may be gone is gone', async () => {
    const log = new Log()
    log.topics.append(name, { kind: 'tombstone' })
    log.topics.take(name, 10)
    log.books(1)
    await act(log.parts, behind(10, { kind: 'tombstone' }, { next: at(12) }))
    expect(log.topics.end(name)).toBe(12n)
  })

  test('is refused where another one stands in place of one that may be gone', async () => {
    const log = new Log()
    log.topics.add(name, recordOf(10, first, { timestampMs: 8 }))
    await expect(act(log.parts, behind(10, { kind: 'tombstone' }))).rejects.toMatchObject({
      code: 'another-log',
    })
  })

  test('is refused where the log ends before the checkpoint', async () => {
    const log = new Log()
    log.books(1)
    const refused = act(log.parts, checkpoint(12, { windowFrom: at(10) }))
    await expect(refused).rejects.toMatchObject({
      code: 'another-log',
      message: 'the log ends at 11, before the checkpoint 12',
    })
    log.topics.skip(name, 1)
    await act(log.parts, checkpoint(12, { windowFrom: at(10) }))
  })

  test('is refused where the log begins behind what is needed of it', async () => {
    const log = new Log()
    log.books(1, 2, 3)
    log.topics.drop(name, 11)
    const needed = 'the log begins at 11, the checkpoint at 12 needs it from 10'
    const before = act(log.parts, checkpoint(12, { windowFrom: at(10) }))
    await expect(before).rejects.toMatchObject({ code: 'log-start-passed', message: needed })
    const next = act(log.parts, checkpoint(10, { windowFrom: at(12) }))
    await expect(next).rejects.toMatchObject({ code: 'log-start-passed' })
    await act(log.parts, checkpoint(12, { windowFrom: at(11) }))
  })

  test('proves nothing by a record below the start of the log', async () => {
    const log = new Log()
    log.books(1, 2, 3)
    log.topics.drop(name, 11)
    await act(log.parts, behind(10, first, { next: at(12), windowFrom: at(11) }))
    expect(log.topics.seeks).toEqual(act === resume ? [`${name} 11`] : [])
  })

  test('says nothing of a partition that was lost meanwhile', async () => {
    const log = new Log()
    log.books(1, 2)
    log.topics.take(name, 10)
    log.lost.abort()
    await act(log.parts, behind(10, first))
    expect(log.lost.signal.aborted).toBe(true)
  })

  test('lets a failed fetch through', async () => {
    const log = new Log()
    log.books(1, 2)
    log.topics.failure = new MillraceError('fetch-failed', 'x')
    await expect(act(log.parts, behind(10, first))).rejects.toMatchObject({ code: 'fetch-failed' })
  })
})

describe('proving', () => {
  test('reads no more than the record applied last', async () => {
    const log = new Log()
    log.books(1, 2, 3)
    log.topics.recordsMax = 1
    log.topics.append(name, new TypeError('nobody decodes'))
    await prove(log.parts, behind(11, changed(book(2, 1)), { next: at(14) }))
    expect(log.topics.seeks).toEqual([`${name} 11`])
    expect(log.topics.asked).toBe(1)
  })

  test('waits for the record where nothing comes at first', async () => {
    const log = new Log()
    log.books(1, 2)
    const { next } = log.parts.reader
    let turns = 0
    const reader: PartitionReader = {
      ...log.parts.reader,
      next: (timeoutMs) => {
        turns += 1
        return turns < 3 ? Promise.resolve(undefined) : next(timeoutMs)
      },
    }
    await prove({ ...log.parts, reader }, behind(11, changed(book(2, 1))))
    expect(turns).toBe(3)
  })

  test('takes the word of a checkpoint that has applied nothing', async () => {
    const log = new Log()
    log.books(1)
    await prove(log.parts, checkpoint(11, { windowFrom: at(10) }))
    expect(log.topics.seeks).toEqual([])
  })
})
