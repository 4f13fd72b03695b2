import { MillraceError } from '../../src/errors.ts'
import { encodeView } from '../../src/view/declarations.ts'
import { decodePass, type PassState } from '../../src/reconcile/pass-state.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { noStatistics } from '../../src/reconcile/statistics.ts'
import { limits } from '../../src/store/limits.ts'
import { book, changed, library } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { all } from '../coordinate/coordination-fixture.ts'
import { books, but, held } from './look-fixture.ts'
import { anchored, Laps } from './turn-fixture.ts'

let world: Laps

beforeEach(async () => {
  world = new Laps()
  await world.start()
})

describe('a lap', () => {
  test('compares the keys of the source, and then those that the store has', async () => {
    world.authors(2)
    world.keep('7', held('Eve', 2n))
    await world.turn()
    expect(await world.lap()).toMatchObject({
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
    await world.turn()
    expect(world.unsettled).toMatchObject([{ keys: ['1', '2', '7'], since: 150n }])
    expect(world.pages[0]).toEqual({ kind: 'keys', keys: ['7'] })
    expect([...world.data.entries.keys()]).toEqual(['1', '2'])
    expect(await world.lap()).toMatchObject({
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
    await world.turn()
    await world.clock.advance(1_234)
    await world.turn()
    const { ended, startedAtMs } = await world.lap()
    expect(ended).toMatchObject({ atMs: startedAtMs, tookMs: startedAtMs - beganMs })
    expect(ended!.tookMs).toBeGreaterThanOrEqual(1_234)
    expect(world.recorded.lines).toMatchObject([
      { level: 'debug', msg: 'every entry was compared', lap: 1, kind: 'steady', entries: 0 },
    ])
  })

  test('took no time at all where the clock was set back', async () => {
    await world.turn()
    world.clock.setWall(-3_600_000)
    await world.turn()
    expect((await world.lap()).ended).toMatchObject({ tookMs: 0 })
  })

  test('goes on from where it was left', async () => {
    world.authors(4)
    world.left({ ...anchored, after: '2', entries: 2, lap: 3 })
    await world.turn()
    expect(world.pages).toEqual([{ kind: 'range', after: '2', keysMax: 1_000 }])
    expect(await world.lap()).toMatchObject({ lap: 3, section: 'store', after: null, entries: 4 })
  })

  test('stands behind its first look, whatever later ones stand behind', async () => {
    world.left({ anchor: { number: 0, from: all(3) }, since: '120', after: '2' })
    await world.turn()
    expect(await world.lap()).toMatchObject({ anchor: { number: 0, from: all(3) }, since: '120' })
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
    await world.turn()
    expect((await world.lap()).anchor).toEqual({ number: 1, from: all(3) })
  })

  test('stands behind no barrier where somebody is older than all of them', async () => {
    world.snapshot = '90:150:90'
    world.horizon = '150'
    await world.turn()
    expect((await world.lap()).anchor).toEqual({ number: 0, from: all(10) })
  })

  test('corrects what is wrong, and says so without showing personal data', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Eve', 7n))
    await world.turn()
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    const hash = expect.stringMatching(/^sha256:/)
    expect(world.recorded.lines).toMatchObject([
      { level: 'error', key: '1', field: 'bookCount', expected: '5', found: '7', healed: true },
      { level: 'error', key: '1', field: 'name', expected: hash, found: hash, healed: true },
    ])
    expect((await world.lap()).statistics).toMatchObject({ wrong: 1, healed: 1 })
  })

  test('tells once of what it put right, also where it was broken off before it wrote that down', async () => {
    world.both('2', held('Eve'))
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    const { audit } = world.plan()
    const brokenOff = world.turn({
      audit: {
        ...audit,
        look: (asked) => audit.look(asked),
        correct: (step) => audit.correct(step),
        progress: async () => false,
      },
    })
    await expect(brokenOff).rejects.toMatchObject({ code: 'look-void' })
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    expect(world.recorded.lines).toEqual([])
    await world.turn()
    await world.turn()
    expect((await world.lap()).statistics).toMatchObject({ wrong: 1, healed: 1, latest: [{}] })
    const told = world.recorded.lines.filter(({ msg }) => msg === 'an entry was wrong')
    expect(told).toMatchObject([{ key: '1', expected: '5', found: '7', healed: true }])
  })

  test('tells once of what it put right where the answer to that was lost, and it was sent again', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    const { audit } = world.plan()
    await world.turn({
      audit: {
        ...audit,
        look: (asked) => audit.look(asked),
        correct: (step) => audit.correct(step),
        progress: async (step) => {
          await audit.progress(step)
          return audit.progress(step)
        },
      },
    })
    await world.turn()
    expect((await world.lap()).statistics).toMatchObject({ wrong: 1, healed: 1 })
    expect(world.said.filter((msg) => msg === 'an entry was wrong')).toHaveLength(1)
  })

  test('tells of what it put right before another step of that failed', async () => {
    for (let key = 1; key <= 120; key += 1) {
      world.rows.set(String(key), held('Ada', 5n))
      world.keep(String(key), held('Ada', 7n))
    }
    const { audit } = world.plan()
    let steps = 0
    const brokenOff = world.turn({
      audit: {
        ...audit,
        look: (asked) => audit.look(asked),
        progress: (step) => audit.progress(step),
        correct: async (step) => {
          steps += 1
          if (steps === 2) throw new MillraceError('store-away', 'gone')
          const result = await audit.correct(step)
          // The answer comes later than the failure.
          await new Promise(setImmediate)
          return result
        },
      },
    })
    await expect(brokenOff).rejects.toThrow('gone')
    expect(steps).toBe(2)
    const right = [...world.data.entries.values()].filter(
      ({ counts }) => counts['bookCount'] === 5n,
    )
    expect((await world.lap()).statistics).toMatchObject({ wrong: 50, healed: 50 })
    expect(right).toHaveLength(50)
    await world.turn()
    expect((await world.lap()).statistics).toMatchObject({ wrong: 120, healed: 120 })
  })

  test('remembers the tables of which something could not be told', async () => {
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
    world.left({ ...anchored, after: '1', unproved: ['prizes', 'books'] })
    await world.turn()
    expect((await world.lap()).unproved).toEqual(['prizes', 'books'])
  })

  test('ends between two pages when something new is doubted', async () => {
    world.authors(3_000)
    const known = await world.doubted({ barrier: 99, code: 'source-unfit' })
    world.beforeTruth = async (_, asked) => {
      if (asked === 1) await world.doubted({ name: 'y' })
    }
    await world.turn()
    const { after, entries, section } = await world.lap()
    expect(section).toBe('rows')
    expect(Number(after)).toBe(entries)
    expect(entries).toBeLessThan(3_000)
    expect((await world.state()).doubts.map(({ id }) => id)).toContain(known.id)
  })

  test('goes on from page to page while nothing new is doubted', async () => {
    world.authors(3_000)
    await world.doubted({ code: 'source-unfit' })
    await world.turn()
    expect(await world.lap()).toMatchObject({ section: 'store', entries: 3_000 })
  })

  test('goes on however long it takes', async () => {
    world.authors(15_000)
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(await world.lap()).toMatchObject({ section: 'store', entries: 15_000 })
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThan(12_000)
  })

  test('ends between two pages where the view is not known any more', async () => {
    world.authors(3_000)
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
    await world.turn({ audit: { ...audit, look, progress } })
    expect(await world.lap()).toMatchObject({ section: 'rows', entries: 1_000 })
  })

  test('leaves no ticket but where it corrects', async () => {
    world.authors(2)
    await world.turn()
    expect(world.data.tickets.size).toBe(0)
  })

  test('is void when another process goes on with it', async () => {
    world.beforeTruth = () => world.left({ lap: 9 })
    await expect(world.turn()).rejects.toMatchObject({
      code: 'look-void',
      message: 'another process compares the view, or it has begun anew',
    })
    expect(await world.lap()).toMatchObject({ lap: 9 })
  })
})

describe('keys of the store', () => {
  const atStore = (given: Partial<PassState> = {}) =>
    world.left({ ...anchored, section: 'store', entries: 5, ...given })

  test('are gone through some pages at a time', async () => {
    world.authors(limits.scanPageKeys * 5 + 3)
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
        const { after } = decodePass(step.after)!
        // Another one is written down after each correction.
        if (passes.at(-1) !== after) passes.push(after)
        return audit.progress(step)
      },
    }
    await world.turn({ audit: noting })
    expect(passes).toEqual([null, '996', null])
    expect(await world.lap()).toMatchObject({ lap: 2, ended: { entries: 8 } })
    expect(world.data.entries.has('999')).toBe(false)
  })

  test('are gone through from where they were left', async () => {
    world.authors(3)
    atStore({ after: '2' })
    await world.turn()
    expect(world.unsettled.map(({ keys }) => keys)).toEqual([['3']])
  })

  test('are gone through again where the store has lost the cursor', async () => {
    atStore({ after: '2' })
    const { audit } = world.plan()
    const scan = () => Promise.reject(new MillraceError('scan-lost', 'another server'))
    await world.turn({ audit: { ...audit, scan, progress: (step) => audit.progress(step) } })
    expect(await world.lap()).toMatchObject({ lap: 1, section: 'store', after: null, entries: 5 })
  })

  test('are looked at together where few of each page are to be looked at', async () => {
    world.authors(limits.scanPageKeys * 3)
    for (const key of ['1', '2000', '999']) world.rows.delete(key)
    atStore()
    await world.turn()
    const asked = world.pages.map((page) => (page.kind === 'keys' ? page.keys.toSorted() : []))
    const wrong = ['1', '2000', '999']
    // Once to see what differs, and once to see it again.
    expect(asked).toEqual([wrong, wrong])
  })

  test('are looked at a thousand at once, and judged together', async () => {
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
    await world.turn({ audit: twice })
    const asked = world.pages.flatMap((page) => (page.kind === 'keys' ? [page.keys.length] : []))
    expect(asked).toEqual([1_000, 1, 1_000])
    expect(await world.lap()).toMatchObject({
      ended: { entries: 1_006 },
      statistics: { looks: 2, entries: 1_001, wrong: 1_000 },
    })
  })

  test('are left when something new is doubted, and gone on with from there', async () => {
    world.authors(limits.scanPageKeys * 2 + 1)
    atStore()
    const unsettled = async () => {
      await world.doubted({ code: 'source-unfit' })
      return []
    }
    await world.turn({ source: { ...world.truthSource, unsettled } })
    const { section, after } = await world.lap()
    expect([section, after === null]).toEqual(['store', false])
  })

  test('leave what could not be told of them to be told by a later lap', async () => {
    world.unfinished()
    world.keep('7', held('Eve', 2n))
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
    atStore({ kind: 'build' })
    await world.turn()
    expect(await world.lap()).toMatchObject({ lap: 2, ended: { unproved: ['books'] } })
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
  })

  test('are gone through at a pace', async () => {
    world.authors(490)
    for (let key = 490; key < 500; key += 1) world.keep(`${key}`, held('Eve'))
    atStore()
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.unsettled[0]!.keys.length).toBe(499)
    expect(world.clock.monotonicMs() - startedMs).toBe(499 + 9)
  })

  test('are gone through at full pace by who has the right to it', async () => {
    world.authors(500)
    world.unfinished()
    atStore({ kind: 'build' })
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
    expect(world.released).toBe(1)
  })
})

test('a lap that only sees that all is right fills nothing that begins anew meanwhile', async () => {
  world.rows.set('1', held('Ada'))
  world.left({ ...anchored, kind: 'steady', section: 'store' })
  world.unfinished()
  await world.turn()
  expect(await world.lap()).toMatchObject({ lap: 2, kind: 'build', section: 'store' })
  expect((await world.state()).declarations).toMatchObject([{ complete: false }])
})

describe('keys that changes have touched meanwhile', () => {
  /** In the source and in the log, and in neither the source's pages nor the store of this lap. */
  const touched = (kind: PassState['kind']) => {
    world.rows.set('7', held(null, 1n))
    world.topics.append(books, changed(book(1, 7, 120)))
    world.stands(books, 11)
    world.left({ ...anchored, kind, section: 'store' })
  }

  test('are looked at before a lap that fills a view ends', async () => {
    world.unfinished()
    touched('build')
    await world.turn()
    expect(await world.lap()).toMatchObject({
      lap: 1,
      section: 'log',
      after: null,
      unread: new Map([[books, { from: 10n, to: 11n }]]),
    })
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
    await world.turn()
    expect(await world.lap()).toMatchObject({ lap: 2, ended: { entries: 1 } })
    expect((await world.state()).declarations).toMatchObject([{ complete: true }])
    const added = { fields: null, counts: { bookCount: 1n } }
    expect(world.data.entries.get('7')).toEqual(added)
  })

  test('are looked at before a lap that ends doubts ends', async () => {
    await world.doubted()
    touched('doubt')
    await world.turn()
    expect((await world.state()).doubts).toHaveLength(1)
    await world.turn()
    expect(await world.lap()).toMatchObject({ lap: 2, statistics: { wrong: 1, healed: 1 } })
    expect((await world.state()).doubts).toEqual([])
  })

  test('are left to the next lap by one that only sees that all is right', async () => {
    touched('steady')
    await world.turn()
    expect(await world.lap()).toMatchObject({ lap: 2, section: 'rows', statistics: { entries: 0 } })
  })

  test('are not looked at where their row has stood since before the lap', async () => {
    touched('doubt')
    await world.doubted()
    world.rows.set('7', held('Ada', 1n))
    await world.turn()
    await world.turn()
    expect(world.unsettled.at(-1)).toEqual({ keys: ['7'], since: 150n })
    expect(await world.lap()).toMatchObject({ lap: 2, statistics: { entries: 0 } })
  })
})

describe('a view that was begun', () => {
  beforeEach(() => world.unfinished())

  test('is filled, by one look at each entry, and then serves', async () => {
    world.rows.set('1', held('Ada', 2n))
    world.rows.set('2', held(null, 1n, 3n))
    await world.turn()
    expect(await world.lap()).toMatchObject({ kind: 'build', statistics: { entries: 2, wrong: 0 } })
    expect(world.pages.length).toBe(1)
    expect(Object.fromEntries(world.data.entries)).toEqual(Object.fromEntries(world.rows))
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
    await world.turn()
    const { declarations } = await world.state()
    expect(declarations).toMatchObject([{ complete: true }])
    expect(await world.lap()).toMatchObject({ kind: 'steady', lap: 2, ended: { kind: 'build' } })
    expect(world.recorded.lines).toMatchObject([
      { level: 'info', msg: 'every entry was compared', kind: 'build' },
      { level: 'info', msg: 'the view serves', declarations: declarations.map(({ id }) => id) },
    ])
  })

  test('loses by one look what lies in the store alone, which was wrong for nobody', async () => {
    world.keep('7', held('Eve', 2n))
    world.left({ ...anchored, kind: 'build', section: 'store' })
    await world.turn()
    expect(world.data.entries.size).toBe(0)
    expect(world.pages).toEqual([{ kind: 'keys', keys: ['7'] }])
    expect(await world.lap()).toMatchObject({ statistics: { entries: 1, wrong: 0 } })
  })

  test('is filled again where something could not be told', async () => {
    world.left({ ...anchored, kind: 'build', section: 'store', unproved: ['books'] })
    await world.turn()
    expect((await world.state()).declarations).toMatchObject([{ complete: false }])
    expect(await world.lap()).toMatchObject({ kind: 'build', lap: 2, unproved: [] })
    expect(world.said).toEqual(['every entry was compared'])
  })

  test('is filled from its beginning when another declaration comes', async () => {
    world.left({ ...anchored, kind: 'build', after: '2', lap: 3 })
    const { declarations, ...rest } = world.data.state!
    const other = { id: 'other', declaration: encodeView(library), complete: false }
    world.data.state = { ...rest, declarations: [...declarations, other] }
    await world.turn()
    expect(world.pages).toMatchObject([{ after: undefined }])
    expect(await world.lap()).toMatchObject({
      lap: 4,
      declarations: [...declarations.map(({ id }) => id), 'other'],
    })
  })

  test('is walked from its beginning when a declaration has gone that its lap has filled', async () => {
    const { declarations } = world.data.state!
    const known = [...declarations.map(({ id }) => id), 'other']
    for (const kind of ['build', 'steady'] as const) {
      world.pages.length = 0
      world.left({ ...anchored, kind, after: '2', declarations: known })
      await world.turn()
      expect(world.pages).toMatchObject([{ after: undefined }])
      expect(await world.lap()).toMatchObject({ declarations: declarations.map(({ id }) => id) })
    }
  })

  test('is filled with tickets, which stay with what was right already', async () => {
    world.authors(1)
    await world.turn()
    expect(world.data.tickets.get('1')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('is filled at full pace however long it takes', async () => {
    world.authors(10)
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
    await world.turn({ source, audit: { ...audit, look, progress } })
    expect(await world.lap()).toMatchObject({ section: 'store', entries: 10 })
  })

  test('is filled at full pace, to which the right is given back', async () => {
    world.authors(100)
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
    expect(world.pages[0]).toMatchObject({ keysMax: 5_000 })
    expect(world.released).toBe(1)
  })

  test('gives the right back when it fails', async () => {
    world.beforeTruth = () => Promise.reject(new MillraceError('source-busy', 'busy'))
    await expect(world.turn()).rejects.toMatchObject({ code: 'source-busy' })
    expect(world.released).toBe(1)
  })

  test('ends when the right is lost', async () => {
    world.authors(10)
    world.beforeTruth = async () => {
      world.right!.abort()
      await settled()
    }
    await expect(world.turn()).rejects.toMatchObject({ code: 'look-void' })
  })

  test('is filled at the steady pace meanwhile, and asks for the right again', async () => {
    world.authors(25_000)
    world.right = undefined
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.pages[0]).toMatchObject({ keysMax: 1_000 })
    expect(world.clock.monotonicMs() - startedMs).toBe(3_000)
    expect((await world.lap()).section).toBe('rows')
  })
})

test('a turn for a view that nobody compared yet has no statistics but its own', async () => {
  await world.turn()
  expect((await world.lap()).statistics).toEqual({
    ...noStatistics,
    looks: 1,
    buckets: [[Math.floor(world.clock.wallMs() / 300_000), 0, 0]],
  })
})
