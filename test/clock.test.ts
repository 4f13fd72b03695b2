import { backoff, bounded, systemClock } from '../src/clock.ts'
import { ManualClock, settled } from './support/manual-clock.ts'

describe('a bound', () => {
  test('is over after its time', async () => {
    const clock = new ManualClock()
    const late = bounded(clock, 100, new AbortController().signal)
    await clock.advance(99)
    expect(late.aborted).toBe(false)
    await clock.advance(1)
    expect(late.aborted).toBe(true)
  })

  test('is over with the signal', async () => {
    const clock = new ManualClock()
    const end = new AbortController()
    const late = bounded(clock, 100, end.signal)
    end.abort()
    await settled()
    expect(late.aborted).toBe(true)
    expect(clock.waits).toEqual([])
  })
})

describe('pauses', () => {
  const of = (random: number, count: number) => {
    const pause = backoff(100, 1_000, () => random)
    return { pause, first: Array.from({ length: count }, () => pause.nextMs()) }
  }

  test('double from the first one up to the most', () => {
    expect(of(1, 6).first).toEqual([100, 200, 400, 800, 1_000, 1_000])
  })

  test('are drawn between half and the whole of that', () => {
    expect(of(0, 5).first).toEqual([50, 100, 200, 400, 500])
    expect(of(0.5, 2).first).toEqual([75, 150])
    const drawn = Array.from({ length: 50 }, () => backoff(100, 1_000).nextMs())
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(50)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(100)
    expect(new Set(drawn).size).toBeGreaterThan(1)
  })

  test('are short again once it went well', () => {
    const { pause } = of(1, 4)
    pause.reset()
    expect(pause.nextMs()).toBe(100)
  })

  test('stay at the most, however often it is tried', () => {
    expect(of(1, 2_000).first.at(-1)).toBe(1_000)
  })
})

describe('the clock of the system', () => {
  test('sleeps so long, and never goes back', async () => {
    const startedMs = systemClock.monotonicMs()
    await systemClock.sleep(20)
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(19)
    expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1_000)
  })

  test('sleeps no longer than the signal, and does not reject', async () => {
    const end = new AbortController()
    const startedMs = systemClock.monotonicMs()
    const sleeping = systemClock.sleep(60_000, end.signal)
    end.abort()
    await sleeping
    await systemClock.sleep(60_000, end.signal)
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(10_000)
  })
})
