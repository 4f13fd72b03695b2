import { MillraceError } from '../../src/errors.ts'
import { at, book, changed } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aBarrier, checkpoint, offsets } from '../store/store-fixture.ts'
import { Kept, name } from './keep-fixture.ts'

const books = (...ids: readonly number[]) => ids.map((id) => changed(book(id, 1)))

let kept: Kept

beforeEach(() => {
  kept = new Kept()
})

afterEach(async () => {
  kept.lost.abort()
  await kept.kept?.catch(() => undefined)
})

describe('a log that can not be continued from', () => {
  test('is a doubt that is raised again while nothing has come of it', async () => {
    await kept.begin(checkpoint(20, { windowFrom: at(20) }))
    kept.keep()
    await kept.turn()
    const [first] = (await kept.state()).doubts
    await kept.clock.advance(29_900)
    expect((await kept.state()).doubts).toEqual([first])
    await kept.clock.advance(200)
    const [second] = (await kept.state()).doubts
    expect(second).toMatchObject({ name: `another-log ${name}`, sinceMs: first!.sinceMs })
    expect(second!.id).not.toBe(first!.id)
    expect(await kept.problem()).toBeUndefined()
  })

  test('by a state that is old by now is no doubt of the new one, which is waited for', async () => {
    await kept.begin(checkpoint(20, { windowFrom: at(20) }))
    const { writer } = kept
    let raises = 0
    kept.write({
      raise: async (epoch, doubt) => {
        raises += 1
        await kept.turnEpoch(10)
        return writer.raise(epoch, doubt)
      },
    })
    kept.keep()
    await settled()
    expect(raises).toBe(1)
    expect(kept.plans).toHaveLength(1)
    expect(await kept.doubts()).toEqual([])
    await kept.turn()
    kept.topics.append(name, ...books(1))
    await settled()
    expect(await kept.books(1)).toEqual(['1'])
  })

  test('while the store is away is tried again, without a word to readers', async () => {
    await kept.begin(checkpoint(20, { windowFrom: at(20) }))
    const { writer } = kept
    let calls = 0
    kept.write({
      raise: (epoch, doubt) => {
        calls += 1
        if (calls > 1) return writer.raise(epoch, doubt)
        return Promise.reject(new MillraceError('store-away', 'x'))
      },
      report: () => Promise.reject(new MillraceError('store-away', 'x')),
    })
    kept.keep()
    await kept.clock.advance(299)
    expect(calls).toBe(1)
    expect(await kept.doubts()).toEqual([])
    await kept.clock.advance(200)
    expect(calls).toBe(2)
    expect(await kept.doubts()).toEqual([`another-log ${name}`])
  })

  test('of which a bug keeps it from telling ends the process', async () => {
    await kept.begin(checkpoint(20, { windowFrom: at(20) }))
    kept.write({ raise: () => Promise.reject(new TypeError('a bug')) })
    kept.keep()
    await expect(kept.kept).rejects.toThrow('a bug')
  })
})

describe('compaction', () => {
  const overtaken = ['compaction-overtaken t.public.books/0']

  /** A checkpoint at 12 whose newest barrier was begun `ageMs` ago, and records behind it. */
  async function aged(ageMs: number, lagMs: number, records: number): Promise<string[]> {
    kept.compactionLagMs = lagMs
    kept.topics.append(name, ...books(1, 2))
    await kept.begin(checkpoint(12, { windowFrom: at(10) }))
    const barrier = aBarrier('0/9', 0, {
      from: offsets({ [name]: 11 }),
      ends: offsets({ [name]: 12 }),
      takenAtMs: kept.clock.wallMs() - ageMs,
    })
    await kept.store.coordination.publish(barrier, [])
    await kept.watch.ask()
    kept.topics.append(name, ...books(3, 4, 5).slice(0, records))
    kept.keep()
    await kept.turn()
    return kept.doubts()
  }

  test('may have taken changes of which all are younger than it lets stand', async () => {
    expect(await aged(61_000, 60_000, 3)).toEqual(overtaken)
    const { doubts } = await kept.state()
    expect(doubts[0]!.reason).toContain('61 s behind and the topic keeps every change for 60 s')
    expect(doubts[0]!.restart).toEqual({ how: 'forward', partitions: [name] })
  })

  test.each([
    { lagMs: 60_000, apartMs: 7_500 },
    { lagMs: 7 * 86_400_000, apartMs: 7_200_000 },
  ])('may have by another clock than ours, within $apartMs ms of $lagMs', async (each) => {
    expect(await aged(each.lagMs - each.apartMs + 1, each.lagMs, 3)).toEqual(overtaken)
  })

  test('has taken nothing that is as old as it lets stand by any clock', async () => {
    expect(await aged(52_500, 60_000, 3)).toEqual([])
    expect(await kept.books(1)).toEqual(['3'])
  })

  test('takes nothing of a topic that is not compacted', async () => {
    expect(await aged(1e12, Infinity, 3)).toEqual([])
  })

  test('takes nothing where nothing follows', async () => {
    expect(await aged(60_001, 60_000, 0)).toEqual([])
  })

  test('is seen as well while the tail runs', async () => {
    expect(await aged(30_000, 60_000, 0)).toEqual([])
    await kept.clock.advance(30_001)
    kept.topics.append(name, ...books(3))
    await kept.turn()
    expect(await kept.doubts()).toEqual(overtaken)
    expect(await kept.books(1)).toEqual(['0'])
  })

  test('can not be told of without a barrier that is passed', async () => {
    kept.compactionLagMs = 1
    await kept.begin()
    kept.topics.append(name, ...books(1))
    kept.keep()
    await kept.turn()
    expect(await kept.doubts()).toEqual([])
    expect(await kept.books(1)).toEqual(['1'])
  })
})
