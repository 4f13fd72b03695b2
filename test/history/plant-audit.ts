import type { Plants } from './plants.ts'

/** Planted errors that no rest has seen healed, in words. */
export function auditPlants({ open }: Pick<Plants, 'open'>): string[] {
  return open.map(({ user, error }) => `planted ${error.kind} of ${user} was never healed`)
}

/** How long the slowest of them stood, which is as long as faults kept looks from coming through. */
export function slowestHealMs({ all }: Pick<Plants, 'all'>): number {
  const times = all.flatMap(({ beganMs, endedMs, lostBy }) =>
    endedMs === undefined || lostBy !== undefined ? [] : [endedMs - beganMs],
  )
  return Math.max(0, ...times)
}
