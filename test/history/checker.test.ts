import { Checker, lsnOf, lsnText, type Read, type Violation } from './checker.ts'
import type { ComponentChange, RowState } from './components.ts'
import { Excuses } from './excuses.ts'
import { Histories } from './histories.ts'
import { Plants } from './plants.ts'

/** A row of which only the username tells. */
function named(username: string, name: string | null = null): RowState {
  return [username, name, null, null, null, '2020-01-01T00:00:00.000000Z', null, null]
}

const noCounts = { tweetCount: 0n, followingCount: 0n, followerCount: 0n, likeCount: 0n }

function put(state: RowState | null, user = '7'): ComponentChange {
  return { kind: 'row', user, state }
}

function like(tweet: string, amount: 1 | -1): ComponentChange {
  return { kind: 'count', user: '7', count: 'likeCount', row: `7/${tweet}`, amount }
}

type Log = readonly (readonly [lsn: bigint, ...changes: ComponentChange[]])[]

class Bench {
  readonly histories = new Histories()
  readonly excuses = new Excuses({ noticeMs: 1_000 })
  readonly plants = new Plants()
  readonly violations: Violation[] = []
  readonly checker: Checker

  constructor(log: Log = []) {
    const { histories, excuses, plants } = this
    const violated = (violation: Violation) => void this.violations.push(violation)
    this.checker = new Checker({ histories, excuses, plants, violated })
    for (const [lsn, ...changes] of log) for (const each of changes) histories.add(lsn, each)
  }

  /** Kinds of the violations of a read that is answered and judged at once. */
  judged(read: Partial<Read>, ceiling = 1_000n): readonly Violation['kind'][] {
    const whole: Read = {
      where: 'api',
      user: '7',
      watermark: 0n,
      doubts: [],
      row: null,
      counts: noCounts,
      beganMs: 10_000,
      endedMs: 10_001,
      ...read,
    }
    this.checker.answered(whole, 0n)
    this.checker.judge(whole, ceiling)
    return this.violations.splice(0).map(({ kind }) => kind)
  }
}

describe('rows that readers see', () => {
  const log: Log = [
    [100n, put(named('a'))],
    [200n, put(named('b'))],
    [300n, put(null)],
    [400n, put(named('c'))],
  ]

  test('the last state below the watermark and every later one are right', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 250n, row: named('b') })).toEqual([])
    expect(bench.judged({ watermark: 250n, row: null })).toEqual([])
    expect(bench.judged({ watermark: 250n, row: named('c') })).toEqual([])
  })

  test('a commit at the watermark itself is not covered by it', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 200n, row: named('a') })).toEqual([])
    expect(bench.judged({ watermark: 201n, row: named('a') })).toEqual(['behind-its-watermark'])
  })

  test('a state from before the watermark is behind it', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 450n, row: named('b') })).toEqual(['behind-its-watermark'])
    expect(bench.judged({ watermark: 450n, row: null })).toEqual(['behind-its-watermark'])
  })

  test('a value that was never committed is told apart from an old one', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 250n, row: named('x') })).toEqual(['never-committed'])
  })

  test('fields of two states do not make a state', () => {
    const bench = new Bench([
      [100n, put(named('a', 'A'))],
      [200n, put(named('b', 'B'))],
    ])
    expect(bench.judged({ watermark: 50n, row: named('b', 'A') })).toEqual(['never-committed'])
  })

  test('what was committed after the answer can not be in it', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 250n, row: named('c') }, 350n)).toEqual(['never-committed'])
  })

  test('an entry of a user who never was is a violation', () => {
    expect(new Bench().judged({ row: named('a') })).toEqual(['never-committed'])
  })
})

describe('counters that readers see', () => {
  const counted = (likeCount: bigint) => ({ ...noCounts, likeCount })
  const log: Log = [
    [100n, like('1', 1), like('2', 1)],
    [200n, like('3', 1)],
    [300n, like('1', -1)],
    [400n, like('1', 1)],
  ]

  test('a count between what may be missing and what may be ahead is right', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 150n, counts: counted(2n) })).toEqual([])
    expect(bench.judged({ watermark: 150n, counts: counted(3n) })).toEqual([])
    // The partition of row 3 may be behind the one of row 1.
    expect(bench.judged({ watermark: 150n, counts: counted(1n) })).toEqual([])
  })

  test('a change counted twice, lost or never made is seen where nothing else is open', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 500n, counts: counted(3n) })).toEqual([])
    expect(bench.judged({ watermark: 500n, counts: counted(4n) })).toEqual(['behind-its-watermark'])
    expect(bench.judged({ watermark: 500n, counts: counted(2n) })).toEqual(['behind-its-watermark'])
  })

  test('a row that left and came back does not widen what may be ahead', () => {
    const bench = new Bench(log)
    expect(bench.judged({ watermark: 250n, counts: counted(4n) })).toEqual(['behind-its-watermark'])
    expect(bench.judged({ watermark: 250n, counts: counted(2n) })).toEqual([])
  })

  test('a row that left twice was away but once', () => {
    const bench = new Bench([...log, [500n, like('1', -1)]])
    expect(bench.judged({ watermark: 250n, counts: counted(2n) })).toEqual([])
    expect(bench.judged({ watermark: 250n, counts: counted(1n) })).toEqual(['behind-its-watermark'])
  })

  test('each counter is judged by itself', () => {
    const bench = new Bench(log)
    const counts = { ...noCounts, likeCount: 3n, tweetCount: 1n }
    expect(bench.judged({ watermark: 500n, counts })).toEqual(['behind-its-watermark'])
  })
})

describe('watermarks that readers see', () => {
  const read = (watermark: bigint): Read => ({
    where: 'redis',
    user: '7',
    watermark,
    doubts: [],
    row: null,
    counts: noCounts,
    beganMs: 1,
    endedMs: 2,
  })

  test('one below that of a read that had ended before is a violation', () => {
    const { checker, violations } = new Bench()
    checker.answered(read(100n), checker.watermark)
    const floor = checker.watermark
    checker.answered(read(99n), floor)
    expect(violations.map(({ kind }) => kind)).toEqual(['watermark-fell'])
  })

  test('one below that of a read which was under way is none', () => {
    const { checker, violations } = new Bench()
    const floor = checker.watermark
    checker.answered(read(100n), floor)
    checker.answered(read(99n), floor)
    expect(violations).toEqual([])
  })
})

describe('what excuses a wrong entry', () => {
  const log: Log = [[100n, put(named('a'))]]
  const wrong = { watermark: 500n, row: named('x') }
  const blind = {
    kind: 'truncate',
    tables: ['users'],
    codes: ['table-rewritten'],
    from: 150n,
    beganMs: 5_000,
  } as const

  test('a blind fault, with the doubt that was told', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    expect(bench.judged({ ...wrong, doubts: ['table-rewritten'] })).toEqual([])
    expect(bench.checker.tally.doubted).toBe(1)
  })

  test('not a doubt without a fault that it could be about', () => {
    const bench = new Bench(log)
    expect(bench.judged({ ...wrong, doubts: ['below-zero'] })).toEqual(['never-committed'])
  })

  test('a blind fault that is not noticed yet, of its own tables alone', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    expect(bench.judged(wrong)).toEqual([])
    expect(bench.checker.tally.unnoticed).toBe(1)
    const counts = { ...noCounts, likeCount: 1n }
    expect(bench.judged({ watermark: 500n, row: named('a'), counts })).toEqual([
      'behind-its-watermark',
    ])
  })

  test('not a blind fault whose doubt has come and gone', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    const flagged = { ...wrong, doubts: ['table-rewritten'] }
    expect(bench.judged(flagged)).toEqual([])
    const cured = { watermark: 500n, row: named('a'), beganMs: 10_100, endedMs: 10_101 }
    expect(bench.judged(cured)).toEqual([])
    expect(bench.excuses.open).toBe(false)
    const late = { ...wrong, beganMs: 10_200, endedMs: 10_201 }
    expect(bench.judged(late)).toEqual(['never-committed'])
  })

  test('a blind fault whose doubt stands still', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    const flagged = { ...wrong, doubts: ['table-rewritten'] }
    for (const beganMs of [10_000, 10_100, 15_000]) {
      expect(bench.judged({ ...flagged, beganMs, endedMs: beganMs + 1 })).toEqual([])
    }
    expect(bench.excuses.open).toBe(true)
  })

  test('a blind fault that is not over yet, or that the watermark has not passed', () => {
    const bench = new Bench(log)
    const fault = bench.excuses.begin(blind)
    const flagged = { ...wrong, doubts: ['table-rewritten'] }
    const after = (watermark: bigint, beganMs: number) => {
      expect(bench.judged({ ...wrong, watermark, beganMs, endedMs: beganMs + 1 })).toEqual([])
    }
    expect(bench.judged(flagged)).toEqual([])
    after(500n, 10_100)
    fault.end(600n)
    after(600n, 10_200)
    expect(bench.excuses.open).toBe(true)
  })

  test('not a blind fault that nobody noticed for too long', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    expect(bench.judged(wrong)).toEqual([])
    const late = { ...wrong, beganMs: 11_500, endedMs: 11_501 }
    expect(bench.judged(late)).toEqual(['never-committed'])
  })

  test('not a doubt of something else that was there before', () => {
    const bench = new Bench(log)
    bench.excuses.begin(blind).end(160n)
    expect(bench.judged({ ...wrong, doubts: ['below-zero'] })).toEqual([])
    const between = { watermark: 500n, row: named('a'), beganMs: 10_100, endedMs: 10_101 }
    expect(bench.judged(between)).toEqual([])
    expect(bench.excuses.open).toBe(true)
  })
})

describe('planted errors', () => {
  const log: Log = [[100n, put(named('a', 'A')), like('1', 1)]]
  const right = { watermark: 500n, row: named('a', 'A'), counts: { ...noCounts, likeCount: 1n } }

  test('an amount is allowed for, and nothing beside it', () => {
    const bench = new Bench(log)
    const error = { kind: 'amount', count: 'likeCount', amount: 5_000_000n } as const
    const plant = bench.plants.add({ user: '7', error, beganMs: 9_000 })
    const counts = (likeCount: bigint) => ({ ...right, counts: { ...noCounts, likeCount } })
    expect(bench.judged(counts(5_000_001n))).toEqual([])
    expect(bench.judged(counts(1n))).toEqual([])
    expect(bench.judged(counts(5_000_002n))).toEqual(['behind-its-watermark'])
    const other = { ...noCounts, likeCount: 1n, tweetCount: 5_000_000n }
    expect(bench.judged({ ...right, counts: other })).toEqual(['behind-its-watermark'])
    plant.endedMs = 9_500
    expect(bench.judged(counts(5_000_001n))).toEqual(['behind-its-watermark'])
  })

  test('an amount below zero reads as 0 in the API, and as it is in Redis', () => {
    const bench = new Bench(log)
    const error = { kind: 'amount', count: 'likeCount', amount: -5_000_000n } as const
    bench.plants.add({ user: '7', error, beganMs: 9_000 })
    const read = (where: 'api' | 'redis', likeCount: bigint) =>
      bench.judged({ ...right, where, counts: { ...noCounts, likeCount } })
    expect(read('api', 0n)).toEqual([])
    expect(read('redis', -4_999_999n)).toEqual([])
    expect(read('redis', 0n)).toEqual(['behind-its-watermark'])
  })

  test('a text is allowed for in its field alone', () => {
    const bench = new Bench(log)
    const error = { kind: 'text', text: 'planted' } as const
    bench.plants.add({ user: '7', error, beganMs: 9_000 })
    expect(bench.judged({ ...right, row: named('a', 'planted') })).toEqual([])
    expect(bench.judged({ ...right, row: named('b', 'planted') })).toEqual(['never-committed'])
    expect(bench.judged({ ...right, row: named('a', 'other') })).toEqual(['never-committed'])
  })

  test('a deleted hash excuses its own user alone', () => {
    const bench = new Bench(log)
    bench.plants.add({ user: '7', error: { kind: 'gone' }, beganMs: 9_000 })
    expect(bench.judged({ ...right, row: null, counts: noCounts })).toEqual([])
    expect(bench.judged({ ...right, user: '8' })).toEqual([
      'never-committed',
      'behind-its-watermark',
    ])
  })
})

describe('LSNs', () => {
  test('are read and written as Postgres does', () => {
    expect(lsnOf('16/B374D848')).toBe(0x16_b374_d848n)
    expect(lsnText(0x16_0000_00ffn)).toBe('16/FF')
    expect(() => lsnOf('16')).toThrow('no LSN')
  })
})

describe('whether an entry is whole again', () => {
  const log: Log = [
    [100n, put(named('a')), like('1', 1)],
    [200n, like('2', 1)],
  ]
  const read: Read = {
    where: 'redis',
    user: '7',
    watermark: 150n,
    doubts: [],
    row: named('a'),
    counts: { ...noCounts, likeCount: 1n },
    beganMs: 1,
    endedMs: 2,
  }

  test('is told only where the watermark allows but one answer', () => {
    const { checker } = new Bench(log)
    expect(checker.isExact(read, 200n)).toBe(true)
    expect(checker.isExact(read, 300n)).toBe(false)
    expect(checker.isExact({ ...read, row: null }, 200n)).toBe(false)
    expect(checker.isExact({ ...read, watermark: 50n }, 200n)).toBe(false)
    expect(checker.isExact({ ...read, counts: noCounts }, 200n)).toBe(false)
  })

  test('is not told while its row may be one of two', () => {
    const { checker } = new Bench([...log, [300n, put(named('b'))]])
    const late = { ...read, watermark: 250n, counts: { ...noCounts, likeCount: 2n } }
    expect(checker.isExact(late, 290n)).toBe(true)
    expect(checker.isExact(late, 310n)).toBe(false)
  })
})
