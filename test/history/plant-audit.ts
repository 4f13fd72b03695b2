import type { Plant, Plants } from './plants.ts'

/** A planted error has to be found and healed within this time, whatever else goes wrong. */
const healedWithinMs = 240_000

/** Planted errors that were not dealt with as they should have been, in words. */
export function auditPlants({ all }: Pick<Plants, 'all'>): string[] {
  return all.flatMap((plant) => {
    const { endedMs, beganMs, lostBy } = plant
    if (lostBy !== undefined) return []
    const what = `${plant.error.kind} of ${plant.user}`
    if (endedMs === undefined) return [`planted ${what} was never healed`]
    if (endedMs - beganMs > healedWithinMs) {
      return [`planted ${what} was healed after ${Math.round((endedMs - beganMs) / 1_000)} s`]
    }
    return []
  })
}

/** Those that went away without a verdict: by the user's own write, or in a kill. */
export function unreported(plants: readonly Plant[]): readonly Plant[] {
  return plants.filter(
    ({ reportedMs, lostBy, endedMs }) =>
      reportedMs === undefined && lostBy === undefined && endedMs !== undefined,
  )
}
