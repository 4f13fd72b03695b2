import { flag, text } from '../arguments.ts'

/** Options that several commands have. */
export const storeOption = text('NAME', 'redis or postgres, of the stores that are kept')
export const viewOption = text('NAME,…', 'these views only, of those that are declared')
export const jsonOption = flag('prints JSON, for programs')
