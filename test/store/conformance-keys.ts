import { spellKey } from '../../src/entry-key.ts'
import type { ViewLayout } from '../../src/mutation.ts'
import { columnTypes } from '../../src/types/types.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { edges } from '../types/edges.ts'
import type { Suite } from './conformance.ts'
import { aBarrier, aBeginning, aCommit, checkpoint, declared, offset } from './store-fixture.ts'

const layout: ViewLayout = {
  name: 'shop-orders',
  key: [
    { name: 'shopName', type: 'text' },
    { name: 'number', type: 'integer' },
    { name: 'day', type: 'date' },
    { name: 'kind', type: 'enum' },
    { name: 'id', type: 'uuid' },
  ],
  fields: columnTypes.map((type) => ({ name: fieldOf(type), type })),
  counts: ['lineCount'],
  presence: [],
  tallies: [],
  slices: [],
}

function fieldOf(type: string): string {
  return `field${columnTypes.indexOf(type as never)}`
}

const uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const keys = [
  ['eu', '42', '2026-11-21', 'small', uuid],
  ['eu', '43', '2026-11-21', 'small', uuid],
  ['', '-1', '-infinity', '', uuid],
  ['a:b\\', '2147483647', '-0043-03-15', ':\\', uuid],
  ['ä😀*?[x]', '0', '+10000-01-01', "it's", uuid],
].map((parts) => spellKey(parts)!)

/** Every type's edges, as many rows as the type with the most of them has. */
const rows = Array.from({ length: 20 }, (_, row) =>
  Object.fromEntries(
    columnTypes.map((type) => {
      const texts = edges.filter((edge) => edge.type === type).flatMap(({ values }) => values)
      return [fieldOf(type), texts[row % (texts.length + 1)]?.[1] ?? null]
    }),
  ),
)

async function begun(store: ViewStore, mutations: Parameters<typeof aCommit>[1]) {
  const epoch = (await store.coordination.open(aBeginning()))!
  const commit = aCommit(epoch, { to: checkpoint(11), ...mutations })
  expect(await store.writer(layout).commit(commit)).toMatchObject({ kind: 'applied' })
  const progress = { epoch, before: undefined, after: '{}', ended: [], completed: [declared.id] }
  expect(await store.audit(layout).progress(progress)).toBe(true)
  expect(await store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
  return epoch
}

/** Keys of several parts, and values of every type. */
export function describeKeys(suite: Suite): void {
  describe('a key of several parts', () => {
    test('is put, read, scanned, corrected and removed like any other', async () => {
      const store = await suite.another(layout)
      const put = rows[0]!
      const mutations = keys.map((entry) => ({ entry, put, add: { lineCount: 2n } }))
      const epoch = await begun(store, { mutations })
      const read = await store.reader(layout, declared.id).read(keys)
      const entries = keys.map((key) => ({ key, fields: put, counts: { lineCount: 2n } }))
      expect(read).toMatchObject({ kind: 'serving', entries })
      const audit = store.audit(layout)
      expect(new Set((await audit.scan(undefined)).keys)).toEqual(new Set(keys))
      expect(await store.watchable.occupant()).toBeDefined()
      const question = { epoch, keys: [...keys, spellKey(['x', '1', '', '', ''])!], ticket: 't' }
      const looked = await audit.look(question)
      const texts = looked.kind === 'entries' ? looked.texts : []
      expect(texts).toHaveLength(keys.length + 1)
      expect(texts.at(-1)).toBe('-;0')
      expect(texts[0]).toMatch(/^\+2:eu2:4210:2026-11-215:small36:a0eebc99/)
      const corrections = keys.map((entry) => ({ entry, put: null, add: { lineCount: -2n } }))
      const corrected = await audit.correct({ epoch, ticket: 't', corrections })
      expect(corrected).toEqual({ kind: 'applied', lost: [] })
      expect((await audit.scan(undefined)).keys).toEqual([])
    })

    test('is not mistaken for one whose parts are divided otherwise', async () => {
      const store = await suite.another(layout)
      const rest = ['1', '2026-11-21', 'a:b', uuid]
      const other = spellKey(['x:1', '1', '2026-11-21', 'a:b', uuid])!
      const key = spellKey(['x', ...rest])!
      await begun(store, { mutations: [{ entry: key, put: rows[0]!, add: {} }] })
      const read = await store.reader(layout, declared.id).read([other, key])
      expect(read).toMatchObject({ kind: 'serving', entries: [null, { key }] })
    })
  })

  test('values of every type come back as they were put', async () => {
    const store = await suite.another(layout)
    const entries = rows.map((put, number) => ({
      entry: spellKey(['x', String(number), '2026-11-21', 'small', uuid])!,
      put,
      add: {},
    }))
    const epoch = await begun(store, { mutations: entries })
    const asked = entries.map(({ entry }) => entry)
    const read = await store.reader(layout, declared.id).read(asked)
    expect(read.kind === 'serving' && read.entries.map((entry) => entry?.fields)).toEqual(rows)
    // Put once more, they are the same.
    const looked = async () => store.audit(layout).look({ epoch, keys: asked, ticket: undefined })
    const before = await looked()
    const again = { from: offset(11), to: checkpoint(11), mutations: entries }
    expect(await store.writer(layout).commit(aCommit(epoch, again))).toMatchObject({
      kind: 'applied',
    })
    expect(await looked()).toEqual(before)
  })
}
