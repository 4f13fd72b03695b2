import * as fc from 'fast-check'
import type { Fields, Mutation } from '../../src/mutation.ts'
import { judge, type Evidence, type Verdict } from '../../src/reconcile/judge.ts'
import { absentText, encodeEntry, unreadable } from '../../src/store/entry-text.ts'
import { emptyData, type Held } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { integer } from '../../src/types/declare.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { defineView } from '../../src/view/define-view.ts'
import { library } from '../support/library.ts'
import { aBeginning } from '../store/store-fixture.ts'

const { layout } = library
const none = new Set<string>()
const zeros = { bookCount: 0n, prizeCount: 0n }
type Counts = Readonly<Record<string, bigint>>

const text = (fields: Fields | null, counts: Counts) => encodeEntry(layout, '1', { fields, counts })
const absent = absentText(layout)
const ada = { name: 'Ada' }

function judged(given: Partial<Evidence>, unproved: ReadonlySet<string> = none): Verdict {
  const evidence = { key: '1', truth: undefined, found: absent, unseen: undefined, ...given }
  return judge(library, evidence, unproved)
}

function wrong(verdict: Verdict) {
  if (verdict.kind !== 'wrong') throw new Error(`it is ${verdict.kind}`)
  const { differences, correction } = verdict
  return {
    differs: differences.map(({ field, expected, found }) => [field, expected, found]),
    put: correction.put,
    add: correction.add,
  }
}

const right = { kind: 'right' }
const unseen = (given: Partial<Mutation>): Mutation => ({
  entry: '1',
  put: undefined,
  add: {},
  ...given,
})

describe('an entry is right', () => {
  test('that is what the truth says', () => {
    const truth = text(ada, { bookCount: 2n, prizeCount: 0n })
    expect(judged({ truth, found: truth })).toEqual(right)
    expect(judged({})).toEqual(right)
  })

  test('that is what the truth says with the changes that it does not see', () => {
    const truth = text(ada, { bookCount: 2n, prizeCount: 0n })
    const bob = { name: 'Bob' }
    const found = text(bob, { bookCount: 3n, prizeCount: 0n })
    expect(judged({ truth, found, unseen: unseen({ put: bob, add: { bookCount: 1n } }) })).toEqual(
      right,
    )
    const gone = text(null, { bookCount: 1n, prizeCount: 0n })
    expect(
      judged({ truth, found: gone, unseen: unseen({ put: null, add: { bookCount: -1n } }) }),
    ).toEqual(right)
    const born = text(ada, { bookCount: 1n, prizeCount: 0n })
    expect(judged({ found: born, unseen: unseen({ put: ada, add: { bookCount: 1n } }) })).toEqual(
      right,
    )
  })

  test('that is gone with all that it had', () => {
    const truth = text(ada, { bookCount: 2n, prizeCount: 0n })
    expect(judged({ truth, unseen: unseen({ put: null, add: { bookCount: -2n } }) })).toEqual(right)
  })

  test('of which a change puts fewer fields than the view has', () => {
    expect(judged({ found: text({ name: null }, zeros), unseen: unseen({ put: {} }) })).toEqual(
      right,
    )
  })

  test('that differs only in what nothing can be told of', () => {
    const truth = text(ada, { bookCount: 2n, prizeCount: 1n })
    const found = text({ name: 'Eve' }, { bookCount: 3n, prizeCount: 1n })
    expect(judged({ truth, found }, new Set(['authors', 'books']))).toEqual(right)
    expect(judged({ truth, found }, new Set(['authors', 'prizes']))).toMatchObject({
      kind: 'wrong',
    })
    expect(judged({ truth, found }, new Set(['books', 'prizes']))).toMatchObject({ kind: 'wrong' })
  })
})

describe('an entry is wrong', () => {
  test('with the amounts that it lacks', () => {
    const truth = text(ada, { bookCount: 2n, prizeCount: 5n })
    const found = text(ada, { bookCount: 3n, prizeCount: 1n })
    const verdict = judged({ truth, found })
    expect(wrong(verdict)).toEqual({
      differs: [
        ['bookCount', '2', '3'],
        ['prizeCount', '5', '1'],
      ],
      put: undefined,
      add: { bookCount: -1n, prizeCount: 4n },
    })
    expect(verdict).toMatchObject({
      correction: { entry: '1' },
      differences: [{ key: '1' }, { key: '1' }],
    })
  })

  test('with the amounts that it lacks alone, where no row is nor has to be', () => {
    const truth = text(null, { bookCount: 2n, prizeCount: 0n })
    const found = text(null, { bookCount: 3n, prizeCount: 0n })
    expect(wrong(judged({ truth, found }))).toEqual({
      differs: [['bookCount', '2', '3']],
      put: undefined,
      add: { bookCount: -1n },
    })
  })

  test('with each field that is another', () => {
    const [truth, found] = [text(ada, zeros), text({ name: null }, zeros)]
    expect(wrong(judged({ truth, found }))).toEqual({
      differs: [['name', 'Ada', null]],
      put: ada,
      add: {},
    })
    expect(wrong(judged({ truth: found, found: truth }))).toEqual({
      differs: [['name', null, 'Ada']],
      put: { name: null },
      add: {},
    })
  })

  test('whose row is missing, or is there and should not be', () => {
    const [truth, found] = [text(ada, zeros), text(null, { bookCount: 1n, prizeCount: 0n })]
    expect(wrong(judged({ truth, found }))).toEqual({
      differs: [
        ['bookCount', '0', '1'],
        ['*', 'a row', null],
      ],
      put: ada,
      add: { bookCount: -1n },
    })
    expect(wrong(judged({ found: truth }))).toEqual({
      differs: [['*', null, 'a row']],
      put: null,
      add: {},
    })
  })

  test('that says nothing and yet lies there', () => {
    const found = `!${absent.slice(1)}`
    expect(wrong(judged({ found }))).toEqual({
      differs: [['*', null, 'an empty entry']],
      put: null,
      add: {},
    })
    expect(wrong(judged({ truth: text(ada, zeros), found }))).toEqual({
      differs: [['*', 'a row', 'an empty entry']],
      put: ada,
      add: {},
    })
  })

  test('where a counter of its row is missing: putting the row makes it whole', () => {
    const truth = text(ada, zeros)
    const found = text(ada, { bookCount: 0n })
    expect(wrong(judged({ truth, found }))).toEqual({
      differs: [['prizeCount', '0', null]],
      put: ada,
      add: {},
    })
    const more = text(ada, { bookCount: 0n, prizeCount: 3n })
    expect(wrong(judged({ truth: more, found }))).toEqual({
      differs: [['prizeCount', '3', null]],
      put: ada,
      add: { prizeCount: 3n },
    })
  })

  test('where a counter is missing, and nothing can be told of the row: only if it counts', () => {
    const found = text(ada, { bookCount: 0n })
    const unproved = new Set(['authors'])
    expect(judged({ truth: text(ada, zeros), found }, unproved)).toEqual(right)
    const truth = text(ada, { bookCount: 0n, prizeCount: 3n })
    expect(wrong(judged({ truth, found }, unproved))).toEqual({
      differs: [['prizeCount', '3', null]],
      put: undefined,
      add: { prizeCount: 3n },
    })
  })

  test('where a counter is missing of a row that should not be there: it goes with the row', () => {
    expect(wrong(judged({ found: text(ada, { bookCount: 0n }) }))).toEqual({
      differs: [['*', null, 'a row']],
      put: null,
      add: {},
    })
  })
})

describe('a number of the source that no counter holds', () => {
  const [huge, most] = [2n ** 64n - 2n, 2n ** 63n - 1n]
  const beyond = (field: string, expected: unknown, found: string | null) => [
    { key: '1', field, expected: String(expected), found },
  ]

  test.each([huge, -huge, 2n ** 63n, 'NaN', 'Infinity', '-Infinity'])(
    'is told, and what else differs is put right: %s',
    (number) => {
      const truth = text(ada, { bookCount: 7n, prizeCount: 5n }).replace('7', String(number))
      const found = text({ name: 'Eve' }, { bookCount: 3n, prizeCount: 1n })
      const verdict = judged({ truth, found })
      expect(wrong(verdict)).toEqual({
        differs: [
          ['prizeCount', '5', '1'],
          ['name', 'Ada', 'Eve'],
        ],
        put: ada,
        add: { prizeCount: 4n },
      })
      expect(verdict).toMatchObject({ beyond: beyond('bookCount', number, '3') })
      expect(judged({ truth, found: text(ada, { bookCount: -4n, prizeCount: 5n }) })).toEqual({
        kind: 'right',
        beyond: beyond('bookCount', number, '-4'),
      })
    },
  )

  test('leaves the counter at 0 where the entry is put in', () => {
    const truth = text(ada, { bookCount: huge, prizeCount: 5n })
    const verdict = judged({ truth })
    expect(wrong(verdict)).toMatchObject({ put: ada, add: { prizeCount: 5n } })
    expect(verdict).toMatchObject({ beyond: beyond('bookCount', huge, '0') })
    const lacking = judged({ truth, found: text(ada, { prizeCount: 5n }) })
    expect(wrong(lacking)).toEqual({ differs: [['bookCount', '0', null]], put: ada, add: {} })
    expect(lacking).toMatchObject({ beyond: beyond('bookCount', huge, null) })
  })

  test('is one with what the snapshot does not see', () => {
    const truth = text(ada, { bookCount: huge, prizeCount: 0n })
    const found = text(ada, { bookCount: most, prizeCount: 0n })
    expect(judged({ truth, found, unseen: unseen({ add: { bookCount: -most } }) })).toEqual(right)
    const more = unseen({ add: { bookCount: 1n } })
    expect(judged({ truth: found, found, unseen: more })).toEqual({
      kind: 'right',
      beyond: beyond('bookCount', 2n ** 63n, String(most)),
    })
    const nan = truth.replace(String(huge), 'NaN')
    expect(judged({ truth: nan, found, unseen: more })).toMatchObject({
      beyond: beyond('bookCount', 'NaN', String(most)),
    })
  })

  test('is nothing to a table of which nothing can be told', () => {
    const truth = text(ada, { bookCount: huge, prizeCount: 0n })
    expect(judged({ truth, found: text(ada, zeros) }, new Set(['books']))).toEqual(right)
  })
})

test.each([unreadable, 'what is this', '+1:1;0', `${absent};0`])(
  'what can not be read has to be moved aside: %s',
  (found) => {
    expect(judged({ found })).toEqual({ kind: 'unreadable' })
    expect(judged({ found, unseen: unseen({ put: ada }) })).toEqual({ kind: 'unreadable' })
  },
)

test('a source that answers no entry has a bug', () => {
  expect(() => judged({ truth: 'x', found: text(ada, zeros) })).toThrow(
    'the source gave no entry: x',
  )
})

const name = fc.constantFrom('Ada', 'Bob', '', 'a;b:c', null)
const fields = fc.option(fc.record({ name }), { nil: null })
const small = fc.bigInt({ min: -3n, max: 3n })
const counts = fc.record({ bookCount: small, prizeCount: small })
/** What lies in a store: counters may be missing, and others lie beside them. */
const held: fc.Arbitrary<Held> = fc.record({
  fields,
  counts: fc.record({ bookCount: small, prizeCount: small, older: small }, { requiredKeys: [] }),
})
const change = fc.option(
  fc.record({
    put: fc.option(fields, { nil: undefined }),
    add: fc.record({ bookCount: small, prizeCount: small }, { requiredKeys: [] }),
  }),
  { nil: undefined },
)
const unprovedTables = fc.uniqueArray(fc.constantFrom('authors', 'books', 'prizes'))

/** Lays `found` into a store, judges it as it is looked at, and corrects it. */
async function corrected(given: {
  readonly found: Held | undefined
  readonly truth: string | undefined
  readonly unseen: Mutation | undefined
  readonly unproved: ReadonlySet<string>
}) {
  const data = emptyData()
  const store = memoryStore(undefined, data)
  const epoch = (await store.coordination.open(aBeginning()))!
  if (given.found) data.entries.set('1', given.found)
  const audit = store.audit(layout)
  const look = async (ticket: string | undefined) => {
    const answer = await audit.look({ epoch, keys: ['1'], ticket })
    if (answer.kind === 'conflict') throw new Error('another epoch')
    return answer.texts[0]!
  }
  const { truth, unseen: not } = given
  const found = await look('t')
  const verdict = judge(library, { key: '1', truth, found, unseen: not }, given.unproved)
  if (verdict.kind === 'wrong') {
    await audit.correct({ epoch, ticket: 't', corrections: [verdict.correction] })
  }
  return { verdict, before: found, after: await look(undefined) }
}

/** The texts' parts by the table that they come from. */
function partsOf(entry: string) {
  const [row, books, prizes] = entry.replace(/^!/, '-').split(/;(?=-?\d+;-?\d+$|-?\d+$|-)/)
  return { authors: row, books, prizes }
}

describe('for any truth, any changes and whatever lies there', () => {
  const sum = (base: Counts, more: Counts) =>
    Object.fromEntries(layout.counts.map((count) => [count, base[count]! + (more[count] ?? 0n)]))

  test('the correction makes of the entry what it must be', async () => {
    await fc.assert(
      fc.asyncProperty(
        fields,
        counts,
        change,
        fc.option(held, { nil: undefined }),
        async (row, amounts, more, found) => {
          const truth = text(row, amounts)
          const not = more && unseen(more)
          const { verdict, before, after } = await corrected({
            found,
            truth: truth === absent ? undefined : truth,
            unseen: not,
            unproved: none,
          })
          const expected = text(
            more?.put === undefined ? row : more.put,
            sum(amounts, more?.add ?? {}),
          )
          expect(after).toBe(expected)
          expect(verdict.kind).toBe(before === expected ? 'right' : 'wrong')
        },
      ),
    )
  })

  test('it touches nothing of which nothing can be told, and puts the rest right', async () => {
    await fc.assert(
      fc.asyncProperty(
        fields,
        counts,
        counts,
        fc.tuple(fields, unprovedTables),
        async (row, must, is, [there, tables]) => {
          const truth = text(row, must)
          const unproved = new Set(tables)
          const { verdict, before, after } = await corrected({
            found: {
              fields: there,
              counts: is,
            },
            truth,
            unseen: undefined,
            unproved,
          })
          const [was, became, should] = [before, after, truth].map(partsOf)
          for (const table of ['authors', 'books', 'prizes'] as const) {
            expect(became![table]).toBe(unproved.has(table) ? was![table] : should![table])
          }
          if (verdict.kind === 'right') expect(after).toBe(before)
          else expect(after).not.toBe(before)
        },
      ),
    )
  })
})

describe('an entry without an owning row', () => {
  const view = defineView({
    name: 'play',
    key: { session: 'bigint' },
    aggregates: { spent: sumOf('clicks', { by: 'session', of: integer('spent') }) },
  })
  const judgedOf = (truth: string | undefined, found: string, unproved = none) =>
    judge(view, { key: '1', truth, found, unseen: undefined }, unproved)

  test('is compared by its numbers, those among them that tell whether it is there', () => {
    expect(judgedOf('-;0;2', '-;0;2')).toEqual(right)
    const [, rows] = view.layout.counts
    expect(wrong(judgedOf('-;0;2', '-;0;1'))).toEqual({
      differs: [[rows, '2', '1']],
      put: undefined,
      add: { [rows!]: 1n },
    })
    expect(judgedOf('-;0;2', '-;0;1', new Set(['clicks']))).toEqual(right)
  })

  test('has no row that somebody put there, and is nothing where it is empty', () => {
    expect(wrong(judgedOf('-;3;2', '+1:1;3;2'))).toMatchObject({ put: null, add: {} })
    expect(wrong(judgedOf(undefined, '!;0;0'))).toMatchObject({ put: null, add: {} })
  })
})
