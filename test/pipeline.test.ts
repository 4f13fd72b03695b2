import type { Batch, PartitionReader } from '../src/consume/change-source.ts'
import { IdentityWindow } from '../src/consume/identity-window.ts'
import { identityOf, type Decoded, type LogRecord } from '../src/change.ts'
import { MillraceError } from '../src/errors.ts'
import { tail, type Tail } from '../src/pipeline.ts'
import type { KafkaOffset } from '../src/position.ts'
import { limits } from '../src/store/limits.ts'
import type { Checkpoint } from '../src/store/state.ts'
import type { Commit, CommitResult } from '../src/store/writer.ts'
import { at, book, changed, decoderOfTests, library, recordOf } from './support/library.ts'
import { ManualClock } from './support/manual-clock.ts'
import { aBarrier, checkpoint, elsewhere, offsets } from './store/store-fixture.ts'

type Answer = Batch | undefined | MillraceError

/** A tail whose reader answers these in turn; after them the partition is lost. */
class Script {
  readonly commits: Commit[] = []
  readonly seeks: KafkaOffset[] = []
  readonly noted: KafkaOffset[] = []
  readonly waits: number[] = []
  readonly moved: unknown[] = []
  readonly refused: unknown[] = []
  readonly overtaken: unknown[] = []
  readonly passed: string[] = []
  readonly lost = new AbortController()
  readonly identities = new IdentityWindow(10_000)
  /** What the store answers, in turn; after them that all was applied. */
  results: (CommitResult | MillraceError)[] = []
  stands: boolean[] = []
  current = true
  mayPass = false
  next: Answer[]

  constructor(...answers: readonly Answer[]) {
    this.next = [...answers]
  }

  async run(from: Checkpoint = checkpoint(10), given: Partial<Tail> = {}): Promise<void> {
    await tail({ ...this.#parts(), ...given }, from)
  }

  #parts(): Tail {
    const partition = { topic: 't.public.books', partition: 1 }
    const reader: PartitionReader = {
      partition,
      lost: this.lost.signal,
      bounds: () => Promise.reject(new Error('nobody asks')),
      seek: (offset) => this.seeks.push(offset),
      next: async (timeoutMs) => {
        this.waits.push(timeoutMs)
        if (this.next.length === 0) this.lost.abort()
        const answer = this.next.shift()
        if (answer instanceof MillraceError) throw answer
        return answer
      },
      note: (next) => this.noted.push(next),
    }
    return {
      view: library,
      table: 'books',
      epoch: elsewhere,
      partition,
      identities: this.identities,
      barriers: () => [],
      keepFrom: () => undefined,
      reader,
      decoder: decoderOfTests,
      writer: { commit: async (commit: Commit) => this.#commit(commit) } as Tail['writer'],
      clock: new ManualClock(),
      lingerMs: 0,
      current: () => this.current,
      otherKeySchema: async () => undefined,
      refuseOvertaken: (from, next) => this.overtaken.push([from.next, next]),
      mayPass: ({ code }) => {
        this.passed.push(code)
        return this.mayPass
      },
      standsAt: async () => this.stands.shift() ?? true,
      refused: async ({ from }) => void this.refused.push(from),
      moved: async (commit, result) => void this.moved.push([commit?.to.next, result]),
    }
  }

  #commit(commit: Commit): CommitResult {
    // The schema of the first key alone.
    if (commit.to.next === commit.from) return applied
    this.commits.push(commit)
    const result = this.results.shift() ?? applied
    if (result instanceof MillraceError) throw result
    return result
  }
}

const applied: CommitResult = { kind: 'applied', belowZero: [] }

function batch(from: number, next: number, held: readonly LogRecord[] = []): Batch {
  return { from: at(from), next: at(next), records: held }
}

/** Books of one author, one an offset, where a number stands; else what is given. */
function records(from: number, ...what: readonly (number | Decoded | Error)[]): LogRecord[] {
  return what.map((each, index) =>
    recordOf(from + index, typeof each === 'number' ? changed(book(each, 1)) : each),
  )
}

function steps({ commits }: Script) {
  return commits.map(({ from, to, mutations }) => [
    Number(from),
    Number(to.next),
    mutations.reduce((sum, { add }) => sum + Number(add['bookCount'] ?? 0n), 0),
  ])
}

describe('a tail', () => {
  test('that can not write down the schema of its first key applies nothing', async () => {
    const script = new Script(batch(10, 11, records(10, 1)))
    const commits: Commit[] = []
    const commit = async (each: Commit): Promise<CommitResult> => {
      commits.push(each)
      return { kind: 'conflict', found: checkpoint(11) }
    }
    await script.run(undefined, { writer: { commit } as Tail['writer'] })
    expect(commits).toMatchObject([{ from: 10n, to: { next: 10n, keySchema: 107 }, mutations: [] }])
  })

  test('commits batch after batch from the checkpoint on', async () => {
    const script = new Script(batch(10, 13, records(10, 1, 2)), batch(13, 14, records(13, 3)))
    await script.run()
    expect(script.seeks).toEqual([10n])
    expect(steps(script)).toEqual([
      [10, 13, 2],
      [13, 14, 1],
    ])
    expect(script.commits[0]).toMatchObject({ epoch: elsewhere, partition: { partition: 1 } })
    expect(script.noted).toEqual([13n, 14n])
    expect(script.overtaken).toEqual([
      [10n, 13n],
      [13n, 14n],
    ])
    expect(script.moved).toEqual([
      [13n, applied],
      [14n, applied],
      [undefined, undefined],
    ])
    expect(script.waits).toEqual([500, 500, 500])
  })

  test('waits after a commit for more to come, but not behind a full batch', async () => {
    const clock = new ManualClock()
    const readAtMs: number[] = []
    const full = Array.from({ length: limits.mutationsMax }, () => 1)
    const script = new Script(
      batch(10, 11, records(10, 1)),
      undefined,
      batch(11, 1_011, records(11, ...full)),
      batch(1_011, 1_012, records(1_011, 1)),
    )
    const startedMs = clock.monotonicMs()
    const moved = async () => void readAtMs.push(clock.monotonicMs() - startedMs)
    await clock.until(script.run(checkpoint(10), { clock, lingerMs: 700, moved }))
    expect(steps(script)).toHaveLength(3)
    // Nothing comes, so nothing is waited for; behind the last one the partition is lost.
    expect(readAtMs).toEqual([0, 700, 700, 700, 1_400])
  })

  test('waits the less the longer a commit takes', async () => {
    const clock = new ManualClock()
    const startsMs: number[] = []
    const script = new Script(
      batch(10, 11, records(10, 1)),
      batch(11, 12, records(11, 1)),
      batch(12, 13, records(12, 1)),
    )
    const moved = async () => {
      startsMs.push(clock.monotonicMs() - startedMs)
      await clock.sleep(startsMs.length === 1 ? 300 : 900)
    }
    const startedMs = clock.monotonicMs()
    await clock.until(script.run(checkpoint(10), { clock, lingerMs: 700, moved }))
    expect(startsMs.slice(0, 3)).toEqual([0, 700, 1_600])
  })

  test('ends its wait when the partition is lost', async () => {
    const clock = new ManualClock()
    const script = new Script(batch(10, 11, records(10, 1)), batch(11, 12, records(11, 1)))
    const moved = async () => script.lost.abort()
    const startedMs = clock.monotonicMs()
    await clock.until(script.run(checkpoint(10), { clock, lingerMs: 700, moved }))
    expect(clock.monotonicMs()).toBe(startedMs)
    expect(steps(script)).toEqual([[10, 11, 1]])
  })

  test('moves over control records alone', async () => {
    const script = new Script(batch(10, 12))
    await script.run()
    expect(steps(script)).toEqual([[10, 12, 0]])
  })

  test('drops what was fetched elsewhere, and seeks back', async () => {
    const script = new Script(
      batch(11, 12, records(11, 1)),
      batch(9, 11, records(9, 1, 2)),
      batch(10, 11, records(10, 3)),
    )
    await script.run()
    expect(script.seeks).toEqual([10n, 10n, 10n])
    expect(steps(script)).toEqual([[10, 11, 1]])
    expect(script.overtaken).toEqual([[10n, 11n]])
  })

  test('ends at a conflict, and tells nobody that it moved', async () => {
    const script = new Script(batch(10, 11, records(10, 1)), batch(11, 12, records(11, 2)))
    script.results = [{ kind: 'conflict', found: undefined }]
    await script.run()
    expect(steps(script)).toEqual([[10, 11, 1]])
    expect(script.noted).toEqual([])
    expect(script.moved).toEqual([])
    expect(script.refused).toEqual([10n])
    expect(script.next).toHaveLength(1)
  })

  test('ends when the epoch is another one', async () => {
    const script = new Script(batch(10, 11, records(10, 1)))
    script.current = false
    await script.run()
    expect(script.waits).toEqual([])
    expect(script.commits).toEqual([])
  })

  test('ends where nothing comes and the store stands elsewhere', async () => {
    const script = new Script(undefined, undefined, batch(10, 11, records(10, 1)))
    script.stands = [true, false]
    await script.run()
    expect(script.moved).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect(script.commits).toEqual([])
    expect(script.next).toHaveLength(1)
  })

  test('asks of the checkpoint that it has reached whether the store stands there', async () => {
    const asked: unknown[] = []
    const script = new Script(batch(10, 11, records(10, 1)), undefined)
    await script.run(undefined, {
      standsAt: async ({ next }) => {
        asked.push(next)
        return false
      },
    })
    expect(asked).toEqual([11n])
  })

  test('commits nothing more once the partition is lost', async () => {
    const script = new Script(batch(10, 11, records(10, 1)))
    await script.run(undefined, { refuseOvertaken: () => script.lost.abort() })
    expect(script.commits).toEqual([])
    const lost = new Script(batch(10, 11, records(10, 1)))
    lost.lost.abort()
    await lost.run()
    expect(lost.waits).toEqual([])
  })

  test('lets a failed fetch, a store that is away and an overtaken log through', async () => {
    const failed = new MillraceError('fetch-failed', 'x')
    const script = new Script(batch(10, 11, records(10, 1)), failed)
    await expect(script.run()).rejects.toBe(failed)
    expect(steps(script)).toEqual([[10, 11, 1]])

    const away = new MillraceError('store-away', 'x')
    const writing = new Script(batch(10, 11, records(10, 1)))
    writing.results = [away]
    await expect(writing.run()).rejects.toBe(away)
    expect(writing.moved).toEqual([])

    const late = new MillraceError('compaction-overtaken', 'x')
    const overtaken = new Script(batch(10, 11, records(10, 1)))
    const refuseOvertaken = () => {
      throw late
    }
    await expect(overtaken.run(undefined, { refuseOvertaken })).rejects.toBe(late)
    expect(overtaken.commits).toEqual([])
  })

  test('forgets identities below the window of each commit', async () => {
    const barrier = aBarrier('0/8', 0, {
      from: offsets({ 't.public.books/1': 11 }),
      ends: offsets({ 't.public.books/1': 12 }),
    })
    const script = new Script(batch(10, 12, records(10, 1, 2)))
    await script.run(undefined, { barriers: () => [barrier] })
    expect(script.identities.size).toBe(1)
    expect(script.identities.admit(identityOf(book(2, 1)), at(20))).toBe(false)
  })
})

describe('a batch that is too large for one step', () => {
  const most = limits.mutationsMax
  const large = () =>
    Array.from({ length: most + 2 }, (_, index) =>
      recordOf(10 + index, changed(book(index, index))),
    )

  test('is committed in as many as it takes', async () => {
    const script = new Script(batch(10, 20 + most, large()))
    await script.run()
    expect(steps(script)).toEqual([
      [10, 10 + most, most],
      [10 + most, 20 + most, 2],
    ])
    expect(script.noted).toEqual([at(10 + most), at(20 + most)])
    expect(script.moved.slice(0, 2)).toEqual([
      [at(10 + most), applied],
      [at(20 + most), applied],
    ])
  })

  test('meets each record in one of them', async () => {
    const many = Array.from({ length: 2 * most + 2 }, (_, index) => changed(book(index, index)))
    const undecodable = { kind: 'undecodable', reason: 'x' } as const
    const script = new Script(batch(10, 13 + 2 * most, records(10, undecodable, ...many)))
    await script.run()
    expect(script.commits.map(({ mutations }) => mutations.length)).toEqual([most, most, 2])
    expect(script.commits.map(({ parked }) => parked.length)).toEqual([1, 0, 0])
    const entries = script.commits.flatMap(({ mutations }) => mutations.map(({ entry }) => entry))
    expect(entries).toEqual(many.map((_, index) => String(index)))
    expect(script.commits.at(-1)!.to.next).toBe(at(13 + 2 * most))
  })

  test('is given up in its middle where the store conflicts', async () => {
    const script = new Script(batch(10, 20 + most, large()))
    script.results = [applied, { kind: 'conflict', found: undefined }]
    await script.run()
    expect(script.commits).toHaveLength(2)
    expect(script.noted).toEqual([at(10 + most)])
  })
})

describe('a record that stops the partition', () => {
  const gone = new MillraceError('column-gone', 'column author is gone')

  test('does so after all that stands before it was committed', async () => {
    const script = new Script(batch(10, 20, records(10, 1, 2, gone, 3)))
    await expect(script.run()).rejects.toBe(gone)
    expect(steps(script)).toEqual([[10, 12, 2]])
    expect(script.passed).toEqual(['column-gone'])
  })

  test('right at the checkpoint leaves nothing to commit', async () => {
    const script = new Script(batch(10, 20, records(10, gone, 1)))
    await expect(script.run()).rejects.toBe(gone)
    expect(script.commits).toEqual([])
  })

  test('is reached over control records', async () => {
    const script = new Script(batch(10, 20, records(12, gone)))
    await expect(script.run()).rejects.toBe(gone)
    expect(steps(script)).toEqual([[10, 12, 0]])
  })

  test('is passed with a doubt once what it names is mended', async () => {
    const script = new Script(batch(10, 13, records(10, 1, gone, 2)))
    script.mayPass = true
    await script.run()
    expect(steps(script)).toEqual([[10, 13, 2]])
    expect(script.commits[0]!.doubts).toMatchObject([
      { code: 'unusable-change', reason: 't.public.books/1 offset 11: column author is gone' },
    ])
  })

  test('is not asked for where it is a bug', async () => {
    const bug = new TypeError('a bug')
    const script = new Script(batch(10, 13, records(10, 1, bug, 2)))
    script.mayPass = true
    await expect(script.run()).rejects.toBe(bug)
    expect(steps(script)).toEqual([[10, 11, 1]])
    expect(script.passed).toEqual([])
  })

  test('may be one that is decoded later', async () => {
    const soon = Promise.resolve(changed(book(1, 1)))
    const away = Promise.reject<Decoded>(new MillraceError('registry-unavailable', 'x'))
    away.catch(() => undefined)
    const script = new Script(batch(10, 12, [recordOf(10, soon), recordOf(11, away)]))
    await expect(script.run()).rejects.toMatchObject({ code: 'registry-unavailable' })
    expect(steps(script)).toEqual([[10, 11, 1]])
  })
})

test('a parked record is parked at the present time, its key schema noted', async () => {
  const clock = new ManualClock()
  const bytes = [
    recordOf(10, { kind: 'undecodable', reason: 'x' }),
    recordOf(11, changed(book(1, 1))),
  ]
  const script = new Script(batch(10, 12, bytes))
  await script.run(undefined, { clock })
  expect(script.commits[0]!.parked).toMatchObject([{ parkedAtMs: clock.wallMs(), reason: 'x' }])
  expect(script.commits[0]!.to.keySchema).toBe('k'.charCodeAt(0))
})
