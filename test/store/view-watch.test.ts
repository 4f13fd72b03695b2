import { MillraceError } from '../../src/errors.ts'
import type { Barrier, Epoch, ViewState } from '../../src/store/state.ts'
import { outnumbered, ViewWatch } from '../../src/store/view-watch.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { aBarrier, offset, offsets } from './store-fixture.ts'

const one = 'one' as Epoch
const barrier = (number: number, ends: Readonly<Record<string, number>> = {}): Barrier =>
  aBarrier('0/8', 0, { number, ends: offsets(ends) })

/** What the store knows, and how often its barriers were asked for. */
class Known {
  state: ViewState | undefined
  barriers: Barrier[] = []
  askedBarriers = 0
  askedState = 0
  failure: Error | undefined
  readonly clock = new ManualClock()
  readonly recorded = recordedLog()
  readonly end = new AbortController()
  readonly watch = new ViewWatch(
    {
      state: async () => {
        this.askedState += 1
        if (this.failure) throw this.failure
        return this.state
      },
      barriers: async () => {
        this.askedBarriers += 1
        return [...this.barriers]
      },
      wanted: async () => undefined,
      want: async () => undefined,
      occupant: async () => undefined,
    },
    this.clock,
    this.recorded.log,
  )

  /** A view at this epoch with these barriers. */
  at(epoch: Epoch, ...numbers: readonly number[]): void {
    this.barriers = numbers.map((number) => barrier(number))
    this.state = { epoch, barrier: this.barriers.at(-1) } as ViewState
  }

  get numbers(): readonly number[] {
    return this.watch.barriers.map(({ number }) => number)
  }
}

let known: Known

beforeEach(() => {
  known = new Known()
})

describe('a watch', () => {
  test('knows nothing before it has asked, or where there is no view', async () => {
    expect(known.watch.state).toBeUndefined()
    expect(known.numbers).toEqual([])
    expect(await known.watch.ask()).toBeUndefined()
    expect(known.askedBarriers).toBe(0)
  })

  test('knows the state and all barriers once it has asked', async () => {
    known.at(one, 4, 7)
    expect(await known.watch.ask()).toBe(known.state)
    expect(known.watch.state).toBe(known.state)
    expect(known.numbers).toEqual([4, 7])
  })

  test('learns the next barrier from the state alone', async () => {
    known.at(one, 4)
    await known.watch.ask()
    known.at(one, 5)
    await known.watch.ask()
    await known.watch.ask()
    expect(known.numbers).toEqual([4, 5])
    expect(known.askedBarriers).toBe(1)
  })

  test('asks for all of them where it has missed one', async () => {
    known.at(one, 4)
    await known.watch.ask()
    known.at(one, 4, 5, 6)
    await known.watch.ask()
    expect(known.numbers).toEqual([4, 5, 6])
    expect(known.askedBarriers).toBe(2)
  })

  test('asks for all of them where the store was put back to before the newest one', async () => {
    known.at(one, 4, 5, 6)
    await known.watch.ask()
    known.at(one, 3, 4)
    await known.watch.ask()
    expect(known.numbers).toEqual([3, 4])
    known.at(one, 3, 4, 5)
    await known.watch.ask()
    expect(known.numbers).toEqual([3, 4, 5])
    expect(known.askedBarriers).toBe(2)
  })

  test('asks for all of them where the epoch is another one', async () => {
    known.at(one, 4, 5)
    await known.watch.ask()
    known.at('two' as Epoch, 2)
    await known.watch.ask()
    expect(known.numbers).toEqual([2])
    expect(known.watch.state?.epoch).toBe('two')
  })

  test('asks for all of them where the store went back and has come to the same number', async () => {
    known.at(one, 3, 4, 5)
    await known.watch.ask()
    const again = { ...barrier(5), transaction: barrier(5).transaction + 1n } as Barrier
    known.barriers = [barrier(3), again]
    known.state = { epoch: one, barrier: again } as ViewState
    await known.watch.ask()
    expect(known.watch.barriers).toEqual([barrier(3), again])
  })

  test('asks for all of them where the store went back and came further since it was asked', async () => {
    known.at(one, 3, 4, 5)
    await known.watch.ask()
    const again = (number: number) => ({ ...barrier(number), lsn: 99n }) as Barrier
    known.barriers = [barrier(3), again(4), again(5), again(6)]
    known.state = { epoch: one, barrier: again(6) } as ViewState
    await known.clock.advance(1_500)
    await known.watch.ask()
    expect(known.watch.barriers).toEqual(known.barriers)
  })

  test('forgets them where there is no view any more', async () => {
    known.at(one, 4, 5)
    await known.watch.ask()
    known.state = undefined
    await known.watch.ask()
    expect(known.numbers).toEqual([])
    expect(known.watch.state).toBeUndefined()
  })

  test('asks for barriers as long as the view has none', async () => {
    known.at(one)
    await known.watch.ask()
    known.at(one, 1)
    await known.watch.ask()
    expect(known.numbers).toEqual([1])
  })

  test('forgets the same of its barriers as the store does when one comes', async () => {
    known.at(one, 1)
    await known.watch.ask()
    let stored = [barrier(1)]
    for (let number = 2; number <= 200; number += 1) {
      const gone = new Set(outnumbered(stored))
      stored = [...stored.filter((each) => !gone.has(each)), barrier(number)]
      known.at(one, number)
      await known.watch.ask()
    }
    expect(known.numbers).toEqual(stored.map((each) => each.number))
    expect(known.askedBarriers).toBe(1)
  })
})

describe('barriers that are kept', () => {
  let kept: readonly Barrier[] = []
  /** The numbers that are kept after each so many more barriers. */
  const after: number[][] = []
  beforeAll(() => {
    for (let number = 1; number <= 50_000; number += 1) {
      const gone = new Set(outnumbered(kept))
      kept = [...kept.filter((each) => !gone.has(each)), barrier(number)]
      if (number % 1_000 === 0) after.push(kept.map((each) => each.number))
    }
  })

  test('are sixty-four, the newest thirty-two and the first among them', () => {
    for (const [at, numbers] of after.entries()) {
      const newest = (at + 1) * 1_000
      expect(numbers).toHaveLength(64)
      expect(numbers[0]).toBe(1)
      expect(numbers.slice(-32)).toEqual(Array.from({ length: 32 }, (_, i) => newest - 31 + i))
    }
  })

  test('have one for whoever is behind by any number of them, at most twice as far back', () => {
    for (const numbers of after) {
      const newest = numbers.at(-1)!
      const ages = numbers.map((number) => newest + 1 - number)
      for (const [at, age] of ages.slice(0, -1).entries()) {
        expect(age).toBeLessThanOrEqual(ages[at + 1]! * 2)
      }
    }
  })

  test('are thinned to as many at once where a store has more of them', () => {
    const many = Array.from({ length: 300 }, (_, index) => barrier(index + 1))
    const gone = new Set(outnumbered(many))
    const numbers = many.filter((each) => !gone.has(each)).map((each) => each.number)
    expect(numbers).toHaveLength(63)
    expect(numbers[0]).toBe(1)
    expect(numbers.slice(-31)).toEqual(Array.from({ length: 31 }, (_, at) => 270 + at))
    const ages = numbers.map((number) => 301 - number)
    for (const [at, age] of ages.slice(0, -1).entries()) {
      expect(age).toBeLessThanOrEqual(ages[at + 1]! * 2)
    }
  })

  test('are not thinned as long as there are few', () => {
    const few = Array.from({ length: 63 }, (_, index) => barrier(index))
    expect(outnumbered(few)).toEqual([])
  })
})

describe('the barrier that a partition has passed', () => {
  test('is the newest one below whose end all was applied', async () => {
    known.at(one, 1, 2, 3)
    known.barriers = [
      barrier(1, { 'books/0': 10 }),
      barrier(2, { 'books/0': 20, 'prizes/0': 5 }),
      barrier(3, { 'books/0': 30 }),
    ]
    await known.watch.ask()
    const passed = (next: number, partition = 'books/0') =>
      known.watch.passed(partition, offset(next))?.number
    expect([9, 10, 19, 20, 30, 99].map((next) => passed(next))).toEqual([undefined, 1, 1, 2, 3, 3])
    expect(passed(99, 'prizes/0')).toBe(2)
    expect(passed(99, 'authors/0')).toBeUndefined()
  })
})

describe('whoever waits for something', () => {
  test('looks again whenever the store was asked', async () => {
    const found = known.watch.until(known.end.signal, () => known.numbers.at(-1))
    await settled()
    known.at(one, 3)
    await known.watch.ask()
    expect(await found).toBe(3)
  })

  test('is told at once what is so already', async () => {
    expect(await known.watch.until(known.end.signal, () => 0)).toBe(0)
  })

  test('waits on where the answer of the store changes nothing', async () => {
    let looked = 0
    const found = known.watch.until(known.end.signal, () => {
      looked += 1
      return looked === 3 ? 'found' : undefined
    })
    await settled()
    expect(looked).toBe(1)
    await known.watch.ask()
    await settled()
    expect(looked).toBe(2)
    await known.watch.ask()
    expect(await found).toBe('found')
  })

  test('is told nothing once the signal has aborted', async () => {
    const waiting = known.watch.until(known.end.signal, () => undefined)
    await settled()
    known.end.abort()
    expect(await waiting).toBeUndefined()
    let looked = 0
    const late = await known.watch.until(known.end.signal, () => (looked += 1))
    expect([late, looked]).toEqual([undefined, 0])
  })

  test('leaves no listener with the signal', async () => {
    const { signal } = known.end
    let listening = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening += 1
      add.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening -= 1
      remove.apply(signal, args)
    }
    let looked = 0
    const found = known.watch.until(signal, () => ((looked += 1) > 2 ? true : undefined))
    await settled()
    await known.watch.ask()
    await settled()
    await known.watch.ask()
    expect(await found).toBe(true)
    expect(listening).toBe(0)
  })
})

describe('the beginning of a view', () => {
  test('is waited for', async () => {
    const begun = known.watch.begun(known.end.signal)
    await known.watch.ask()
    known.at(one)
    await known.watch.ask()
    expect(await begun).toBe(known.state)
  })

  test('is waited for under another epoch than one that is known', async () => {
    known.at(one)
    await known.watch.ask()
    expect(await known.watch.begun(known.end.signal)).toBe(known.state)
    expect(await known.watch.begun(known.end.signal, 'two' as Epoch)).toBe(known.state)
    const other = known.watch.begun(known.end.signal, one)
    await known.watch.ask()
    known.at('two' as Epoch)
    await known.watch.ask()
    expect(await other).toMatchObject({ epoch: 'two' })
  })

  test('is waited for no longer than the signal', async () => {
    const begun = known.watch.begun(known.end.signal)
    await settled()
    known.end.abort()
    expect(await begun).toBeUndefined()
  })
})

describe('running', () => {
  test('it asks again and again, and ends with the signal', async () => {
    const running = known.watch.run(100, known.end.signal)
    await known.clock.advance(1_000)
    expect(known.askedState).toBe(11)
    known.end.abort()
    await running
    expect(known.askedState).toBe(11)
  })

  test('it says once that the store is away, and once that it answers', async () => {
    const running = known.watch.run(100, known.end.signal)
    await settled()
    known.failure = new MillraceError('store-away', 'no route')
    await known.clock.advance(500)
    known.failure = undefined
    known.at(one)
    await known.clock.advance(500)
    expect(known.recorded.lines).toMatchObject([
      { level: 'warn', msg: 'the store does not answer', reason: 'no route' },
      { level: 'info', msg: 'the store answers again' },
    ])
    expect(known.watch.state).toBe(known.state)
    known.failure = new MillraceError('store-away', 'again')
    await known.clock.advance(500)
    expect(known.recorded.lines.length).toBe(3)
    known.end.abort()
    await running
  })

  test('it ends on a bug', async () => {
    known.failure = new TypeError('a bug')
    await expect(known.watch.run(100, known.end.signal)).rejects.toThrow('a bug')
  })
})
