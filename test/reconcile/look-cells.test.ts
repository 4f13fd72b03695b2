import { judgeSheets, takeSheet } from '../../src/reconcile/look.ts'
import { fullPace } from '../../src/reconcile/pace.ts'
import { walk } from '../../src/reconcile/walk.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import { limits } from '../../src/store/limits.ts'
import { talliedLibrary } from '../support/library.ts'
import { Compared, held, kindsOf } from './look-fixture.ts'

let world: Compared

beforeEach(async () => {
  world = new Compared(talliedLibrary)
  await world.start()
})

/** Source and store have an author with so many genres. */
function author(key: number, genres: number): void {
  const items = new Map(Array.from({ length: genres }, (_, at) => [`genre ${1_000 + at}`, 1n]))
  world.both(String(key), { ...held('Ada'), tallies: new Map([['genres', items]]) })
}

/** Reads so many keys in each step of the store. */
function steps(asked: number[]) {
  const { audit } = world.plan()
  return {
    ...audit,
    look: (question: LookQuestion) => {
      asked.push(question.keys.length)
      return audit.look(question)
    },
  }
}

test('a step of the store tells of no more than so many characters, or of one entry', async () => {
  for (let key = 1; key <= 12; key += 1) author(key, 300)
  author(13, 999)
  const asked: number[] = []
  const sheet = await takeSheet(world.plan(), { kind: 'range', after: undefined, keysMax: 100 })
  const plan = world.plan({ audit: steps(asked) })
  const judgement = await judgeSheets(plan, [sheet], { ticket: undefined, signal: world.signal })
  // `10:genre 10001;` for each.
  const fitting = Math.floor(limits.lookCharsMax / (300 * 15))
  expect(asked).toEqual([fitting, fitting, fitting, fitting, 1])
  expect(new Set(Object.values(kindsOf(judgement)))).toEqual(new Set(['right']))
})

test('a look names the tallies that it has not compared', async () => {
  author(1, 2)
  author(2, limits.cellsMax + 1)
  const sheet = await takeSheet(world.plan(), { kind: 'keys', keys: ['1', '2'] })
  const options = { ticket: undefined, signal: world.signal }
  const { large } = await judgeSheets(world.plan(), [sheet], options)
  expect(large).toEqual([{ entry: '2', tally: 'genres' }])
})

test('a walk asks for fewer keys at once where entries are long', async () => {
  for (let key = 1; key <= 400; key += 1) author(key, 10)
  const options = { after: undefined, pace: { ...fullPace, charsAhead: 3_500 } }
  const walking = { ...options, ticket: () => undefined, signal: world.signal }
  await world.clock.until(walk(world.plan(), walking, async () => true))
  const asked = world.pages.map((page) => (page.kind === 'range' ? page.keysMax : 0))
  expect(asked[0]).toBe(200)
  // A text and its key have about 175 characters.
  expect(Math.max(...asked.slice(1))).toBeLessThan(12)
  expect(Math.min(...asked.slice(1))).toBeGreaterThan(8)
})
