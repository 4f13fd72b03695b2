import { MillraceError } from '../../src/errors.ts'
import { encodeView } from '../../src/view/declarations.ts'
import { decodePass, encodePass, newLap, type PassState } from '../../src/reconcile/pass-state.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { noStatistics } from '../../src/reconcile/statistics.ts'
import { Turn, type TurnOptions } from '../../src/reconcile/turn.ts'
import { limits } from '../../src/store/limits.ts'
import type { StandingDoubt } from '../../src/store/state.ts'
import { library } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aDoubt, offsets } from '../store/store-fixture.ts'
import { all } from '../coordinate/coordination-fixture.ts'
import { books, but, Compared, held } from './look-fixture.ts'

let world: Compared

beforeEach(async () => {
  world = new Compared()
  await world.start()
})

async function turn(given: Partial<Plan> = {}, options: Partial<TurnOptions> = {}): Promise<void> {
  const { log } = world.recorded
  const steady = { rowsPerSecond: 1_000, shareMax: 0.5 }
  const state = (await world.watch.ask())!
  const every = { log, steady, fullPaceDailyMs: 60_000, ...options }
  await world.clock.until(new Turn(every, world.plan(given), state).run(world.signal))
}

async function pass(): Promise<PassState> {
  return decodePass((await world.state()).pass)!
}

/** The pass as somebody has left it. */
function left(given: Partial<PassState>): void {
  const state = world.data.state!
  const lap = newLap(decodePass(state.pass), given.kind ?? 'steady', state, world.clock.wallMs())
  world.data.state = { ...state, pass: encodePass({ ...lap, ...given }) }
}

const anchored = { anchor: { number: 1, from: all(10) }, since: '150' }

/** The only doubt that stands. */
async function raised(given: Partial<StandingDoubt> = {}): Promise<StandingDoubt> {
  return (await world.raise(aDoubt('x', given))).doubts.at(-1)!
}

function rows(count: number, from = 1): void {
  for (let key = from; key < from + count; key += 1) world.both(String(key), held('Ada'))
}

/** Not yet complete, as a view that was begun just now. */
function unfinished(): void {
  const { declarations, ...rest } = world.data.state!
  const open = declarations.map((each) => ({ ...each, complete: false }))
  world.data.state = { ...rest, declarations: open }
}

describe('a lap', () => {
  test('compares the keys of the source, and then those that the store has', async () => {
    rows(2)
    world.keep('7', held('Eve', 2n))
    await turn()
    expect(await pass()).toMatchObject({
      lap: 1,
      kind: 'steady',
      section: 'store',
      after: null,
      since: '150',
      anchor: { number: 1, from: all(10) },
      entries: 2,
      statistics: { looks: 1, entries: 2, wrong: 0 },
    })
    expect(world.data.entries.has('7')).toBe(true)
    world.pages.length = 0
    await turn()
    expect(world.unsettled).toMatchObject([{ keys: ['1', '2', '7'], since: 150n }])
    expect(world.pages[0]).toEqual({ kind: 'keys', keys: ['7'] })
    expect([...world.data.entries.keys()]).toEqual(['1', '2'])
    expect(await pass()).toMatchObject({
      lap: 2,
      kind: 'steady',
      section: 'rows',
      after: null,
      entries: 0,
      ended: { kind: 'steady', entries: 3, unproved: [] },
      statistics: { looks: 2, entries: 3, wrong: 1, healed: 1 },
    })
  })

  test('tells when it ended, and how long it took', async () => {
    const beganMs = world.clock.wallMs()
    await turn()
    await world.clock.advance(1_234)
    await turn()
    const { ended, startedAtMs } = await pass()
    expect(ended).toMatchObject({ atMs: startedAtMs, tookMs: startedAtMs - beganMs })
    expect(ended!.tookMs).toBeGreaterThanOrEqual(1_234)
    expect(world.recorded.lines).toMatchObject([
      { level: 'debug', msg: 'every entry was compared', lap: 1, kind: 'steady', entries: 0 },
    ])
  })

  test('took no time at all where the clock was set back', async () => {
    await turn()
    world.clock.setWall(-3_600_000)
    await turn()
    expect((await pass()).ended).toMatchObject({ tookMs: 0 })
  })

  test('goes on from where it was left', async () => {
    rows(4)
    left({ ...anchored, after: '2', entries: 2, lap: 3 })
    await turn()
    expect(world.pages).toEqual([{ kind: 'range', after: '2', keysMax: 1_000 }])
    expect(await pass()).toMatchObject({ lap: 3, section: 'store', after: null, entries: 4 })
  })

  test('stands behind its first look, whatever later ones stand behind', async () => {
    left({ anchor: { number: 0, from: all(3) }, since: '120', after: '2' })
    await turn()
    expect(await pass()).toMatchObject({ anchor: { number: 0, from: all(3) }, since: '120' })
  })

  test('stands behind a barrier before which nobody began who was still at it', async () => {
    for (const [number, offset] of [
      [3, 10],
      [4, 10],
    ] as const) {
      await world.publish(world.barrier(number, offset, { from: all(number) }))
    }
    world.snapshot = '150:350:150'
    world.horizon = '350'
    await turn()
    expect((await pass()).anchor).toEqual({ number: 1, from: all(3) })
  })

  test('stands behind no barrier where somebody is older than all of them', async () => {
    world.snapshot = '90:150:90'
    world.horizon = '150'
    await turn()
    expect((await pass()).anchor).toEqual({ number: 0, from: all(10) })
  })

  test('corrects what is wrong, and says so without showing personal data', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Eve', 7n))
    await turn()
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    const hash = expect.stringMatching(/^sha256:/)
    expect(world.recorded.lines).toMatchObject([
      { level: 'error', key: '1', field: 'bookCount', expected: '5', found: '7', healed: true },
      { level: 'error', key: '1', field: 'name', expected: hash, found: hash, healed: true },
    ])
    expect((await pass()).statistics).toMatchObject({ wrong: 1, healed: 1 })
  })

  test('remembers the tables of which something could not be told', async () => {
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
    left({ ...anchored, after: '1', unproved: ['prizes', 'books'] })
    await turn()
    expect((await pass()).unproved).toEqual(['prizes', 'books'])
  })

  test('ends between two pages when something new is doubted', async () => {
    rows(3_000)
    const known = await raised({ barrier: 99, code: 'source-unfit' })
    world.beforeTruth = async (_, asked) => {
      if (asked === 1) await raised({ name: 'y' })
    }
    await turn()
    const { after, entries, section } = await pass()
    expect(section).toBe('rows')
    expect(Number(after)).toBe(entries)
    expect(entries).toBeLessThan(3_000)
    expect((await world.state()).doubts.map(({ id }) => id)).toContain(known.id)
  })

  test('goes on from page to page while nothing new is doubted', async () => {
    rows(3_000)
    await raised({ code: 'source-unfit' })
    await turn()
    expect(await pass()).toMatchObject({ section: 'store', entries: 3_000 })
  })

  test('goes on however long it takes', async () => {
    rows(15_000)
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(await pass()).toMatchObject({ section: 'store', entries: 15_000 })
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThan(12_000)
  })

  test('ends between two pages where the view is not known any more', async () => {
    rows(3_000)
    const { audit } = world.plan()
    const progress: Plan['audit']['progress'] = async (step) => {
      const done = await audit.progress(step)
      const { state } = world.data
      world.data.state = undefined
      await world.watch.ask()
      world.data.state = state
      return done
    }
    const look: Plan['audit']['look'] = (question) => audit.look(question)
    await turn({ audit: { ...audit, look, progress } })
    expect(await pass()).toMatchObject({ section: 'rows', entries: 1_000 })
  })

  test('leaves no ticket but where it corrects', async () => {
    rows(2)
    await turn()
    expect(world.data.tickets.size).toBe(0)
  })

  test('is void when another process goes on with it', async () => {
    world.beforeTruth = () => left({ lap: 9 })
    await expect(turn()).rejects.toMatchObject({
      code: 'look-void',
      message: 'another process compares the view, or it has begun anew',
    })
    expect(await pass()).toMatchObject({ lap: 9 })
  })
})

describe('keys of the store', () => {
  const atStore = (given: Partial<PassState> = {}) =>
    left({ ...anchored, section: 'store', entries: 5, ...given })

  test('are gone through page by page', async () => {
    rows(limits.scanPageKeys + 3)
    for (const key of ['5', '6', '999']) world.rows.delete(key)
    atStore()
    const passes: (string | null)[] = []
    const { audit } = world.plan()
    const noting: Plan['audit'] = {
      look: (question) => audit.look(question),
      correct: (step) => audit.correct(step),
      scan: (cursor) => audit.scan(cursor),
      sweep: (epoch, keys, fields) => audit.sweep(epoch, keys, fields),
      progress: (step) => {
        passes.push(decodePass(step.after)!.after)
        return audit.progress(step)
      },
    }
    await turn({ audit: noting })
    expect(passes).toEqual(['996', null])
    expect(await pass()).toMatchObject({ lap: 2, ended: { entries: 8 } })
    expect(world.data.entries.has('999')).toBe(false)
  })

  test('are gone through from where they were left', async () => {
    rows(3)
    atStore({ after: '2' })
    await turn()
    expect(world.unsettled.map(({ keys }) => keys)).toEqual([['3']])
  })

  test('are gone through again where the store has lost the cursor', async () => {
    atStore({ after: '2' })
    const { audit } = world.plan()
    const scan = () => Promise.reject(new MillraceError('scan-lost', 'another server'))
    await turn({ audit: { ...audit, scan, progress: (step) => audit.progress(step) } })
    expect(await pass()).toMatchObject({ lap: 1, section: 'store', after: null, entries: 5 })
  })

  test('are looked at a thousand at once', async () => {
    for (let key = 0; key < limits.scanPageKeys; key += 1) world.keep(`${key}`, held('Eve'))
    atStore()
    const { audit } = world.plan()
    const twice: Plan['audit'] = {
      look: (question) => audit.look(question),
      correct: (step) => audit.correct(step),
      scan: async () => ({ keys: [...world.data.entries.keys(), 'x'], cursor: undefined }),
      sweep: (epoch, keys, fields) => audit.sweep(epoch, keys, fields),
      progress: (step) => audit.progress(step),
    }
    await turn({ audit: twice })
    const asked = world.pages.flatMap((page) => (page.kind === 'keys' ? [page.keys.length] : []))
    expect(asked).toEqual([1_000, 1_000, 1])
    expect(await pass()).toMatchObject({
      ended: { entries: 1_006 },
      statistics: { looks: 2, entries: 1_001, wrong: 1_000 },
    })
  })

  test('are left when something new is doubted, and gone on with from there', async () => {
    rows(limits.scanPageKeys * 2 + 1)
    atStore()
    const unsettled = async () => {
      await raised({ code: 'source-unfit' })
      return []
    }
    await turn({ source: { ...world.truthSource, unsettled } })
    const { section, after } = await pass()
    expect([section, after === null]).toEqual(['store', false])
  })

  test('are gone through at a pace', async () => {
    rows(490)
    for (let key = 490; key < 500; key += 1) world.keep(`${key}`, held('Eve'))
    atStore()
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.unsettled[0]!.keys.length).toBe(499)
    expect(world.clock.monotonicMs() - startedMs).toBe(499 + 9)
  })

  test('are gone through at full pace by who has the right to it', async () => {
    rows(500)
    unfinished()
    atStore({ kind: 'build' })
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
    expect(world.released).toBe(1)
  })
})

describe('a view that was begun', () => {
  beforeEach(() => unfinished())

  test('is filled, by one look at each entry, and then serves', async () => {
    world.rows.set('1', held('Ada', 2n))
    world.rows.set('2', held(null, 1n, 3n))
    await turn()
    expect(await pass()).toMatchObject({ kind: 'build', statistics: { entries: 2, wrong: 0 } })
    expect(world.pages.length).toBe(1)
    expect(Object.fromEntries(world.data.entries)).toEqual(Object.fromEntries(world.rows))
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
    await turn()
    const { declarations } = await world.state()
    expect(declarations).toMatchObject([{ complete: true }])
    expect(await pass()).toMatchObject({ kind: 'steady', lap: 2, ended: { kind: 'build' } })
    expect(world.recorded.lines).toMatchObject([
      { level: 'info', msg: 'every entry was compared', kind: 'build' },
      { level: 'info', msg: 'the view serves', declarations: declarations.map(({ id }) => id) },
    ])
  })

  test('is filled again where something could not be told', async () => {
    left({ ...anchored, kind: 'build', section: 'store', unproved: ['books'] })
    await turn()
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
    expect(await pass()).toMatchObject({ kind: 'build', lap: 2, unproved: [] })
    expect(world.said).toEqual(['every entry was compared'])
  })

  test('is filled from its beginning when another declaration comes', async () => {
    left({ ...anchored, kind: 'build', after: '2', lap: 3 })
    const { declarations, ...rest } = world.data.state!
    const other = { id: 'other', declaration: encodeView(library), complete: false }
    world.data.state = { ...rest, declarations: [...declarations, other] }
    await turn()
    expect(world.pages).toMatchObject([{ after: undefined }])
    expect(await pass()).toMatchObject({
      lap: 4,
      declarations: [...declarations.map(({ id }) => id), 'other'],
    })
  })

  test('is filled with tickets, which stay with what was right already', async () => {
    rows(1)
    await turn()
    expect(world.data.tickets.get('1')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('is filled at full pace however long it takes', async () => {
    rows(10)
    const { audit } = world.plan()
    const look: Plan['audit']['look'] = async (question) => {
      await world.clock.sleep(11_000)
      return audit.look(question)
    }
    world.beforeTruth = (_, asked) => {
      world.snapshot = asked === 1 ? '150:150:' : '250:250:'
    }
    void world.clock.sleep(30_000).then(() => world.publish(world.barrier(3, 10)))
    const progress: Plan['audit']['progress'] = (step) => audit.progress(step)
    const { truthSource } = world
    const source: Plan['source'] = {
      ...truthSource,
      truth: (view, page, marker) =>
        truthSource.truth(view, page.kind === 'range' ? { ...page, keysMax: 5 } : page, marker),
    }
    await turn({ source, audit: { ...audit, look, progress } })
    expect(await pass()).toMatchObject({ section: 'store', entries: 10 })
  })

  test('is filled at full pace, to which the right is given back', async () => {
    rows(100)
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
    expect(world.pages[0]).toMatchObject({ keysMax: 5_000 })
    expect(world.released).toBe(1)
  })

  test('gives the right back when it fails', async () => {
    world.beforeTruth = () => Promise.reject(new MillraceError('source-busy', 'busy'))
    await expect(turn()).rejects.toMatchObject({ code: 'source-busy' })
    expect(world.released).toBe(1)
  })

  test('ends when the right is lost', async () => {
    rows(10)
    world.beforeTruth = async () => {
      world.right!.abort()
      await settled()
    }
    await expect(turn()).rejects.toMatchObject({ code: 'look-void' })
  })

  test('is filled at the steady pace meanwhile, and asks for the right again', async () => {
    rows(25_000)
    world.right = undefined
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.pages[0]).toMatchObject({ keysMax: 1_000 })
    expect(world.clock.monotonicMs() - startedMs).toBe(10_000)
    expect((await pass()).section).toBe('rows')
  })
})

describe('a doubt', () => {
  const toEnd = async () => {
    await turn()
    await turn()
  }

  test('is ended by a lap at full pace that stands behind it', async () => {
    const { id } = await raised({ barrier: 1, offsets: offsets({ [books]: 10 }) })
    await turn()
    expect(await pass()).toMatchObject({ kind: 'doubt' })
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    await turn()
    expect((await world.state()).doubts).toEqual([])
    expect(await pass()).toMatchObject({ kind: 'steady', lap: 2, ended: { kind: 'doubt' } })
    expect(world.released).toBe(2)
    expect(world.recorded.lines).toMatchObject([
      { msg: 'every entry was compared', level: 'info' },
      { msg: 'doubt ended', code: 'unusable-change' },
    ])
  })

  test('begins a lap anew, where a steady one was under way', async () => {
    left({ ...anchored, after: '2', lap: 6 })
    await raised()
    await turn()
    expect(world.pages).toMatchObject([{ after: undefined }])
    expect(await pass()).toMatchObject({ kind: 'doubt', lap: 7 })
  })

  test('does not begin a lap anew that is run for a doubt already, or to fill the view', async () => {
    await raised()
    left({ ...anchored, kind: 'doubt', after: '2', lap: 6 })
    await turn()
    expect(await pass()).toMatchObject({ kind: 'doubt', lap: 6 })
    left({ ...anchored, kind: 'build', after: '2', lap: 6 })
    await turn()
    expect(await pass()).toMatchObject({ kind: 'build', lap: 6 })
  })

  test('is waited for to have a barrier before the lap begins', async () => {
    await raised({ barrier: 3 })
    await raised({ name: 'y', barrier: 3, offsets: offsets({ [books]: 9 }) })
    const startedMs = world.clock.monotonicMs()
    let askedMs = 0
    world.beforeTruth = () => {
      askedMs = world.clock.monotonicMs()
      world.snapshot = '350:350:'
    }
    void world.clock.sleep(3_000).then(() => world.publish(world.barrier(3, 10)))
    void world.clock.sleep(3_100).then(() => world.publish(world.barrier(4, 10)))
    await toEnd()
    expect(askedMs - startedMs).toBe(3_000)
    expect((await world.state()).doubts).toEqual([])
  })

  test('is waited for no longer than ten seconds', async () => {
    await raised({ barrier: 1 })
    await raised({ name: 'y', barrier: 9 })
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.clock.monotonicMs() - startedMs).toBe(10_000)
    expect(await pass()).toMatchObject({ section: 'store', anchor: { number: 1 } })
  })

  test('is waited for at the beginning of a lap alone', async () => {
    await raised({ barrier: 9 })
    left({ ...anchored, kind: 'doubt', after: '2' })
    const startedMs = world.clock.monotonicMs()
    await turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
  })

  test('is not ended by a lap that stands before it, and has another one', async () => {
    await raised({ barrier: 2 })
    await expect(turn()).rejects.toMatchObject({
      code: 'look-behind',
      message: expect.stringContaining('transaction 150 is open since before what is doubted'),
    })
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10))
    await toEnd()
    expect((await world.state()).doubts).toEqual([])
  })

  test('stands in the way of no lap that ends another one', async () => {
    await raised({ barrier: 1 })
    const later = await raised({ name: 'later', barrier: 2 })
    await toEnd()
    expect((await world.state()).doubts.map(({ id }) => id)).toEqual([later.id])
    expect(await pass()).toMatchObject({ kind: 'doubt', futile: [] })
    expect(world.said.filter((msg) => msg === 'doubt ended').length).toBe(1)
  })

  test('stands in the way of no steady lap, which goes on for want of a budget', async () => {
    await raised({ barrier: 9 })
    await turn({}, { fullPaceDailyMs: 0 })
    expect(await pass()).toMatchObject({ kind: 'steady', section: 'store' })
  })

  test('that a steady lap did not end may be ended by one at full pace', async () => {
    await raised({ tables: ['books'] })
    left({ ...anchored, kind: 'steady', section: 'store', unproved: ['books'] })
    await turn({}, { fullPaceDailyMs: 0 })
    expect(await pass()).toMatchObject({ lap: 2, futile: [] })
  })

  test('that rises while a lap ends decides what the next one is for', async () => {
    left({ ...anchored, section: 'store' })
    const unsettled = async () => {
      await raised({ barrier: 9 })
      return []
    }
    await turn({ source: { ...world.truthSource, unsettled } })
    expect(await pass()).toMatchObject({ lap: 2, kind: 'doubt' })
  })

  test('that a lap could not end is left to steady laps', async () => {
    const { id } = await raised({ tables: ['books'] })
    left({ ...anchored, kind: 'doubt', section: 'store', unproved: ['books'] })
    await turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    expect(await pass()).toMatchObject({ kind: 'steady', futile: [id] })
    left({ ...anchored, kind: 'steady', section: 'store', futile: [id], unproved: ['books'] })
    await turn()
    expect(await pass()).toMatchObject({ futile: [id] })
    left({ ...anchored, kind: 'steady', section: 'store', futile: [id] })
    await turn()
    expect((await world.state()).doubts).toEqual([])
  })

  test('that rose during a lap is not ended by it', async () => {
    left({ ...anchored, section: 'store', kind: 'doubt' })
    const { id } = await raised({ barrier: 2 })
    await turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    expect(await pass()).toMatchObject({ kind: 'doubt', futile: [] })
  })

  test('costs of the daily budget what its laps take, and no more than that', async () => {
    await raised({ tables: ['books'] })
    const day = new Date(world.clock.wallMs()).toISOString().slice(0, 10)
    const startedAtMs = world.clock.wallMs() - 700
    left({
      ...anchored,
      kind: 'doubt',
      section: 'store',
      startedAtMs,
      fullPace: { day, ms: 200 },
      unproved: ['books'],
    })
    await raised({ name: 'y', barrier: 2 })
    await turn({}, { fullPaceDailyMs: 900 })
    expect(await pass()).toMatchObject({ kind: 'steady', fullPace: { day, ms: 900 } })
    left({ ...anchored, kind: 'steady', section: 'store', startedAtMs })
    await turn({}, { fullPaceDailyMs: 900 })
    expect(await pass()).toMatchObject({ fullPace: { day, ms: 900 } })
  })

  test('that has to move checkpoints first is left to that', async () => {
    await raised({ restart: { how: 'anew', partitions: [] }, keys: ['1'] })
    await turn()
    expect(await pass()).toMatchObject({ kind: 'steady', entries: 0 })
    expect(world.pages.length).toBe(1)
    expect((await world.state()).doubts.length).toBe(1)
  })
})

describe('a doubt of entries', () => {
  test('is ended by looking at those alone', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    rows(2, 2)
    await raised({ keys: ['1', '2'] })
    await raised({ name: 'y', keys: ['2', '9'] })
    await turn()
    expect(world.pages.slice(0, 2)).toEqual([
      { kind: 'keys', keys: ['1', '2', '9'] },
      { kind: 'keys', keys: ['1'] },
    ])
    expect((await world.state()).doubts).toEqual([])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    expect(world.said).toEqual(['an entry was wrong', 'doubt ended', 'doubt ended'])
    expect(await pass()).toMatchObject({ kind: 'steady', statistics: { entries: 6, looks: 2 } })
  })

  test('stands on where one of them could not be put right', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    world.both('2', held('Bob'))
    const { id } = await raised({ keys: ['1', '2'] })
    await raised({ name: 'y', keys: ['2'] })
    let amount = 7n
    world.beforeTruth = (page) => {
      if (page.kind === 'keys') world.keep('1', held('Ada', (amount += 1n)))
    }
    await turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
  })
})

test('a turn for a view that nobody compared yet has no statistics but its own', async () => {
  await turn()
  expect((await pass()).statistics).toEqual({
    ...noStatistics,
    looks: 1,
    buckets: [[Math.floor(world.clock.wallMs() / 300_000), 0, 0]],
  })
})
