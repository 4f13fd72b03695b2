import * as fc from 'fast-check'
import type { Mutation } from '../../src/mutation.ts'
import { judge, nameOfField, type Verdict } from '../../src/reconcile/judge.ts'
import { absentText, encodeEntry } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import { emptyData } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { talliedLibrary } from '../support/library.ts'
import { aBeginning } from '../store/store-fixture.ts'

const { layout } = talliedLibrary
const ada = { name: 'Ada' }
const counts = { bookCount: 2n, prizeCount: 0n }
type Items = Readonly<Record<string, bigint>>
type Tallies = Readonly<Record<string, Items>>

const cellsOf = (tallies: Tallies) =>
  new Map(
    Object.entries(tallies)
      .map(([name, items]) => [name, new Map(Object.entries(items))] as const)
      .filter(([, items]) => items.size > 0),
  )
const text = (tallies: Tallies) =>
  encodeEntry(layout, '1', { fields: ada, counts, tallies: cellsOf(tallies) })
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`item ${index}`, 1n]))

type Given = {
  readonly truth?: Tallies
  readonly found?: Tallies
  readonly unseen?: Tallies
  readonly unproved?: readonly string[]
}

function judged({ truth = {}, found = {}, unseen, unproved = [] }: Given): Verdict {
  const mutation: Mutation | undefined = unseen && {
    entry: '1',
    put: undefined,
    add: {},
    cells: cellsOf(unseen),
  }
  const evidence = { key: '1', truth: text(truth), found: text(found), unseen: mutation }
  return judge(talliedLibrary, evidence, new Set(unproved))
}

function wrong(verdict: Verdict) {
  if (verdict.kind !== 'wrong') throw new Error(`it is ${verdict.kind}`)
  const { differences, correction } = verdict
  return {
    differs: differences.map((each) => [nameOfField(each), each.expected, each.found]),
    cells: Object.fromEntries(
      [...(correction.cells ?? [])].map(([name, items]) => [name, Object.fromEntries(items)]),
    ),
  }
}

describe('a tally is right', () => {
  test('that has the cells of the truth, with what that does not see', () => {
    const truth = { genres: { epic: 2n, ode: 1n } }
    expect(judged({ truth, found: truth })).toEqual({ kind: 'right' })
    const unseen = { genres: { epic: -2n, ode: 1n, sonnet: 1n } }
    const found = { genres: { ode: 2n, sonnet: 1n } }
    expect(judged({ truth, found, unseen })).toEqual({ kind: 'right' })
  })

  test('that is another one only by a table of which nothing can be told', () => {
    const given = { truth: { genres: { epic: 1n } }, found: { genres: { epic: 2n } } }
    expect(judged({ ...given, unproved: ['books'] })).toEqual({ kind: 'right' })
    expect(judged({ ...given, unproved: ['prizes'] })).toMatchObject({ kind: 'wrong' })
  })
})

describe('a tally is wrong', () => {
  test('by an amount, a cell that is missing, and one that should not be there', () => {
    const verdict = judged({
      truth: { genres: { epic: 2n, ode: 1n }, honours: { bay: 1n } },
      found: { genres: { epic: 5n, farce: 3n }, honours: { bay: 1n } },
    })
    expect(wrong(verdict)).toEqual({
      differs: [
        ['genres[epic]', '2', '5'],
        ['genres[ode]', '1', null],
        ['genres[farce]', null, '3'],
      ],
      cells: { genres: { epic: -3n, ode: 1n, farce: -3n } },
    })
  })

  test('by an amount below zero', () => {
    expect(wrong(judged({ found: { honours: { bay: -1n } } }))).toEqual({
      differs: [['honours[bay]', null, '-1']],
      cells: { honours: { bay: 1n } },
    })
  })

  test('by what changes have taken away, and the store still has', () => {
    const truth = { genres: { epic: 1n } }
    const verdict = judged({ truth, found: truth, unseen: { genres: { epic: -1n } } })
    expect(wrong(verdict).cells).toEqual({ genres: { epic: -1n } })
  })

  test('of which twenty items are named, and the rest summed up', () => {
    const verdict = judged({ truth: { genres: many(30) } })
    const { differs, cells } = wrong(verdict)
    expect(differs.length).toBe(21)
    expect(differs.at(-1)).toEqual(['genres[10 more]', '10', '0'])
    expect(Object.keys(cells['genres']!).length).toBe(30)
  })
})

describe('a tally that has too many cells to be told', () => {
  const large = { genres: many(limits.cellsMax + 1), honours: { bay: 1n } }

  test('is not compared, and is named, also where both texts are alike', () => {
    const right = { kind: 'right', large: ['genres'] }
    expect(judged({ truth: large, found: large })).toEqual(right)
    expect(judged({ truth: { ...large, genres: {} }, found: large })).toEqual(right)
    expect(judged({ truth: large, found: { ...large, genres: {} } })).toEqual(right)
  })

  test('is named beside what is wrong', () => {
    const verdict = judged({ truth: large, found: { ...large, honours: {} } })
    expect(verdict).toMatchObject({ kind: 'wrong', large: ['genres'] })
    expect(wrong(verdict).cells).toEqual({ honours: { bay: 1n } })
  })

  test('is not named where nothing can be told of its table', () => {
    expect(judged({ truth: large, found: large, unproved: ['books'] })).toEqual({ kind: 'right' })
  })

  test('is one that is told by the truth, and has become large by what that does not see', () => {
    const truth = { genres: many(limits.cellsMax) }
    const found = { genres: { ...many(limits.cellsMax), one: 1n } }
    const unseen = { genres: { one: 1n } }
    expect(judged({ truth, found, unseen })).toEqual({ kind: 'right', large: ['genres'] })
  })

  test('is none for an item that looks like it', () => {
    const truth = { genres: { 'a|*': 1n }, honours: { '|*|': 2n } }
    expect(judged({ truth, found: truth })).toEqual({ kind: 'right' })
  })
})

const item = fc.constantFrom('epic', 'ode', '', '5:a;|*')
const amounts = fc.dictionary(
  item,
  fc.bigInt({ min: -3n, max: 3n }).filter((amount) => amount !== 0n),
)
const tallies = fc.record({ genres: amounts, honours: amounts })

test('the correction makes of any tallies what they must be', async () => {
  await fc.assert(
    fc.asyncProperty(tallies, tallies, tallies, async (truth, found, unseen) => {
      const data = emptyData()
      const store = memoryStore(undefined, data)
      const epoch = (await store.coordination.open(aBeginning()))!
      const lying = cellsOf(found)
      data.entries.set('1', { fields: ada, counts, ...(lying.size > 0 && { tallies: lying }) })
      const audit = store.audit(layout)
      const look = async () => {
        const answer = await audit.look({ epoch, keys: ['1'], ticket: 't' })
        return answer.kind === 'entries' ? answer.texts[0]! : absentText(layout)
      }
      const before = await look()
      const verdict = judged({ truth, found, unseen })
      if (verdict.kind === 'wrong') {
        await audit.correct({ epoch, ticket: 't', corrections: [verdict.correction] })
      }
      const expected = text({
        genres: sum(truth.genres, unseen.genres),
        honours: sum(truth.honours, unseen.honours),
      })
      expect(await look()).toBe(expected)
      expect(verdict.kind).toBe(before === expected ? 'right' : 'wrong')
    }),
  )
})

function sum(base: Items, more: Items): Items {
  const names = [...new Set([...Object.keys(base), ...Object.keys(more)])]
  const sums = names.map((name) => [name, (base[name] ?? 0n) + (more[name] ?? 0n)] as const)
  return Object.fromEntries(sums.filter(([, amount]) => amount !== 0n))
}
