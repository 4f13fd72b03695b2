import { beyondDoubts } from '../../src/reconcile/beyond.ts'
import { decodePass } from '../../src/reconcile/pass-state.ts'
import { compareAll } from '../../src/roles/verify.ts'
import { verdictOf } from '../../src/roles/explain.ts'
import { linesOf } from '../../src/roles/verified.ts'
import { encodeView } from '../../src/view/declarations.ts'
import { aDoubt } from '../store/store-fixture.ts'
import { library } from '../support/library.ts'
import { held } from './look-fixture.ts'
import { anchored, Laps } from './turn-fixture.ts'

const huge = 2n ** 64n
const most = 2n ** 63n - 1n
const code = 'number-beyond-64-bits'

let world: Laps

beforeEach(async () => {
  world = new Laps()
  await world.start()
})

const doubts = async () => (await world.state()).doubts.map(({ name, keys }) => [name, ...keys])

/** Until a lap has ended that began now. */
async function laps(): Promise<void> {
  const { lap } = decodePass((await world.state()).pass) ?? { lap: 0 }
  for (;;) {
    await world.turn()
    if ((await world.lap()).lap > lap + 1) return
  }
}

describe('a number of the source that no counter can be', () => {
  test('is named by a doubt, and all else is put right', async () => {
    world.rows.set('1', held('Ada', huge, 5n))
    world.keep('1', held('Eve', 3n, 1n))
    world.rows.set('2', held('Bob', 2n))
    world.keep('2', held('Bob', 9n))
    await laps()
    expect(Object.fromEntries(world.data.entries)).toEqual({
      1: held('Ada', 3n, 5n),
      2: held('Bob', 2n),
    })
    expect((await world.state()).doubts).toMatchObject([
      {
        name: `${code} books`,
        code,
        reason: `bookCount of 1 is ${huge} in SQL, which no integer of 64 bits is`,
        tables: ['books'],
        keys: ['1'],
      },
    ])
    const { statistics, unproved } = await world.lap()
    expect([statistics.wrong, statistics.healed, unproved]).toEqual([2, 2, []])
  })

  test('is told once while the doubt stands', async () => {
    world.rows.set('1', held('Ada', huge))
    world.keep('1', held('Ada'))
    await laps()
    const { id } = (await world.state()).doubts[0]!
    await laps()
    expect((await world.state()).doubts).toMatchObject([{ id }])
    expect(world.said.filter((msg) => msg === 'doubt raised')).toHaveLength(1)
  })

  test('is put in once it fits, whatever lies there by then, and the doubt ends', async () => {
    world.rows.set('1', held('Ada', huge))
    world.keep('1', held('Ada'))
    await laps()
    world.rows.set('1', held('Ada', most))
    world.keep('1', held('Ada', -most))
    await world.turn()
    expect(world.data.entries.get('1')).toEqual(held('Ada', most))
    expect(await doubts()).toEqual([])
  })

  test('keeps no lap from filling the view, or from ending other doubts', async () => {
    world.unfinished()
    world.rows.set('1', held('Ada', huge, 5n))
    await world.doubted({ tables: ['books'] })
    await laps()
    expect(world.data.entries.get('1')).toEqual(held('Ada', 0n, 5n))
    const { declarations } = await world.state()
    expect(declarations).toMatchObject([{ complete: true, declaration: encodeView(library) }])
    expect(await doubts()).toEqual([[`${code} books`, '1']])
  })

  test('is met among the keys of the store and of the log as well', async () => {
    world.left({ ...anchored, kind: 'doubt', section: 'store' })
    world.keep('7', held(null, 1n))
    world.rows.set('7', held(null, huge))
    await world.turn()
    expect(await doubts()).toEqual([[`${code} books`, '7']])
  })

  test('of more than a hundred entries is in doubt until a lap has met none any more', async () => {
    const keys = Array.from({ length: 120 }, (_, at) => String(at + 1))
    for (const key of keys) {
      world.rows.set(key, held('Ada', huge))
      world.keep(key, held('Ada', 3n))
    }
    await laps()
    expect(await doubts()).toEqual([[`${code} books`]])
    const { id } = (await world.state()).doubts[0]!
    await laps()
    expect(await world.lap()).toMatchObject({ kind: 'steady', futile: [id] })
    await laps()
    expect((await world.state()).doubts).toMatchObject([{ id }])
    for (const key of keys) world.rows.set(key, held('Ada', 5n))
    await laps()
    expect(await doubts()).toEqual([])
    expect(world.data.entries).toEqual(world.rows)
    expect(world.said.filter((msg) => msg === 'doubt raised')).toHaveLength(1)
  })

  test('is told by verify, which corrects the rest, and by explain', async () => {
    world.rows.set('1', held('Ada', huge, 5n))
    world.keep('1', held('Ada', 3n, 1n))
    const options = { correct: true, say: () => undefined }
    const comparison = await world.clock.until(compareAll(world.plan(), options, world.signal))
    expect(comparison).toMatchObject({
      wrong: [{ field: 'prizeCount', healed: true }],
      beyond: [{ key: '1', field: 'bookCount', expected: String(huge), found: '3' }],
    })
    const lines = linesOf({ comparison, complete: true, tookMs: 1_000 }, true)
    expect(lines).toContain(
      `can't be held: 1 bookCount: SQL says ${huge}, which no integer of 64 bits is; the view says 3`,
    )
    expect(await doubts()).toEqual([])
    expect(await world.clock.until(verdictOf(world.plan(), '1', world.signal))).toMatchObject({
      sql: { bookCount: String(huge), prizeCount: '5' },
      verdict: 'wrong',
      differences: [],
      beyond: [{ field: 'bookCount', expected: String(huge), found: '3' }],
    })
  })
})

describe('the doubt about such numbers', () => {
  const beyond = (key: string, field = 'bookCount') => ({ key, field, expected: 'NaN', found: '0' })
  const raised = (
    ...all: Parameters<typeof beyondDoubts> extends [unknown, ...infer Rest] ? Rest : never
  ) => beyondDoubts(library, ...all).map(({ name, keys, reason }) => ({ name, keys, reason }))
  const standing = (keys: readonly string[]) => ({
    ...aDoubt(`${code} books`, { keys }),
    id: 'x',
    sinceMs: 0,
  })

  test('is one for each table', () => {
    expect(raised([beyond('1'), beyond('2', 'prizeCount'), beyond('3')], [])).toEqual([
      {
        name: `${code} books`,
        keys: ['1', '3'],
        reason:
          'bookCount of 1 is NaN, bookCount of 3 is NaN in SQL, which no integer of 64 bits is',
      },
      {
        name: `${code} prizes`,
        keys: ['2'],
        reason: 'prizeCount of 2 is NaN in SQL, which no integer of 64 bits is',
      },
    ])
  })

  test('is raised again for entries alone that it does not name yet', () => {
    expect(raised([beyond('1')], [standing(['1', '2'])])).toEqual([])
    expect(raised([beyond('1'), beyond('3')], [standing(['1', '2'])])).toMatchObject([
      { keys: ['1', '2', '3'], reason: expect.stringMatching(/^bookCount of 3 .* 2 more/) },
    ])
  })

  test('is about the whole table where more than a hundred entries have such a number', () => {
    const many = Array.from({ length: 150 }, (_, at) => beyond(String(at)))
    const [doubt] = raised(many, [])
    expect(doubt!.keys).toEqual([])
    expect(doubt!.reason).toMatch(/bookCount of 4 is NaN in SQL, .* 145 more$/)
    expect(
      raised(many.slice(0, 60), [standing(many.slice(60, 120).map(({ key }) => key))]),
    ).toEqual([{ ...doubt, reason: expect.stringMatching(/115 more$/) }])
    expect(raised(many, [standing([])])).toEqual([])
  })
})
