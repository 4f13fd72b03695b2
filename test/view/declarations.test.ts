import * as fc from 'fast-check'
import { MillraceError } from '../../src/errors.ts'
import {
  declarationId,
  decodeView,
  encodeView,
  mergeViews,
  storedBeside,
  storedNamesLost,
} from '../../src/view/declarations.ts'
import { bigint, timestamptz } from '../../src/types/declare.ts'
import {
  countOf,
  defineView,
  from,
  type RowDeclaration,
  type ViewDeclaration,
} from '../../src/view/define-view.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import type { View } from '../../src/view/view.ts'
import { userInformation } from '../../examples/social/user-information.ts'

const first: ViewDeclaration = {
  name: 'author-page',
  key: { authorId: 'bigint' },
  row: from('authors', { key: 'id', fields: { name: 'name', born: timestamptz('born_at') } }),
  aggregates: { bookCount: countOf('books', { by: 'author' }) },
}

/** The first declaration with other fields, or other counts. */
function declared(
  fields: RowDeclaration['fields'],
  aggregates: ViewDeclaration['aggregates'] = first.aggregates,
): View {
  return defineView({ ...first, row: { ...first.row!, fields }, aggregates: aggregates ?? {} })
}

const view = defineView(first)
const { fields } = first.row!
const stored = ({ row, counts }: View) => [
  ...row!.fields.map((field) => field.stored),
  ...counts.map((count) => count.stored),
]

describe('the id of a declaration', () => {
  test('is that of what it says, and of nothing else', () => {
    expect(declarationId(view)).toMatch(/^[0-9a-f]{16}$/)
    expect(declarationId(defineView(first))).toBe(declarationId(view))
    const beside = storedBeside(view, [declared({ ...fields, name: 'pen_name' })])
    expect(stored(beside)).not.toEqual(stored(view))
    expect(declarationId(beside)).toBe(declarationId(view))
  })

  test.each<[string, View]>([
    ['its name', defineView({ ...first, name: 'author' })],
    ['the name of its key', defineView({ ...first, key: { author: 'bigint' } })],
    ['the type of its key', defineView({ ...first, key: { authorId: 'text' } })],
    ['its table', defineView({ ...first, row: { ...first.row!, table: 'writers' } })],
    ['its key column', defineView({ ...first, row: { ...first.row!, key: 'author_id' } })],
    ['a field', declared({ ...fields, motto: 'motto' })],
    ["a field's name", declared({ penName: 'name', born: fields['born']! })],
    ["a field's column", declared({ ...fields, name: 'pen_name' })],
    ["a field's type", declared({ ...fields, name: bigint('name') })],
    ['the order of fields', declared({ born: fields['born']!, name: 'name' })],
    ['a count', declared(fields, {})],
    ["a count's name", declared(fields, { books: countOf('books', { by: 'author' }) })],
    ["a count's table", declared(fields, { bookCount: countOf('novels', { by: 'author' }) })],
    ["a count's column", declared(fields, { bookCount: countOf('books', { by: 'editor' }) })],
  ])('is another where %s is', (_, other) => {
    expect(declarationId(other)).not.toBe(declarationId(view))
  })
})

test.each([view, userInformation, storedBeside(view, [declared({ name: 'pen_name' })])])(
  'a declaration comes back from its text',
  (each) => {
    // Where it is served is nothing that stores know of.
    expect(decodeView(encodeView(each))).toEqual({ ...each, serve: undefined })
  },
)

test('text that is no declaration is refused', () => {
  expect(() => decodeView('{"name":"x"}')).toThrow()
  const other = encodeView(view).replace('"text"', '"money"')
  expect(() => decodeView(other)).toThrow()
})

describe('a view beside others', () => {
  test('keeps its names where nothing else has them', () => {
    expect(storedBeside(view, [])).toEqual(view)
    expect(storedBeside(view, [view])).toEqual(view)
    expect(storedBeside(view, [declared({ motto: 'motto' }, {})])).toEqual(view)
  })

  test('has a name of its own for what others mean differently, in the layout as well', () => {
    const earlier = declared(
      { name: 'pen_name', born: 'born_at' },
      { bookCount: countOf('novels', { by: 'author' }) },
    )
    const beside = storedBeside(view, [earlier])
    const names = [
      expect.stringMatching(/^name@[0-9a-f]{6}$/),
      expect.stringMatching(/^born@[0-9a-f]{6}$/),
      expect.stringMatching(/^bookCount@[0-9a-f]{6}$/),
    ]
    expect(stored(beside)).toEqual(names)
    expect(beside.layout.fields.map(({ name }) => name)).toEqual(names.slice(0, 2))
    expect(beside.layout.counts).toEqual(names.slice(2))
    expect(beside.row!.fields.map(({ name, column }) => [name, column])).toEqual([
      ['name', 'name'],
      ['born', 'born_at'],
    ])
    expect(beside.counts.map(({ name, table }) => [name, table])).toEqual([['bookCount', 'books']])
  })

  test('compares with the names that the others have in stores', () => {
    const earlier = declared({ ...fields, name: 'pen_name' })
    const later = storedBeside(view, [earlier])
    expect(storedBeside(view, [later])).toEqual(view)
    const third = storedBeside(view, [earlier, later])
    expect(stored(third)).toEqual(stored(later))
  })

  test('may mean a count by what was a field', () => {
    const earlier = declared({ bookCount: 'book_count' }, {})
    expect(stored(storedBeside(view, [earlier]))).toEqual([
      'name',
      'born',
      expect.stringMatching(/^bookCount@/),
    ])
  })

  test.each<[string, View]>([
    ['key name', defineView({ ...first, key: { author: 'bigint' } })],
    ['key type', defineView({ ...first, key: { authorId: 'text' } })],
    ['owning table', defineView({ ...first, row: { ...first.row!, table: 'writers' } })],
    ['key column', defineView({ ...first, row: { ...first.row!, key: 'author_id' } })],
  ])('is refused with another %s: that is another view', (_, other) => {
    const beside = () => storedBeside(view, [view, other])
    expect(beside).toThrow(/view author-page is kept with another key or owning table/)
    expect(beside).toThrow(MillraceError)
    expect(beside).toThrow(expect.objectContaining({ code: 'view-invalid' }))
  })
})

/** Declarations of one view, of a few fields and counts that often mean something else. */
const declarations = fc
  .array(
    fc.record({
      fields: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom<'x' | 'y'>('x', 'y')),
      counts: fc.dictionary(
        fc.constantFrom('d', 'e'),
        fc.constantFrom(countOf('books', { by: 'author' }), countOf('prizes', { by: 'author' })),
      ),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((each) =>
    each
      .map((one) => declared({ ...one.fields }, { ...one.counts }))
      .reduce((views, next) => [...views, storedBeside(next, views)], [] as View[]),
  )

describe('views merged', () => {
  test('are one view of all that they store, by the stored names', () => {
    const earlier = declared({ ...fields, name: 'pen_name' }, {})
    const later = storedBeside(view, [earlier])
    const merged = mergeViews([earlier, later])
    const [nameStored] = stored(later)
    expect(merged.row!.fields.map(({ name, column }) => [name, column])).toEqual([
      ['name', 'pen_name'],
      ['born', 'born_at'],
      [nameStored, 'name'],
    ])
    expect(merged.row!.fields.every((field) => field.name === field.stored)).toBe(true)
    expect(merged.counts).toEqual([
      {
        name: 'bookCount',
        stored: 'bookCount',
        table: 'books',
        by: ['author'],
        where: [],
        adds: { kind: 'row' },
      },
    ])
    expect(merged.layout).toEqual({
      name: 'author-page',
      key: [{ name: 'authorId', type: 'bigint' }],
      fields: [
        { name: 'name', type: 'text' },
        { name: 'born', type: 'timestamptz' },
        { name: nameStored, type: 'text' },
      ],
      counts: ['bookCount'],
      presence: [],
      tallies: [],
      slices: [],
    })
  })

  test('need at least one', () => {
    expect(() => mergeViews([])).toThrow('nothing to merge')
  })

  test('again are the same, and hold each of them', () => {
    fc.assert(
      fc.property(declarations, (views) => {
        const merged = mergeViews(views)
        expect(mergeViews([merged, merged])).toEqual(merged)
        expect(mergeViews([merged, ...views])).toEqual(merged)
        for (const each of views) expect(storedNamesLost(each, merged)).toEqual([])
      }),
    )
  })

  test('never mean two things by one stored name', () => {
    fc.assert(
      fc.property(declarations, (views) => {
        const meanings = views.flatMap(({ row, counts }) => [
          ...row!.fields.map((field) => [field.stored, `field ${field.column}`] as const),
          ...counts.map((count) => [count.stored, `count ${count.table}`] as const),
        ])
        const byName = new Map(meanings)
        for (const [name, meaning] of meanings) expect(byName.get(name)).toBe(meaning)
      }),
    )
  })
})

test('a key of one part lies in stores as it always did, one of several as a list', () => {
  const lies = JSON.parse(encodeView(view)) as Record<string, unknown>
  expect(lies).toMatchObject({
    key: { name: 'authorId', type: 'bigint' },
    row: { key: 'id' },
    counts: [{ by: 'author' }],
  })
  const parts = defineView({
    name: 'orders',
    key: { shop: 'text', number: 'integer' },
    row: from('orders', { key: ['shop', 'number'], fields: {} }),
    aggregates: { lines: countOf('lines', { by: ['shop', 'number'] }) },
  })
  expect(JSON.parse(encodeView(parts))).toMatchObject({ row: { key: ['shop', 'number'] } })
  expect(decodeView(encodeView(parts))).toEqual(parts)
  // Whoever keeps it under this id must go on with what lies there.
  expect(declarationId(userInformation)).toBe('0eed83a018a4eb3f')
})

describe('tallies', () => {
  const artists = (most: number, item = bigint('artist')) =>
    declared(fields, { artists: topOf('books', { by: 'author', item, most }) })
  const recent = (named: Record<string, string>) =>
    declared(fields, {
      recent: latestOf('books', {
        by: 'author',
        order: timestamptz('at'),
        key: bigint('id'),
        most: 2,
        fields: named,
      }),
    })

  test('come back from their text', () => {
    for (const each of [artists(3), recent({ title: 'title' })]) {
      expect(decodeView(encodeView(each))).toEqual(each)
      expect(declarationId(decodeView(encodeView(each)))).toBe(declarationId(each))
    }
    expect(encodeView(view)).not.toContain('tallies')
  })

  test('are stored alike whatever readers get of them, which makes another declaration', () => {
    expect(storedBeside(artists(3), [artists(5)])).toEqual(artists(3))
    expect(declarationId(artists(3))).not.toBe(declarationId(artists(5)))
    const [one, other] = [recent({ title: 'title' }), recent({ name: 'title' })]
    expect(storedBeside(one, [other])).toEqual(one)
    expect(declarationId(one)).not.toBe(declarationId(other))
    const publishers = artists(3, bigint('publisher'))
    expect(declarationId(artists(3))).not.toBe(declarationId(publishers))
  })

  test('have a name of their own where others mean something else', () => {
    const named = /^artists@[0-9a-f]{6}$/
    for (const other of [
      artists(3, bigint('publisher')),
      declared(fields, { artists: countOf('books', { by: 'author' }) }),
      declared({ ...fields, artists: 'artists' }, {}),
    ]) {
      const beside = storedBeside(artists(3), [other])
      expect(beside.tallies[0]!.stored).toMatch(named)
      const tally = beside.tallies[0]!.stored
      expect(beside.layout.tallies).toEqual([{ name: tally }])
      expect(beside.layout.slices).toEqual([{ name: 'artists', tally, order: 'largest', most: 3 }])
      const merged = mergeViews([other, beside])
      expect(merged.tallies.map(({ name }) => name)).toEqual(merged.tallies.map((t) => t.stored))
      expect(merged.layout.tallies.map(({ name }) => name)).toContain(beside.tallies[0]!.stored)
      expect(storedNamesLost(beside, other)).toEqual([beside.tallies[0]!.stored])
    }
  })
})

test('names are lost that only the earlier view stores', () => {
  const wider = declared(
    { ...fields, motto: 'motto' },
    { ...first.aggregates, prizes: countOf('prizes', { by: 'author' }) },
  )
  expect(storedNamesLost(wider, view)).toEqual(['motto', 'prizes'])
  expect(storedNamesLost(view, wider)).toEqual([])
})
