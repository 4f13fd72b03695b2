/** What a partition does about entries that the view keeps no longer. */
import type { Decoded } from '../../src/change.ts'
import { changed } from '../support/library.ts'
import { insert, remove } from '../support/builders.ts'
import { dayKey, dayStart, libraryDays } from '../support/library-days.ts'
import { settled } from '../support/manual-clock.ts'
import { Kept, name } from './keep-fixture.ts'

let kept: Kept

beforeEach(async () => {
  kept = new Kept()
  kept.view = libraryDays
  kept.writer = kept.store.writer(libraryDays.layout)
  await kept.begin()
  await kept.complete()
  await kept.watch.ask()
})

afterEach(async () => {
  kept.lost.abort()
  await kept.clock.until(kept.kept!)
})

const row = (day: string) => ({ author: 7n, published: `${day}T10:00:00.000000Z` })

function published(id: number, day: string): Decoded {
  return changed(insert('books', { id: BigInt(id) }, { id: BigInt(id), ...row(day) }))
}

function withdrawn(id: number, day: string): Decoded {
  return changed(remove('books', { id: BigInt(id) }, { id: BigInt(id), ...row(day) }))
}

const keep = (after: string) => {
  const { state } = kept.data
  const step = { epoch: state!.epoch, before: state!.keepFrom, after: dayStart(after) }
  return kept.store.keeping(libraryDays.layout).raise(step)
}

const stored = () =>
  Object.fromEntries([...kept.data.entries].map(([key, { counts }]) => [key, counts.bookCount]))

test('what belongs to entries below the bound is dropped, and the rest is applied', async () => {
  await keep('2026-11-02')
  await kept.watch.ask()
  kept.topics.append(name, published(1, '2026-11-01'), published(2, '2026-11-02'))
  kept.topics.append(name, published(3, '2026-11-01'), withdrawn(4, '2026-10-01'))
  kept.topics.append(name, published(5, '2026-11-02'))
  kept.keep()
  await kept.turn()
  expect(stored()).toEqual({ [dayKey(7, '2026-11-02')]: 2n })
  expect((await kept.checkpoint())!.next).toBe(15n)
  expect(await kept.doubts()).toEqual([])
})

test('is applied where the store has gone back to a lower bound, of which nobody has heard', async () => {
  await keep('2026-11-01')
  const before = kept.data.state!
  await keep('2026-11-02')
  await kept.watch.ask()
  kept.data.state = before
  kept.topics.append(name, published(1, '2026-10-31'), published(2, '2026-11-01'))
  kept.keep()
  await kept.turn()
  expect(stored()).toEqual({ [dayKey(7, '2026-11-01')]: 1n })
  expect(await kept.doubts()).toEqual([])
})

test('what was let go before this process knew of it is no doubt when it falls below zero', async () => {
  kept.topics.append(name, published(1, '2026-11-01'))
  kept.keep()
  await kept.turn()
  await keep('2026-11-02')
  kept.data.entries.clear()
  kept.topics.append(name, withdrawn(1, '2026-11-01'))
  await settled()
  expect(stored()).toEqual({ [dayKey(7, '2026-11-01')]: -1n })
  expect(await kept.doubts()).toEqual([])
  kept.topics.append(name, withdrawn(2, '2026-11-02'))
  await settled()
  expect(await kept.doubts()).toEqual([`below-zero ${name}`])
})
