import { spellKey } from '../../src/entry-key.ts'
import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import type { Suite } from './conformance.ts'
import { aBarrier, aBeginning, aCommit, checkpoint, declared, offset } from './store-fixture.ts'

const layout: ViewLayout = {
  name: 'play-windows',
  key: [
    { name: 'session', type: 'bigint' },
    { name: 'start', type: 'timestamptz', window: { seconds: 300 } },
  ],
  fields: [],
  counts: ['spentSum', 'clickRows', 'viewRows'],
  presence: ['clickRows', 'viewRows'],
  tallies: [{ name: 'pages' }],
  slices: [{ name: 'pages', tally: 'pages', order: 'largest', most: 2 }],
}

const keyAt = (session: number, start = '2026-11-21T10:15:00.000000Z') =>
  spellKey([String(session), start])!
const pages = (amount: bigint) => new Map([['pages', new Map([['home', amount]])]])
const add = (entry: string, amounts: Mutation['add']): Mutation => ({
  entry,
  put: undefined,
  add: amounts,
})

/** Entries of views without an owning row. */
export function describePresence(suite: Suite): void {
  describe('an entry without an owning row', () => {
    test('is there for readers while rows are counted in it, whatever else it says', async () => {
      const store = await suite.another(layout)
      const epoch = (await store.coordination.open(aBeginning()))!
      const mutations = [
        { ...add(keyAt(1), { clickRows: 2n }), cells: pages(1n) },
        add(keyAt(2), { viewRows: 1n, spentSum: -3n }),
        { ...add(keyAt(3), { spentSum: 5n }), cells: pages(1n) },
        add(keyAt(4), { clickRows: -1n }),
        add(keyAt(5, '-0043-03-15T12:30:00.000000Z'), { clickRows: 1n }),
      ]
      const commit = aCommit(epoch, { to: checkpoint(11), mutations })
      expect(await store.writer(layout).commit(commit)).toMatchObject({
        kind: 'applied',
        belowZero: [
          { entry: keyAt(2), count: 'spentSum' },
          { entry: keyAt(4), count: 'clickRows' },
        ],
      })
      const audit = store.audit(layout)
      await audit.progress({
        epoch,
        before: undefined,
        after: '{}',
        ended: [],
        completed: [declared.id],
      })
      expect(await store.coordination.advance(epoch, aBarrier('0/10', 10), 0)).toBe(true)
      const keys = [...mutations.map(({ entry }) => entry), keyAt(9)]
      const read = await store.reader(layout, declared.id).read(keys)
      const counts = { spentSum: 0n, clickRows: 0n, viewRows: 0n }
      const entry = (at: number) => ({
        key: keys[at],
        fields: {},
        counts: { ...counts, ...mutations[at]!.add },
        slices: { pages: at === 0 ? [{ item: 'home', amount: 1n }] : [] },
      })
      const entries = [entry(0), entry(1), null, null, entry(4), null]
      expect(read).toMatchObject({ kind: 'serving', entries })

      // Looks meet all that lies there, and its last row takes everything away.
      const looked = await audit.look({ epoch, keys, ticket: undefined })
      expect(looked).toMatchObject({
        texts: [
          '-;0;2;0|4:home1;',
          '-;-3;0;1|',
          '-;5;0;0|4:home1;',
          '-;0;-1;0|',
          '-;0;1;0|',
          '-;0;0;0|',
        ],
      })
      const gone = mutations.map(({ entry: of, add: amounts, cells }) => ({
        ...add(of, Object.fromEntries(Object.entries(amounts).map(([name, by]) => [name, -by]))),
        ...(cells && { cells: pages(-1n) }),
      }))
      const next = { from: offset(11), to: checkpoint(12), mutations: gone }
      await store.writer(layout).commit(aCommit(epoch, next))
      expect((await audit.scan(undefined)).keys).toEqual([])
    })

    test('has no key that is not the start of a window', async () => {
      const store = await suite.another(layout)
      const epoch = (await store.coordination.open(aBeginning()))!
      const keys = ['1', '1:2', keyAt(1, '2026-11-21T10:16:00.000000Z'), keyAt(1, 'infinity')]
      const looked = await store.audit(layout).look({ epoch, keys, ticket: 't' })
      expect(looked).toMatchObject({ texts: keys.map(() => '-;0;0;0|') })
    })
  })
}
