/** Schedules that once failed, each made as small as it got, and what each has caught. */
import type { KeptSchedule } from './kept.ts'

export const keptSchedules: readonly {
  readonly caught: string
  readonly schedule: KeptSchedule
}[] = []
