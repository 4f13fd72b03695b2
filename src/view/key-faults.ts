/** What is wrong with the key that a declaration has, in words. */
import { knownType } from '../types/types.ts'
import { windowSeconds, windowTypes } from '../types/windows.ts'
import type { PartDeclaration, WindowDeclaration } from './window-of.ts'

export type KeyedDeclaration = {
  readonly key: Readonly<Record<string, PartDeclaration>>
  readonly row?: { readonly table: string } | undefined
  readonly aggregates?: Readonly<Record<string, unknown>> | undefined
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
