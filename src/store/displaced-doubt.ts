import type { Doubt } from './state.ts'

/** Entries that have a doubt of their own; where there are more, one is about all entries. */
const entriesMax = 100

/** Until what was moved aside is put in again, readers find no entry there. */
export function displacedDoubt(entry: string, standing: readonly Pick<Doubt, 'code'>[]): Doubt {
  const isNamed = standing.filter(({ code }) => code === 'displaced-entry').length < entriesMax
  return {
    name: isNamed ? `displaced-entry ${entry}` : 'displaced-entry',
    code: 'displaced-entry',
    reason: `what stood under the name of entry ${entry} was no entry, and was moved aside`,
    hint: '`millrace parked` names where it lies. Find out who writes to names of entries.',
    tables: [],
    keys: isNamed ? [entry] : [],
    offsets: new Map(),
    barrier: 0,
    restart: undefined,
  }
}
