/**
 * Schedules that once failed, by the seed that draws them or as they were printed when they had been
 * made smaller, and what each has caught.
 */
import type { KeptSchedule } from './kept.ts'

export type KeptSeed = { readonly schedule: number | KeptSchedule; readonly caught: string }

export const keptSeeds: readonly KeptSeed[] = []
