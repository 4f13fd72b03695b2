/** Views without an owning row, and windows as a part of their key. */
import type { Mutation } from '../../src/mutation.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { integer, timestamptz } from '../../src/types/declare.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { gt } from '../../src/view/condition.ts'
import { merge } from '../../src/view/consolidate.ts'
import {
  declarationId,
  decodeView,
  encodeView,
  mergeViews,
  storedBeside,
  storedNamesLost,
} from '../../src/view/declarations.ts'
import { countOf, defineView, from, type ViewDeclaration } from '../../src/view/define-view.ts'
import { fold } from '../../src/view/fold.ts'
import { jsonSchemaOf, toJson } from '../../src/view/json.ts'
import { replicaIdentityOf } from '../../src/view/replica-identity.ts'
import { columnsOf, retractColumnsOf, tablesOf, type View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { insert, remove, update } from '../support/builders.ts'
import { aBarrier, aBeginning, aCommit, checkpoint, declared } from '../store/store-fixture.ts'

const by = ['session', 'at']
const key = { session: 'bigint', start: windowOf('timestamptz', '5 minutes') } as const
const play: ViewDeclaration = {
  name: 'play',
  key,
  aggregates: {
    spent: sumOf('clicks', { by, of: integer('spent') }),
    pages: topOf('views', { by, item: 'page', most: 3 }),
  },
}
const view = defineView(play)
const hidden = view.counts.slice(1)

const click = (session: bigint | null, at: string | null, spent = 1n) => ({ session, at, spent })
const at = (clock: string) => `2026-11-21T${clock}.000000Z`
const entry = (session: number, clock: string) =>
  `${session}:2026-11-21T${clock.replaceAll(':', '\\:')}.000000Z`

describe('a view without an owning row', () => {
  test('counts the rows of every group, where no count of readers does', () => {
    expect(view.row).toBeUndefined()
    expect(view.layout.fields).toEqual([])
    expect(view.layout.counts).toEqual(['spent', ...hidden.map(({ stored }) => stored)])
    expect(view.layout.presence).toEqual(hidden.map(({ stored }) => stored))
    expect(hidden.map(({ table, adds }) => [table, adds.kind])).toEqual([
      ['clicks', 'row'],
      ['views', 'row'],
    ])
    const counted = defineView({
      ...play,
      aggregates: {
        clicks: countOf('clicks', { by }),
        mean: averageOf('clicks', { by, of: integer('spent'), digits: 1 }),
        long: sumOf('clicks', { by, of: integer('spent'), where: [gt(integer('spent'), 3)] }),
      },
    })
    expect(counted.layout.presence[0]).toBe('clicks')
    expect(counted.layout.presence).toHaveLength(2)
    expect(counted.counts.filter(({ name }) => name.startsWith('rows'))).toHaveLength(1)
  })

  test('reads the tables and columns of its aggregates, and no more', () => {
    expect(tablesOf(view)).toEqual(['clicks', 'views'])
    expect(columnsOf(view, 'clicks')).toEqual({
      session: 'bigint',
      at: 'timestamptz',
      spent: 'integer',
    })
    expect(retractColumnsOf(view, 'views')).toEqual(['session', 'at', 'page'])
    expect(replicaIdentityOf(view, 'clicks', ['id'])).toBe('full')
    expect(replicaIdentityOf(view, 'clicks', ['session', 'at', 'spent'])).toBe('default')
  })

  test('has its key and aggregates in JSON, and no count that tells whether it is there', () => {
    const names = ['session', 'start', 'spent', 'pages']
    expect(jsonSchemaOf(view).required).toEqual(names)
    const counts = { spent: 7n, [hidden[0]!.stored]: 2n }
    const json = toJson(view, { key: entry(1, '10:15:00'), fields: {}, counts })
    expect(Object.keys(json)).toEqual(names)
    expect(json).toMatchObject({ session: '1', start: at('10:15:00'), spent: '7' })
  })

  test.each<[string, Partial<ViewDeclaration> & object, RegExp]>([
    ['neither row nor aggregates', { aggregates: {} }, /it needs a row or aggregates/],
    ['fields without a row', { fields: { a: 'a' } } as object, /fields stand in its row/],
    [
      'a row, and a window',
      { row: from('sessions', { key: ['id', 'at'], fields: {} }) },
      /key start is a window, which no row of sessions can own/,
    ],
    [
      'two windows',
      { key: { a: windowOf('date', '7 days'), b: windowOf('date', '1 day') } },
      /a and b are windows: a key has one at most/,
    ],
    [
      'a length that is none',
      { key: { ...key, start: windowOf('timestamptz', '5 minuets') } },
      /key start: '5 minuets' is no length of a window: write '30 seconds'/,
    ],
    [
      'no length at all',
      { key: { ...key, start: windowOf('timestamptz', '0 seconds') } },
      /'0 seconds' is no length of a window/,
    ],
    [
      'a window of dates that is no number of days',
      { key: { ...key, start: windowOf('date', '36 hours') } },
      /a window of dates is a number of days, not '36 hours'/,
    ],
    [
      'a window of a type that has none',
      { key: { ...key, start: windowOf('text' as never, '5 minutes') } },
      /key start: there are windows of timestamptz, timestamp, date, not of 'text'/,
    ],
    [
      'a time without a window',
      { key: { ...key, start: 'timestamptz' } as never },
      /key start can't be timestamptz: .* windowOf/,
    ],
    [
      'a column of windows that is of another type elsewhere',
      { aggregates: { n: sumOf('clicks', { by, of: integer('at') }) } },
      /column at of clicks is both timestamptz and integer/,
    ],
  ])('is refused with %s', (_, wrong, message) => {
    expect(() => defineView({ ...play, ...wrong })).toThrow(message)
  })
})

describe('a window', () => {
  const given = (change: Parameters<typeof fold>[1]) => {
    const folded = fold(view, change)
    if (folded.kind === 'unusable') throw new Error(folded.reason)
    return folded.contributions.map(({ entry: of, add }) => [of, add['spent'] ?? add])
  }
  const id = { id: 1n }

  test('gets the rows whose times fall into it, however late they come', () => {
    expect(given(insert('clicks', id, click(1n, at('10:18:30'), 4n)))[0]).toEqual([
      entry(1, '10:15:00'),
      4n,
    ])
    expect(given(remove('clicks', id, click(1n, at('10:15:00'), 4n)))[0]).toEqual([
      entry(1, '10:15:00'),
      -4n,
    ])
  })

  test('stays as it is where a time moves within it, and loses what moves out of it', () => {
    const before = click(1n, at('10:15:00'), 4n)
    const within = update('clicks', id, { before, after: click(1n, at('10:19:59'), 6n) })
    expect(given(within)).toEqual([[entry(1, '10:15:00'), 2n]])
    const out = update('clicks', id, { before, after: click(1n, at('10:20:00'), 4n) })
    const [count] = hidden
    expect(given(out)).toEqual([
      [entry(1, '10:15:00'), -4n],
      [entry(1, '10:20:00'), 4n],
      [entry(1, '10:15:00'), { [count!.stored]: -1n }],
      [entry(1, '10:20:00'), { [count!.stored]: 1n }],
    ])
  })

  test.each([null, 'infinity', '-infinity'])('gets no row whose time is %s', (time) => {
    expect(given(insert('clicks', id, click(1n, time)))).toEqual([])
    const before = click(1n, at('10:15:00'))
    const after = click(1n, time)
    expect(given(update('clicks', id, { before, after }))).toHaveLength(2)
  })
})

describe('declarations', () => {
  const declare = (aggregates: NonNullable<ViewDeclaration['aggregates']>) =>
    defineView({ ...play, aggregates })

  test('pass as text, windows and all', () => {
    expect(decodeView(encodeView(view))).toEqual(view)
    expect(declarationId(decodeView(encodeView(view)))).toBe(declarationId(view))
  })

  test('are equal where lengths are written otherwise, and others where they are another', () => {
    const of = (length: string) =>
      declarationId(
        defineView({ ...play, key: { ...key, start: windowOf('timestamptz', length) } }),
      )
    expect(of('300 seconds')).toBe(declarationId(view))
    expect(of('10 minutes')).not.toBe(declarationId(view))
  })

  test('can not take the place of one with another window, or with an owning row', () => {
    const other = { ...key, start: windowOf('timestamptz', '10 minutes') }
    const message = 'kept with another key or owning table'
    expect(() => storedBeside(defineView({ ...play, key: other }), [view])).toThrow(message)
    const plain = { ...play, key: { session: 'bigint', start: 'text' } as const }
    const owned = { ...plain, row: from('sessions', { key: ['session', 'at'], fields: {} }) }
    const aggregates = { n: countOf('clicks', { by }) }
    const [one, two] = [
      defineView({ ...plain, aggregates }),
      defineView({ ...owned, aggregates: { n: countOf('views', { by }) } }),
    ]
    expect(() => storedBeside(two, [one])).toThrow(message)
    expect(() => storedBeside(one, [two])).toThrow(message)
  })

  test('share the count of the same rows, and keep what tells another group apart', () => {
    const spent = sumOf('clicks', { by, of: integer('spent') })
    const first = declare({ spent })
    const second = storedBeside(declare({ spent, n: countOf('views', { by }) }), [first])
    expect(second.layout.presence).toEqual([first.layout.presence[0], 'n'])
    // A name that means something else by then.
    const third = storedBeside(declare({ n: countOf('clicks', { by }) }), [first, second])
    expect(third.layout.presence).toEqual([expect.stringMatching(/^n@/)])
    expect(storedNamesLost(mergeViews([first, second, third]), third)).toEqual([
      'spent',
      first.layout.presence[0],
      'n',
    ])
  })

  test('each have the entries that their own rows make, while all of them are kept', async () => {
    const spent = sumOf('clicks', { by, of: integer('spent') })
    const first = declare({ spent })
    const second = storedBeside(
      declare({
        spent,
        n: countOf('views', { by }),
        top: topOf('likes', { by, item: 'x', most: 1 }),
      }),
      [first],
    )
    const third = storedBeside(declare({ n: countOf('views', { by }) }), [first, second])
    const merged = mergeViews([first, second, third])
    const row = { ...click(1n, at('10:15:00')), x: 'x' }
    const changes = [
      // 5 - 5 is not nothing: there are rows.
      insert('clicks', { id: 1n }, { ...row, spent: 5n }),
      insert('clicks', { id: 2n }, { ...row, spent: -5n }),
      insert('views', { id: 3n }, { ...row, session: 2n }),
      insert('likes', { id: 4n }, { ...row, session: 3n }),
      insert('clicks', { id: 5n }, { ...row, session: 4n }),
      remove('clicks', { id: 5n }, { ...row, session: 4n }),
    ]
    const all = await readBy(merged, changes, [first, second, third])
    const keys = [1, 2, 3, 4].map((session) => entry(session, '10:15:00'))
    const there = (reads: readonly (string | null)[]) => reads.map((read) => read !== null)
    const [byFirst, bySecond, byThird] = await Promise.all(all.map((read) => read(keys)))
    expect(there(byFirst!)).toEqual([true, false, false, false])
    expect(there(bySecond!)).toEqual([true, true, true, false])
    expect(there(byThird!)).toEqual([false, true, false, false])
  })
})

/** What readers of several declarations of one store get, each as its key or null. */
async function readBy(
  merged: View,
  changes: readonly Parameters<typeof fold>[1][],
  views: readonly View[],
) {
  const entries = new Map<string, Mutation>()
  for (const change of changes) {
    const folded = fold(merged, change)
    if (folded.kind === 'unusable') throw new Error(folded.reason)
    for (const each of folded.contributions) {
      const known = entries.get(each.entry)
      entries.set(each.entry, known ? merge(known, each) : each)
    }
  }
  const store = memoryStore()
  const epoch = (await store.coordination.open(aBeginning()))!
  const commit = aCommit(epoch, { to: checkpoint(11), mutations: [...entries.values()] })
  expect(await store.writer(merged.layout).commit(commit)).toMatchObject({ kind: 'applied' })
  const progress = { epoch, before: undefined, after: '{}', ended: [], completed: [declared.id] }
  await store.audit(merged.layout).progress(progress)
  await store.coordination.advance(epoch, aBarrier('0/10', 10), 0)
  return views.map(({ layout }) => async (keys: readonly string[]) => {
    const read = await store.reader(layout, declared.id).read(keys)
    if (read.kind !== 'serving') throw new Error(read.kind)
    return read.entries.map((found) => found?.key ?? null)
  })
}

test('a condition on the time itself stands beside the window', () => {
  const late = defineView({
    ...play,
    aggregates: { n: countOf('clicks', { by, where: [gt(timestamptz('at'), at('10:17:00'))] }) },
  })
  const given = (clock: string) => {
    const folded = fold(late, insert('clicks', { id: 1n }, click(1n, at(clock))))
    return folded.kind === 'contributions' ? folded.contributions.length : -1
  }
  expect([given('10:16:00'), given('10:18:00')]).toEqual([0, 1])
})
