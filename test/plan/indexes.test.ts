import { indexWorks, rangeNotes, unfinishedNotes } from '../../src/plan/indexes.ts'
import type { KeyType } from '../../src/types/types.ts'
import { bigint } from '../../src/types/declare.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { setupFacts, tableFacts } from './facts.ts'

function viewBy(key: Readonly<Record<string, KeyType>>, by: readonly string[]) {
  return defineView({
    name: 'v',
    key,
    row: from('owners', { key: Object.keys(key), fields: {} }),
    aggregates: { n: countOf('items', { by }) },
  })
}

const pair = viewBy({ shop: 'bigint', number: 'integer' }, ['in_shop', 'in_number'])

function statementsFor(view: View, items: ReturnType<typeof tableFacts>) {
  const facts = setupFacts({ owners: tableFacts(['shop', 'number', 'key']), items })
  return indexWorks(facts, [view]).flatMap(({ statements }) => statements.map(({ shown }) => shown))
}

const index = (...columns: (string | null)[]) => ({
  columns,
  collations: columns.map(() => null),
})
const columns = ['id', 'in_shop', 'in_number', 'other']

test('columns that rows are counted by get an index where none begins with them', () => {
  const wanted = ['create index concurrently on public."items" ("in_shop", "in_number");']
  expect(statementsFor(pair, tableFacts(columns))).toEqual(wanted)
  for (const indexes of [
    [index('in_shop')],
    [index('other', 'in_shop', 'in_number')],
    [index('in_shop', null, 'in_number')],
    [index('in_shop'), index('in_number')],
  ]) {
    expect(statementsFor(pair, tableFacts(columns, { indexes }))).toEqual(wanted)
  }
})

test('an index of another collation than the column has finds no value of it', () => {
  const view = viewBy({ name: 'text' }, ['of'])
  const plain = tableFacts(['id', 'of'])
  const of = { ...plain.columns['of']!, collation: 'default' }
  const items = (collation: string) =>
    tableFacts(['id', 'of'], {
      columns: { ...plain.columns, of },
      indexes: [{ columns: ['of'], collations: [collation] }],
    })
  const wanted = ['create index concurrently on public."items" ("of");']
  expect(statementsFor(view, items('C'))).toEqual(wanted)
  expect(statementsFor(view, items('default'))).toEqual([])
})

test('a window wants its time behind the other columns of an index', () => {
  const view = defineView({
    name: 'play',
    key: { start: windowOf('timestamptz', '5 minutes'), session: 'bigint' },
    aggregates: { n: countOf('items', { by: ['at', 'session'] }) },
  })
  const items = ['id', 'at', 'session']
  const wanted = ['create index concurrently on public."items" ("session", "at");']
  for (const indexes of [[], [index('session')], [index('at', 'session')], [index('at')]]) {
    expect(statementsFor(view, tableFacts(items, { indexes }))).toEqual(wanted)
  }
  const indexes = [index('session', 'at', 'id')]
  expect(statementsFor(view, tableFacts(items, { indexes }))).toEqual([])
})

test('a view without owning rows is gone through by its counts alone', () => {
  const view = defineView({
    name: 'play',
    key: { kind: 'text', start: windowOf('timestamptz', '5 minutes') },
    aggregates: { n: countOf('items', { by: ['kind', 'at'] }) },
  })
  const facts = setupFacts({ items: tableFacts(['id', 'kind', 'at']) })
  expect(rangeNotes(facts, [view])).toEqual([
    'items: view play goes through it in the order of bytes; where it is large, that wants: ' +
      'create index concurrently on public."items" (("kind" collate "C"), "at");',
  ])
})

test('one index serves all counts by the same columns, of one view and of several', () => {
  const counts = (name: string, by: readonly string[]) =>
    defineView({
      name,
      key: { shop: 'bigint', number: 'bigint' },
      row: from('owners', { key: ['shop', 'number'], fields: {} }),
      aggregates: { first: countOf('items', { by }), again: countOf('items', { by }) },
    })
  const views = [counts('v', ['in_shop', 'in_number']), counts('w', ['in_number', 'in_shop'])]
  const facts = setupFacts({
    owners: tableFacts(['shop', 'number', 'key']),
    items: tableFacts(columns),
  })
  expect(indexWorks(facts, views)).toHaveLength(1)
})

test('tallies need one as counts do', () => {
  const view = defineView({
    name: 'v',
    key: { shop: 'text' },
    row: from('owners', { key: 'shop', fields: {} }),
    aggregates: { top: topOf('items', { by: 'in_shop', item: bigint('other'), most: 3 }) },
  })
  const facts = setupFacts({ owners: tableFacts(['shop', 'key']), items: tableFacts(columns) })
  expect(indexWorks(facts, [view]).flatMap(({ statements }) => statements)).toEqual([
    { shown: 'create index concurrently on public."items" ("in_shop");' },
  ])
  expect(rangeNotes(facts, [view]).filter((note) => note.startsWith('items: '))).toHaveLength(1)
})

test('one that begins with them, in whatever order, is enough', () => {
  for (const indexes of [
    [index('in_shop', 'in_number')],
    [index('in_number', 'in_shop', 'other')],
    [index('other'), index('in_shop', 'in_number', null)],
  ]) {
    expect(statementsFor(pair, tableFacts(columns, { indexes }))).toEqual([])
  }
})

test('an enum is asked for by its label, which no index has', () => {
  const view = viewBy({ mood: 'enum', shop: 'bigint' }, ['in_mood', 'in_shop'])
  expect(statementsFor(view, tableFacts(['id', 'in_mood', 'in_shop']))).toEqual([
    'create index concurrently on public."items" ("in_shop");',
  ])
  const alone = viewBy({ mood: 'enum' }, ['in_mood'])
  expect(statementsFor(alone, tableFacts(['id', 'in_mood']))).toEqual([])
})

test('partitions get theirs one by one, and the table takes them over', () => {
  const part = (name: string) => ({ name, kind: 'r', persistence: 'p', identity: 'f' })
  const parts = [part('public.one'), part('x."Two"')]
  expect(statementsFor(pair, tableFacts(columns, { kind: 'p', parts }))).toEqual([
    'create index concurrently on public.one ("in_shop", "in_number");',
    'create index concurrently on x."Two" ("in_shop", "in_number");',
    'create index on public."items" ("in_shop", "in_number");',
  ])
})

test('tables and columns that are not there get none', () => {
  expect(statementsFor(pair, tableFacts(['id', 'in_shop']))).toEqual([])
  expect(indexWorks(setupFacts({}), [pair])).toEqual([])
})

test('keys of text are gone through in the order of bytes, which an index may have', () => {
  const view = viewBy({ name: 'text' }, ['of'])
  const notes = (indexes: ReturnType<typeof tableFacts>['indexes']) => {
    const owners = tableFacts(['name'], { indexes: [{ columns: ['name'], collations: ['C'] }] })
    return rangeNotes(setupFacts({ owners, items: tableFacts(['id', 'of'], { indexes }) }), [view])
  }
  const wanted = [
    expect.stringContaining('create index concurrently on public."items" (("of" collate "C"));'),
  ]
  expect(notes([])).toEqual(wanted)
  expect(notes([{ columns: ['of'], collations: ['default'] }])).toEqual(wanted)
  expect(notes([{ columns: ['id', 'of'], collations: [null, 'C'] }])).toEqual(wanted)
  expect(notes([{ columns: ['of', 'id'], collations: ['C', null] }])).toEqual([])
  const facts = setupFacts({ owners: tableFacts(['shop']), items: tableFacts(columns) })
  expect(rangeNotes(facts, [pair])).toEqual([])
})

test('an index that was left unfinished is named', () => {
  const items = tableFacts(columns, { unfinished: ['items_idx'] })
  expect(unfinishedNotes(setupFacts({ items }))).toEqual([
    'items: index items_idx is not finished; if nobody builds it now: drop index concurrently items_idx;',
  ])
})
