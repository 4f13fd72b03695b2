import type { PassState } from '../../src/reconcile/pass-state.ts'
import type { Epoch } from '../../src/store/state.ts'
import { offsets } from '../store/store-fixture.ts'
import { books, but, held } from './look-fixture.ts'
import { anchored, Laps } from './turn-fixture.ts'

let world: Laps

beforeEach(async () => {
  world = new Laps()
  await world.start()
})

describe('a doubt', () => {
  const toEnd = async () => {
    await world.turn()
    await world.turn()
  }

  test('is ended by a lap at full pace that stands behind it', async () => {
    const { id } = await world.doubted({ barrier: 1, offsets: offsets({ [books]: 10 }) })
    await world.turn()
    expect(await world.lap()).toMatchObject({ kind: 'doubt' })
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    await world.turn()
    expect((await world.state()).doubts).toEqual([])
    const ended = { kind: 'steady', lap: 2, floor: 1, ended: { kind: 'doubt' } }
    expect(await world.lap()).toMatchObject(ended)
    expect(world.released).toBe(2)
    expect(world.recorded.lines).toMatchObject([
      { msg: 'every entry was compared', level: 'info' },
      { msg: 'doubt ended', code: 'unusable-change' },
    ])
  })

  test('begins a lap anew, where a steady one was under way', async () => {
    world.left({ ...anchored, after: '2', lap: 6 })
    await world.doubted()
    await world.turn()
    expect(world.pages).toMatchObject([{ after: undefined }])
    expect(await world.lap()).toMatchObject({ kind: 'doubt', lap: 7 })
  })

  test('does not begin a lap anew that is run for a doubt already, or to fill the view', async () => {
    await world.doubted()
    world.left({ ...anchored, kind: 'doubt', after: '2', lap: 6 })
    await world.turn()
    expect(await world.lap()).toMatchObject({ kind: 'doubt', lap: 6 })
    world.left({ ...anchored, kind: 'build', after: '2', lap: 6 })
    await world.turn()
    expect(await world.lap()).toMatchObject({ kind: 'build', lap: 6 })
  })

  test('is waited for to have a barrier before the lap begins', async () => {
    await world.doubted({ barrier: 3 })
    await world.doubted({ name: 'y', barrier: 3, offsets: offsets({ [books]: 9 }) })
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
    await world.doubted({ barrier: 1 })
    await world.doubted({ name: 'y', barrier: 9 })
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs() - startedMs).toBe(10_000)
    expect(await world.lap()).toMatchObject({ section: 'store', anchor: { number: 1 } })
  })

  test('is waited for at the beginning of a lap alone', async () => {
    await world.doubted({ barrier: 9 })
    world.left({ ...anchored, kind: 'doubt', after: '2' })
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs()).toBe(startedMs)
  })

  describe('that began after a transaction which is still open', () => {
    const ended = () => {
      world.snapshot = '350:350:'
      world.horizon = undefined
      return world.publish(world.barrier(4, 10))
    }

    /** A lap that has looked once at so many entries, or a page of them; answers the doubt's id. */
    const looked = async (authors: number) => {
      world.authors(authors)
      // 150 is idle, so it does not hold back where the log is read from.
      world.snapshot = '150:250:150'
      world.horizon = '250'
      await world.publish(world.barrier(3, 10))
      const { id } = await world.doubted({ barrier: 2 })
      await world.turn()
      return id
    }

    test('is ended by no lap, which is told, and laps go on at the steady pace', async () => {
      const id = await looked(5_001)
      const behind = { kind: 'steady', held: [id], anchor: { number: 1 }, section: 'rows' }
      expect(await world.lap()).toMatchObject(behind)
      const reason = expect.stringContaining('transaction 150 is open since before')
      const told = { level: 'warn', msg: 'laps end no doubt', code: 'look-behind', reason }
      expect(world.recorded.lines).toMatchObject([told])
      world.rows.set('5001', held('Ada', 5n))
      world.keep('5001', held('Ada', 7n))
      world.keep('9999', held('Eve', 2n))
      await toEnd()
      const statistics = { wrong: 2, healed: 2 }
      const lap = { lap: 2, kind: 'steady', held: [id], ended: { kind: 'steady' }, statistics }
      expect(await world.lap()).toMatchObject(lap)
      expect(world.data.entries.get('5001')).toEqual(held('Ada', 5n))
      expect(world.data.entries.has('9999')).toBe(false)
      expect((await world.state()).doubts).toMatchObject([{ id }])
      await world.turn()
      const again = () => world.recorded.lines.filter(({ msg }) => msg === told.msg)
      expect(again()).toHaveLength(1)
      await world.doubted({ name: 'later', barrier: 2 })
      await world.turn()
      expect(again()).toHaveLength(2)
    })

    test.each([
      ['rows', 5_001],
      ['store', 2],
    ])(
      'is ended by a lap at full pace once that has ended, wherever a lap is under way: %s',
      async (section, authors) => {
        await looked(authors)
        expect(await world.lap()).toMatchObject({ lap: 1, section })
        await ended()
        await world.turn()
        expect(await world.lap()).toMatchObject({ lap: 1, kind: 'steady', held: [] })
        await toEnd()
        expect((await world.state()).doubts).toEqual([])
        expect(await world.lap()).toMatchObject({ lap: 3, ended: { kind: 'doubt' } })
      },
    )

    test.each([
      ['raised again', 'x'],
      ['joined by another', 'another'],
    ])('begins no lap anew when it is %s meanwhile', async (_, name) => {
      const id = await looked(10_001)
      const later = await world.doubted({ name, barrier: 2 })
      await world.turn()
      const ids = name === 'x' ? [later.id] : [id, later.id]
      expect(await world.lap()).toMatchObject({ lap: 1, kind: 'steady', held: ids })
      expect(world.pages.at(-1)).not.toMatchObject({ after: undefined })
      await toEnd()
      expect(await world.lap()).toMatchObject({ lap: 2, ended: { kind: 'steady' } })
    })

    test('is no longer held where it was ended otherwise', async () => {
      const id = await looked(2)
      const { doubts } = world.data.state!
      world.data.state = { ...world.data.state!, doubts: doubts.filter((each) => each.id !== id) }
      await toEnd()
      expect(await world.lap()).toMatchObject({ lap: 2, kind: 'steady', held: [] })
    })
  })

  test('stands in the way of no lap that ends another one', async () => {
    await world.doubted({ barrier: 1 })
    const later = await world.doubted({ name: 'later', barrier: 2 })
    await toEnd()
    expect((await world.state()).doubts.map(({ id }) => id)).toEqual([later.id])
    expect(await world.lap()).toMatchObject({ kind: 'doubt', futile: [] })
    expect(world.said.filter((msg) => msg === 'doubt ended').length).toBe(1)
  })

  test('stands in the way of no steady lap, which goes on for want of a budget', async () => {
    await world.doubted({ barrier: 9 })
    await world.turn({}, { fullPaceDailyMs: 0 })
    expect(await world.lap()).toMatchObject({ kind: 'steady', section: 'store' })
  })

  test('that a steady lap did not end may be ended by one at full pace', async () => {
    await world.doubted({ tables: ['books'] })
    world.left({ ...anchored, kind: 'steady', section: 'store', unproved: ['books'] })
    await world.turn({}, { fullPaceDailyMs: 0 })
    expect(await world.lap()).toMatchObject({ lap: 2, futile: [] })
  })

  test('that rises while a lap ends decides what the next one is for', async () => {
    world.left({ ...anchored, section: 'store' })
    const unsettled = async () => {
      await world.doubted({ barrier: 9 })
      return []
    }
    await world.turn({ source: { ...world.truthSource, unsettled } })
    expect(await world.lap()).toMatchObject({ lap: 2, kind: 'doubt' })
  })

  test('that a lap could not end is left to steady laps', async () => {
    const { id } = await world.doubted({ tables: ['books'] })
    world.left({ ...anchored, kind: 'doubt', section: 'store', unproved: ['books'] })
    await world.turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    expect(await world.lap()).toMatchObject({ kind: 'steady', futile: [id] })
    world.left({ ...anchored, kind: 'steady', section: 'store', futile: [id], unproved: ['books'] })
    await world.turn()
    expect(await world.lap()).toMatchObject({ futile: [id] })
    world.left({ ...anchored, kind: 'steady', section: 'store', futile: [id] })
    await world.turn()
    expect((await world.state()).doubts).toEqual([])
  })

  test('that rose during a lap is not ended by it', async () => {
    world.left({ ...anchored, section: 'store', kind: 'doubt' })
    const { id } = await world.doubted({ barrier: 2 })
    await world.turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
    expect(await world.lap()).toMatchObject({ kind: 'doubt', futile: [] })
  })

  describe('costs of the daily budget', () => {
    const day = () => new Date(world.clock.wallMs()).toISOString().slice(0, 10)
    const options = { fullPaceDailyMs: 900 }

    /** In the middle of a lap that was begun long ago: a page of rows takes 700 ms. */
    async function leftAt(given: Partial<PassState>): Promise<void> {
      world.authors(1)
      await world.doubted({ tables: ['books'] })
      await world.doubted({ name: 'y', barrier: 2 })
      const startedAtMs = world.clock.wallMs() - 3_600_000
      const fullPace = { day: day(), ms: 200 }
      world.left({ ...anchored, startedAtMs, fullPace, unproved: ['books'], ...given })
      world.beforeTruth = () => world.clock.sleep(700)
    }

    test('the time for which its laps have the right to full pace, and no more than that', async () => {
      await leftAt({ kind: 'doubt' })
      await world.turn({}, options)
      const spent = { fullPace: { day: day(), ms: 900 } }
      expect(await world.lap()).toMatchObject({ kind: 'doubt', section: 'store', ...spent })
      await world.clock.advance(5_000)
      world.clock.setWall(5_000)
      await world.turn({}, options)
      expect(await world.lap()).toMatchObject({ kind: 'steady', section: 'rows', ...spent })
      await world.turn({}, options)
      expect(await world.lap()).toMatchObject({ kind: 'steady', section: 'store', ...spent })
    })

    test('no time at the steady pace, while others have the right', async () => {
      world.right = undefined
      await leftAt({ kind: 'doubt' })
      await world.turn({}, options)
      const spent = { fullPace: { day: day(), ms: 200 } }
      expect(await world.lap()).toMatchObject({ kind: 'doubt', section: 'store', ...spent })
      await world.turn({}, options)
      expect(await world.lap()).toMatchObject(spent)
    })
  })

  test('that has to move checkpoints first is left to that', async () => {
    await world.doubted({ restart: { how: 'anew', partitions: [] }, keys: ['1'] })
    await world.turn()
    expect(await world.lap()).toMatchObject({ kind: 'steady', entries: 0 })
    expect(world.pages.length).toBe(1)
    expect((await world.state()).doubts.length).toBe(1)
  })
})

describe('a doubt of entries', () => {
  test('stands while nothing can be told of its table', async () => {
    world.authors(1)
    await world.doubted({ keys: ['1'], tables: ['books'] })
    await world.doubted({ name: 'y', keys: ['1'], tables: ['authors'] })
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
    await world.turn()
    expect((await world.state()).doubts).toMatchObject([{ tables: ['books'] }])
  })

  test('is ended by looking at those alone', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    world.authors(2, 2)
    await world.doubted({ keys: ['1', '2'] })
    await world.doubted({ name: 'y', keys: ['2', '9'] })
    await world.turn()
    expect(world.pages.slice(0, 2)).toEqual([
      { kind: 'keys', keys: ['1', '2', '9'] },
      { kind: 'keys', keys: ['1'] },
    ])
    expect((await world.state()).doubts).toEqual([])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    expect(world.said).toEqual(['an entry was wrong', 'doubt ended', 'doubt ended'])
    expect(await world.lap()).toMatchObject({
      kind: 'steady',
      statistics: { entries: 6, looks: 2 },
    })
  })

  test('stands on where one of them could not be put right', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    world.both('2', held('Bob'))
    const { id } = await world.doubted({ keys: ['1', '2'] })
    await world.doubted({ name: 'y', keys: ['2'] })
    let amount = 7n
    world.beforeTruth = (page) => {
      if (page.kind === 'keys') world.keep('1', held('Ada', (amount += 1n)))
    }
    await world.turn()
    expect((await world.state()).doubts.map((each) => each.id)).toEqual([id])
  })
})

describe('a rest', () => {
  const slow = { steady: { rowsPerSecond: 0.01, shareMax: 1 } }

  async function tookMs(meanwhile: () => unknown): Promise<number> {
    const beganMs = world.clock.monotonicMs()
    void world.clock.sleep(5_000).then(meanwhile)
    await world.turn({}, slow)
    return world.clock.monotonicMs() - beganMs
  }

  test.each(['rows', 'store'] as const)(
    'after %s ends when something new is doubted',
    async (section) => {
      world.authors(10)
      if (section === 'store') world.left({ ...anchored, section })
      expect(await tookMs(() => world.doubted({ name: 'y' }))).toBe(5_000)
    },
  )

  test('ends when the epoch is turned', async () => {
    world.authors(10)
    const turned = async () => {
      world.data.state = { ...world.data.state!, epoch: 'another' as Epoch }
      await world.watch.ask()
    }
    expect(await tookMs(turned)).toBe(5_000)
  })

  test('is as long as the pace wants it while nothing of that happens', async () => {
    world.authors(10)
    expect(await tookMs(() => world.watch.ask())).toBeGreaterThan(500_000)
  })
})
