/** What happens to the source's clock, and what people say of old entries. */
import { mergedView } from '../../src/coordinate/view-plan.ts'
import type { Fault } from './faults.ts'
import { goBack } from './faults-store.ts'
import { boundAt } from './keys.ts'
import type { World } from './world.ts'

export const clockFaults: Readonly<Record<string, Fault>> = {
  "the source's clock leaps": benign(6, ({ world, random }) => {
    const ms = random.pick([4_000, 12_000, 30_000, 90_000, 3_600_000, -30_000, -3_600_000])
    world.sourceOffsetMs += ms
    world.count(ms > 0 ? "the source's clock leapt" : "the source's clock was set back")
    if (random.chance(0.3)) return
    world.scheduler.after(random.between(500, 9_000), () => {
      world.sourceOffsetMs -= ms
    })
  }),

  'nobody works for a minute': benign(2, ({ world, cast, random }) => {
    for (const life of cast.lives) cast.kill(life, random.between(1_500, 3_000))
    world.scheduler.after(random.between(100, 1_400), () => world.scheduler.leap(60_000))
  }),

  'the store goes back to before its bound rose': doubtful(4, ({ world, cast, random }) => {
    let done = false
    const act = () => {
      const copy = world.store.copy()
      if (done) return 0
      done = true
      // Those who know of the bound by then work on.
      world.scheduler.after(random.between(100, 1_500), () => {
        if (copy.data.state && world.store.data.state) goBack({ world, cast }, copy)
      })
      return 0
    }
    for (const { process } of cast.lives) {
      process.ambushes.set('raiseBound', { when: 'before', act })
    }
  }),

  'old entries may go, somebody says': benign(2, ({ world, random }) => {
    // Hardly anybody says so before the clock is right.
    if (world.sourceOffsetMs > 0 && random.chance(0.8)) return
    letGo(world)
  }),
}

function doubtful(weight: number, play: Fault['play']): Fault {
  return { benign: false, weight, play }
}

function benign(weight: number, play: Fault['play']): Fault {
  return { benign: true, weight, play }
}

/** As the role `apply` writes it down. */
export function letGo({ store, count }: World): void {
  const { state, wanted } = store.data
  const { keep } = state ? mergedView(state) : { keep: undefined }
  if (!state?.barrier || !wanted || keep === undefined) return
  count('somebody said that old entries may go')
  store.data.wanted = { ...wanted, letGo: boundAt(keep, state.barrier.takenAtMs) }
}
