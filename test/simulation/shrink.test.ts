import { runInNewContext } from 'node:vm'
import { topicPartitionName } from '../../src/position.ts'
import { MemoryWriter } from '../../src/store/memory/writer.ts'
import { keptOf, scheduleOf, shrunk, textOf } from './kept.ts'
import { drawSchedule, play, type Schedule } from './schedule.ts'
import { shrink } from './shrink.ts'

/** One with much in it: each test checks that it has what it is about. */
const large: Schedule = {
  ...drawSchedule(7),
  workers: 3,
  hostileMs: 20_000,
  faults: Array.from({ length: 9 }, (_, seed) => ({ atMs: seed * 2_000, fault: 'x', seed })),
  work: Array.from({ length: 70 }, (_, seed) => ({ ...drawSchedule(7).work[0]!, atMs: 1, seed })),
}

const has = (list: readonly { readonly seed: number }[], seed: number) =>
  list.some((each) => each.seed === seed)

describe('a schedule that fails is made smaller', () => {
  test('to the faults and the work that it needs', async () => {
    const fails = async ({ faults, work }: Schedule) =>
      has(faults, 2) && has(faults, 7) && has(work, 33)
    const smallest = await shrink(large, { fails, triesMax: 1_000 })
    expect(smallest.faults.map(({ seed }) => seed)).toEqual([2, 7])
    expect(smallest.work.map(({ seed }) => seed)).toEqual([33])
    expect(smallest.workers).toBe(1)
  })

  test('to as many workers as it needs, and to the time that it needs', async () => {
    const fails = async ({ workers, hostileMs }: Schedule) => workers >= 2 && hostileMs >= 6_000
    const smallest = await shrink(large, { fails, triesMax: 1_000 })
    expect(smallest.workers).toBe(2)
    expect(smallest.hostileMs).toBeGreaterThanOrEqual(6_000)
    expect(smallest.hostileMs).toBeLessThan(8_000)
    expect(smallest.faults).toEqual([])
    expect(smallest.work).toEqual([])
  })

  test('and stays as it is where nothing can be left out', async () => {
    const fails = async (schedule: Schedule) => schedule === large
    expect(await shrink(large, { fails, triesMax: 1_000 })).toBe(large)
  })

  test('within the number of tries', async () => {
    let tries = 0
    const fails = async ({ work }: Schedule) => {
      tries += 1
      return work.length > 0
    }
    await shrink(large, { fails, triesMax: 5 })
    expect(tries).toBe(5)
  })

  test('and only what fails in the same words counts', async () => {
    const playOne = async ({ faults, work }: Schedule) => {
      if (work.length === 0) return { failure: new Error(`an empty schedule: 0`) }
      return { failure: has(faults, 4) ? new Error(`wrong by ${work.length}`) : undefined }
    }
    const kept = await shrunk(large, new Error('wrong by 70'), { playOne })
    expect(kept?.faults.map(([, , seed]) => seed)).toEqual([4])
    expect(kept?.work).toHaveLength(1)
  })

  test('and is not kept when it does not fail again', async () => {
    const playOne = async () => ({ failure: undefined })
    expect(await shrunk(large, new Error('once'), { playOne })).toBeUndefined()
  })
})

describe('a schedule that is kept', () => {
  test('is the one that was drawn, but for parts of a millisecond', () => {
    const drawn = drawSchedule(2)
    expect(drawn.faults.length).toBeGreaterThan(0)
    const again = scheduleOf(keptOf(drawn))
    expect(again.work.map(({ seed, durable }) => [seed, durable])).toEqual(
      drawn.work.map(({ seed, durable }) => [seed, durable]),
    )
    expect(again.work[0]!.atMs).toBeCloseTo(drawn.work[0]!.atMs, -1)
    expect(keptOf(again)).toEqual(keptOf(drawn))
  })

  test('keeps times as they are where it does not fail with rounded ones', async () => {
    const exact = { ...large, hostileMs: 12_345.678 }
    const playOne = async ({ hostileMs }: Schedule) => ({
      failure: hostileMs % 1 > 0 ? new Error('wrong') : undefined,
    })
    const kept = await shrunk(exact, new Error('wrong'), { playOne })
    expect(kept?.hostileMs).toBe(exact.hostileMs)
  })

  test('is printed as a value that can be put into a file', () => {
    const kept = keptOf(drawSchedule(3))
    const read: unknown = runInNewContext(`(${textOf(kept)})`)
    expect(JSON.stringify(read)).toBe(JSON.stringify(kept))
  })
})

test('what a store breaks that does not compare offsets is found, and made smaller', async () => {
  const failing = await withoutComparison(async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const schedule = drawSchedule(seed)
      const { failure } = await play(schedule)
      if (failure?.message === 'commit went through: the checkpoint is another one') {
        return { schedule, failure }
      }
    }
    throw new Error('no schedule has found it')
  })
  const kept = await withoutComparison(() =>
    shrunk(failing.schedule, failing.failure, { triesMax: 60 }),
  )
  expect(kept!.work.length).toBeLessThan(failing.schedule.work.length)
  const schedule = scheduleOf(kept!)
  const { failure } = await withoutComparison(() => play(schedule))
  expect(failure?.message).toBe(failing.failure.message)
  expect((await play(schedule)).failure).toBeUndefined()
}, 300_000)

/** The memory store applies every batch of the present epoch meanwhile, wherever it was fetched. */
async function withoutComparison<T>(act: () => Promise<T>): Promise<T> {
  const { commit } = MemoryWriter.prototype
  MemoryWriter.prototype.commit = async function (given) {
    const found = (await this.checkpoints(given.epoch)).get(topicPartitionName(given.partition))
    return commit.call(this, found ? { ...given, from: found.next } : given)
  }
  try {
    return await act()
  } finally {
    MemoryWriter.prototype.commit = commit
  }
}
