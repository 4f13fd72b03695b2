/** What is wrong with how long a declaration keeps its entries. */
import { stepOf, timePartsOf } from '../keep.ts'
import { lengthText, windowSeconds, type KeyPart } from '../types/windows.ts'
import type { PartDeclaration } from './window-of.ts'

type KeepingDeclaration = {
  readonly key: Readonly<Record<string, PartDeclaration>>
  readonly keep?: string | undefined
}

export function faultsOfKeep({ key, keep }: KeepingDeclaration): readonly string[] {
  if (keep === undefined) return []
  const seconds = windowSeconds(keep)
  const parts = Object.entries(key).map(([name, part]) => ({ name, ...partOf(part) }))
  const [first, second] = timePartsOf(parts).map((at) => parts[at]!)
  const step = first && stepOf(first)
  return [
    ...(seconds === undefined
      ? [
          `keep '${keep}' is no length of time: write '60 days', '36 hours' or '10 minutes', at most 10000 days`,
        ]
      : []),
    ...(first
      ? []
      : [
          `keep needs a part of the key that is a time: a date, or a window as ` +
            `windowOf('timestamptz', '1 day')`,
        ]),
    ...(first && second
      ? [`${first.name} and ${second.name} are times: with keep, a key has exactly one`]
      : []),
    ...(seconds !== undefined && step !== undefined && seconds < step
      ? [
          `keep '${keep}' is shorter than ${lengthText({ seconds: step })}, which ${first!.name} spans`,
        ]
      : []),
  ]
}

/** A length that can't be read is a fault of its own. */
function partOf(part: PartDeclaration): KeyPart {
  if (typeof part === 'string') return { type: part }
  return { type: part.type, window: { seconds: windowSeconds(part.length) ?? 1 } }
}
