/** What every store makes alike of a view's state, and what it refuses to touch. */
import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { Doubt, Epoch, StandingDoubt } from './state.ts'

/** How the state of a view is laid out. Later formats are not known to this release. */
export const stateFormat = 2

export function newEpoch(): Epoch {
  return randomUUID() as string as Epoch
}

export function newInstance(): string {
  return randomUUID()
}

/** A doubt as it is raised: under a new id, since when the one of its name has stood. */
export function standing(doubt: Doubt, sinceMs: number): StandingDoubt {
  return { ...doubt, id: randomUUID(), sinceMs }
}

/** Refuses to touch what another release has laid out; `where` names the place of the number. */
export function refuseOtherFormat(found: unknown, where: string): void {
  if (Number(found) === stateFormat) return
  const newer = Number(found) > stateFormat
  throw new MillraceError(
    newer ? 'store-newer' : 'store-layout',
    `${where} has format ${String(found)}, this release knows ${stateFormat}`,
    {
      hint: newer
        ? 'A newer Millrace has written here. Upgrade this one.'
        : 'An older Millrace has written here. Delete the keys that begin with millrace: and ' +
          'run `apply --adopt`: the entries are taken over and put right.',
    },
  )
}
