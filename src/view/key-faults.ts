/** What is wrong with the key that a declaration has, in words. */
import { stepOf, timePartsOf } from '../keep.ts'
import { knownType } from '../types/types.ts'
import { lengthText, windowSeconds, windowTypes, type KeyPart } from '../types/windows.ts'
import type { PartDeclaration, WindowDeclaration } from './window-of.ts'

export type KeyedDeclaration = {
  readonly key: Readonly<Record<string, PartDeclaration>>
  readonly row?: { readonly table: string } | undefined
  readonly aggregates?: Readonly<Record<string, unknown>> | undefined
  readonly keep?: string | undefined
}

/** Of a declaration without an owning row, and of what such a one alone can have. */
export function faultsOfNoRow({ key, row, aggregates = {} }: KeyedDeclaration): readonly string[] {
  const windows = Object.keys(key).filter((name) => typeof key[name] !== 'string')
  const [first, second] = windows
  if (row && first !== undefined) {
    return [`key ${first} is a window, which no row of ${row.table} can own: leave out the row`]
  }
  return [
    ...(row || Object.keys(aggregates).length > 0
      ? []
      : ['it needs a row or aggregates: nothing says which entries there are']),
    ...(second === undefined ? [] : [`${first} and ${second} are windows: a key has one at most`]),
  ]
}

/** Of how long entries are kept, in words. */
export function faultsOfKeep({ key, keep }: KeyedDeclaration): readonly string[] {
  if (keep === undefined) return []
  const seconds = windowSeconds(keep)
  const parts = Object.entries(key).map(([name, part]) => ({ name, ...partOf(part) }))
  const [first, second] = timePartsOf(parts).map((at) => parts[at]!)
  const step = first && stepOf(first)
  return [
    ...(seconds === undefined
      ? [`keep '${keep}' is no length of time: write '60 days', '36 hours' or '10 minutes'`]
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

/** What is wrong with a part of a key, in words. */
export function faultsOfPart(name: string, part: PartDeclaration): readonly string[] {
  if (typeof part !== 'string') return faultsOfWindow(name, part)
  const known = knownType(part)
  if (!known) return [`there is no type '${part}' for ${name}`]
  return known.key ? [] : [`key ${name} can't be ${part}: ${known.noKey}`]
}

function faultsOfWindow(name: string, { type, length }: WindowDeclaration): readonly string[] {
  const seconds = windowSeconds(length)
  return [
    ...(windowTypes.includes(type)
      ? []
      : [`key ${name}: there are windows of ${windowTypes.join(', ')}, not of '${type}'`]),
    ...(seconds === undefined
      ? [
          `key ${name}: '${length}' is no length of a window: write '30 seconds', '5 minutes', ` +
            `'1 hour' or '7 days', at most 10000 days`,
        ]
      : []),
    ...(type === 'date' && seconds !== undefined && seconds % 86_400 !== 0
      ? [`key ${name}: a window of dates is a number of days, not '${length}'`]
      : []),
  ]
}
