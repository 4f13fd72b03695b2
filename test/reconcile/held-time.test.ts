import { HeldTime } from '../../src/reconcile/held-time.ts'
import type { FullPace } from '../../src/source/source.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { ManualClock } from '../support/manual-clock.ts'

let clock: ManualClock
let lost: AbortController
let right: FullPace | undefined
let released: number
let held: HeldTime

beforeEach(() => {
  clock = new ManualClock()
  lost = new AbortController()
  released = 0
  right = { lost: lost.signal, release: async () => void (released += 1) }
  const source = { fullPace: async () => right } as unknown as Plan['source']
  held = new HeldTime({ source, clock })
})

describe('the time for which the right to full pace is held', () => {
  test('is none where it is not had, nor before and after', async () => {
    await clock.advance(100)
    const mine = await held.fullPace()
    await mine!.release()
    await clock.advance(100)
    right = undefined
    expect(await held.fullPace()).toBeUndefined()
    await clock.advance(100)
    expect(held.take()).toBe(0)
    expect(released).toBe(1)
  })

  test('is told while it is held and after that, each part of it once', async () => {
    const mine = await held.fullPace()
    await clock.advance(100)
    expect(held.take()).toBe(100)
    await clock.advance(20)
    expect(held.take()).toBe(20)
    await clock.advance(3)
    await mine!.release()
    await clock.advance(100)
    const again = await held.fullPace()
    await clock.advance(4)
    expect(held.take()).toBe(7)
    await again!.release()
    expect(held.take()).toBe(0)
  })

  test('ends when it is lost, whatever the wall clock says', async () => {
    const mine = await held.fullPace()
    clock.setWall(1_000_000)
    await clock.advance(30)
    lost.abort()
    await clock.advance(100)
    await mine!.release()
    expect(held.take()).toBe(30)
  })
})
