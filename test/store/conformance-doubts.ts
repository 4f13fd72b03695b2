import { parseLsn } from '../../src/position.ts'
import type { Doubt } from '../../src/store/state.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aCommit,
  aDoubt,
  checkpoint,
  doubtsOf,
  elsewhere,
  offset,
  offsets,
  progress,
  readerOf,
  serving,
  stateOf,
} from './store-fixture.ts'

const whole = aDoubt('undecodable-record users/0', {
  code: 'undecodable-record',
  hint: 'See `parked`.',
  tables: ['users', 'likes'],
  keys: ['1', '9223372036854775807'],
  offsets: offsets({ 'users/0': 2n ** 63n - 1n, 'likes/0': 0 }),
  barrier: 41,
  restart: { how: 'anew', partitions: ['users/0'] },
})

/** Why entries may be wrong: raised, raised again, and ended by what has seen them. */
export function describeDoubts(suite: Suite): void {
  const names = async () => [...(await doubtsOf(suite.store)).keys()].toSorted()
  const idOf = async (name: string) => (await doubtsOf(suite.store)).get(name)!.id

  /** Every way to raise, as each is used. */
  const ways: readonly (readonly [string, (doubt: Doubt, at: number) => Promise<unknown>])[] = [
    [
      'a commit',
      async (doubt, at) => {
        const { epoch } = await stateOf(suite.store)
        const [from, to] = [offset(at), checkpoint(at + 1)]
        return suite.store.writer(userLayout).commit(aCommit(epoch, { from, to, doubts: [doubt] }))
      },
    ],
    [
      'raise',
      async (doubt) => {
        const { epoch } = await stateOf(suite.store)
        return suite.store.writer(userLayout).raise(epoch, doubt)
      },
    ],
    [
      'observe',
      async (doubt, at) => {
        const { epoch, fingerprint } = await stateOf(suite.store)
        const seen = { epoch, before: fingerprint, after: `{"seen":${at}}`, doubts: [doubt] }
        return suite.store.coordination.observe(seen)
      },
    ],
  ]

  describe.each(ways)('a doubt raised by %s', (_, raise) => {
    test('stands as it was said, since then', async () => {
      await serving(suite.store)
      const beforeMs = Date.now()
      await raise(whole, 10)
      const { doubts } = await stateOf(suite.store)
      expect(doubts).toEqual([{ ...whole, id: expect.any(String), sinceMs: expect.any(Number) }])
      expect(doubts[0]!.sinceMs).toBeGreaterThan(beforeMs - 1_000)
      expect(doubts[0]!.sinceMs).toBeLessThan(Date.now() + 1_000)
      expect(await readerOf(suite.store).read([])).toMatchObject({ doubts: [whole.code] })
    })

    test('again says the newer thing under another id, since when it first stood', async () => {
      await serving(suite.store)
      await raise(aDoubt('a'), 10)
      const first = (await doubtsOf(suite.store)).get('a')!
      await new Promise((resolve) => setTimeout(resolve, 20))
      await raise({ ...whole, name: 'a' }, 11)
      const doubts = await doubtsOf(suite.store)
      expect((await stateOf(suite.store)).doubts).toHaveLength(1)
      const { id, ...again } = doubts.get('a')!
      expect(again).toEqual({ ...whole, name: 'a', sinceMs: first.sinceMs })
      expect(id).not.toBe(first.id)
    })

    test('stands since its own time, whatever stood before', async () => {
      await serving(suite.store)
      await raise(aDoubt('a'), 10)
      await new Promise((resolve) => setTimeout(resolve, 20))
      await raise(aDoubt('b'), 11)
      const doubts = await doubtsOf(suite.store)
      expect(doubts.get('b')!.sinceMs).toBeGreaterThan(doubts.get('a')!.sinceMs)
    })

    test('stands beside others', async () => {
      await serving(suite.store)
      await raise(aDoubt('a b'), 10)
      await raise(aDoubt('a'), 11)
      await raise(aDoubt('b'), 12)
      expect(await names()).toEqual(['a', 'a b', 'b'])
      const ids = [await idOf('a'), await idOf('a b'), await idOf('b')]
      expect(new Set(ids).size).toBe(3)
    })
  })

  describe('doubts', () => {
    test('of one commit stand all', async () => {
      const epoch = await serving(suite.store)
      const doubts = ['a', 'b', 'c'].map((name) => aDoubt(name))
      await suite.store.writer(userLayout).commit(aCommit(epoch, { doubts }))
      expect(await names()).toEqual(['a', 'b', 'c'])
    })

    test('are not raised in another epoch', async () => {
      await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      expect(await writer.raise(elsewhere, aDoubt('a'))).toBe(false)
      expect(await names()).toEqual([])
    })

    test('are not raised where no state is', async () => {
      const writer = suite.store.writer(userLayout)
      expect(await writer.raise(elsewhere, aDoubt('a'))).toBe(false)
      expect(await suite.store.watchable.state()).toBeUndefined()
    })

    test('are shown to readers by their codes, each once, while the view serves', async () => {
      const epoch = await serving(suite.store)
      const raise = (doubt: Doubt) => suite.store.writer(userLayout).raise(epoch, doubt)
      const shown = async () => {
        const result = await readerOf(suite.store).read([])
        return result.kind === 'serving' && [...result.doubts].toSorted()
      }
      expect(await shown()).toEqual([])
      expect(await raise(aDoubt('a', { code: 'below-zero' }))).toBe(true)
      expect(await raise(aDoubt('b', { code: 'below-zero' }))).toBe(true)
      expect(await raise(aDoubt('c', { code: 'another-log' }))).toBe(true)
      expect(await shown()).toEqual(['another-log', 'below-zero'])
      await progress(suite.store, { ended: [await idOf('c')] })
      expect(await shown()).toEqual(['below-zero'])
      const { state } = await readerOf(suite.store).status()
      expect(state!.doubts.map(({ name }) => name).toSorted()).toEqual(['a', 'b'])
    })

    test('end by their ids: one that was raised again meanwhile stands', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      for (const name of ['a', 'b', 'c']) await writer.raise(epoch, aDoubt(name))
      const seen = [await idOf('a'), await idOf('b')]
      await writer.raise(epoch, aDoubt('b'))
      await progress(suite.store, { ended: [...seen, 'unknown'] })
      expect(await names()).toEqual(['b', 'c'])
      await progress(suite.store, { ended: ['a', 'b', 'c'] })
      expect(await names()).toEqual(['b', 'c'])
      await progress(suite.store, { ended: [await idOf('b'), await idOf('c')] })
      expect(await names()).toEqual([])
    })

    test('that were ended stand since later when they are raised again', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(userLayout)
      await writer.raise(epoch, aDoubt('a'))
      const first = (await doubtsOf(suite.store)).get('a')!
      await progress(suite.store, { ended: [first.id] })
      await new Promise((resolve) => setTimeout(resolve, 20))
      await writer.raise(epoch, aDoubt('a'))
      const again = (await doubtsOf(suite.store)).get('a')!
      expect(again.sinceMs).toBeGreaterThan(first.sinceMs)
    })

    test('do not move the watermark, nor take the view from readers', async () => {
      const epoch = await serving(suite.store)
      await suite.store.writer(userLayout).raise(epoch, whole)
      expect((await stateOf(suite.store)).watermark).toBe(parseLsn('0/10'))
      expect(await readerOf(suite.store).read([])).toMatchObject({ kind: 'serving' })
    })
  })
}
