/** What every store makes alike of a generation, and what it refuses to touch. */
import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { Generation, GenerationId } from './store.ts'

/** Later ones are not known to this release. */
export const generationNumber = 1

export function newGenerationId(): GenerationId {
  return randomUUID() as string as GenerationId
}

/** A generation as it is opened. */
export function newGeneration(
  id: GenerationId,
  topics: Readonly<Record<string, number>>,
): Generation {
  return {
    id,
    number: generationNumber,
    phase: 'building',
    topics,
    watermark: undefined,
    barrier: undefined,
    mark: undefined,
  }
}

/** Refuses to touch what a newer release has laid out; `where` names the place of the number. */
export function refuseNewer(found: unknown, where: string): void {
  if (String(found) === String(generationNumber)) return
  throw new MillraceError(
    'store-newer',
    `${where} speaks of generation ${String(found)}, this release knows only ${generationNumber}`,
    { hint: 'A newer Millrace has written here. Upgrade this one, or rebuild the view.' },
  )
}
