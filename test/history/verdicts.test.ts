import type { Violation } from './checker.ts'
import { Excuses } from './excuses.ts'
import { Outages } from './outages.ts'
import { auditPlants, slowestHealMs } from './plant-audit.ts'
import { Plants } from './plants.ts'
import { Verdicts, type Statistics } from './verdicts.ts'

const amount = { kind: 'amount', count: 'likeCount', amount: 5_000_000n } as const

describe('verdicts of looks', () => {
  let violations: Violation[]
  let plants: Plants
  let excuses: Excuses
  let verdicts: Verdicts

  beforeEach(() => {
    violations = []
    plants = new Plants()
    excuses = new Excuses({ noticeMs: 1_000 })
    const violated = (violation: Violation) => void violations.push(violation)
    verdicts = new Verdicts({ plants, excuses, violated })
  })

  const wrong = (key: string, atMs: number) => ({
    key,
    field: 'like-count',
    expected: '1',
    found: '5000001',
    atMs,
  })
  const statistics = (given: Partial<Statistics>): Statistics => ({
    looks: 1,
    entries: 100,
    wrong: 0,
    healed: 0,
    latest: [],
    ...given,
  })

  test('one about a planted error is what it is for', () => {
    const plant = plants.add({ user: '7', error: amount, beganMs: 50_000 })
    verdicts.take(statistics({ wrong: 1, latest: [wrong('7', 51_000)] }))
    expect(violations).toEqual([])
    expect([verdicts.planted, plant.reportedMs]).toEqual([1, 51_000])
  })

  test('one about an entry that nobody spoiled is false', () => {
    plants.add({ user: '7', error: amount, beganMs: 50_000 })
    verdicts.take(statistics({ wrong: 1, latest: [wrong('8', 51_000)] }))
    expect(violations.map(({ kind }) => kind)).toEqual(['false-verdict'])
  })

  test('one about an error that was healed long before is false', () => {
    plants.add({ user: '7', error: amount, beganMs: 50_000 }).endedMs = 60_000
    verdicts.take(statistics({ wrong: 1, latest: [wrong('7', 80_000)] }))
    expect(violations.map(({ kind }) => kind)).toEqual(['false-verdict'])
  })

  test('the same verdict is counted once, however often it is read', () => {
    plants.add({ user: '7', error: amount, beganMs: 50_000 })
    const read = statistics({ wrong: 1, latest: [wrong('7', 51_000)] })
    verdicts.take(read)
    verdicts.take({ ...read, looks: 2 })
    expect([verdicts.planted, verdicts.looks]).toEqual([1, 2])
  })

  test('what was counted and not listed is false as well', () => {
    verdicts.take(statistics({}))
    verdicts.take(statistics({ looks: 2, wrong: 3 }))
    expect(violations.map(({ text }) => text)).toEqual([
      '3 entries were counted as wrong and are not listed',
    ])
  })

  test('a blind fault explains any', () => {
    const blind = {
      kind: 'truncate',
      tables: ['likes'],
      codes: [],
      from: 1n,
      beganMs: 50_000,
    } as const
    excuses.begin(blind)
    verdicts.take(statistics({ wrong: 40, latest: [wrong('8', 51_000)] }))
    expect(violations).toEqual([])
    expect(verdicts.blind).toBe(40)
  })

  test('a view that was begun anew counts from nothing', () => {
    plants.add({ user: '7', error: amount, beganMs: 50_000 })
    verdicts.take(statistics({ looks: 9, wrong: 1, latest: [wrong('7', 51_000)] }))
    verdicts.forget()
    verdicts.take(statistics({ looks: 20, wrong: 0 }))
    expect([verdicts.looks, violations]).toEqual([29, []])
  })

  test('one that was begun anew unseen is known by fewer looks', () => {
    verdicts.take(statistics({ looks: 9, entries: 900 }))
    verdicts.take(statistics({ looks: 2, entries: 200 }))
    expect([verdicts.looks, verdicts.entries]).toEqual([11, 1_100])
  })
})

describe('planted errors at the end', () => {
  test('each has to be healed, and the slowest tells, but those that the store lost', () => {
    const plants = new Plants()
    plants.add({ user: '1', error: amount, beganMs: 0 }).endedMs = 1_000
    const lost = plants.add({ user: '2', error: amount, beganMs: 0 })
    lost.endedMs = 9_000
    lost.lostBy = 'a flush of the store'
    expect(auditPlants(plants)).toEqual([])
    expect(slowestHealMs(plants)).toBe(1_000)
    plants.add({ user: '3', error: amount, beganMs: 0 })
    expect(auditPlants(plants)).toEqual(['planted amount of 3 was never healed'])
  })
})

describe('refused reads', () => {
  let outages: Outages
  beforeEach(() => (outages = new Outages({ graceMs: 100 })))
  const at = (beganMs: number, endedMs = beganMs + 1) => ({ beganMs, endedMs })

  test('are as they should be while the store is away, and shortly after', () => {
    outages.begin('store', 1_000).end(2_000)
    expect(outages.explains('store-unavailable', at(900))).toBe(false)
    expect(outages.explains('store-unavailable', at(1_500))).toBe(true)
    expect(outages.explains('store-unavailable', at(2_050))).toBe(true)
    expect(outages.explains('store-unavailable', at(2_150))).toBe(false)
  })

  test('a view that is not complete is nothing that a store which was away explains', () => {
    outages.begin('store', 1_000)
    expect(outages.explains('view-not-serving', at(1_500))).toBe(false)
    expect(outages.explains('unreachable', at(1_500))).toBe(false)
  })

  test('after a flush the view may be away until it has served once, and not again', () => {
    outages.begin('view', 1_000)
    expect(outages.explains('view-not-serving', at(90_000))).toBe(true)
    outages.served(91_000, 91_001)
    expect(outages.viewIsLost).toBe(false)
    expect(outages.explains('view-not-serving', at(91_500))).toBe(false)
  })

  test('an answer that was asked before the flush tells nothing', () => {
    outages.begin('view', 1_000)
    outages.served(999, 1_001)
    expect(outages.viewIsLost).toBe(true)
  })
})
