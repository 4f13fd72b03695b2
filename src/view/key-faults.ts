/** What is wrong with the key that a declaration has, in words. */
import { knownType } from '../types/types.ts'
import { windowSeconds, windowTypes } from '../types/windows.ts'
import type { PartDeclaration, WindowDeclaration } from './window-of.ts'

export type KeyedDeclaration = {
  readonly key: Readonly<Record<string, PartDeclaration>>
  readonly row?: { readonly table: string; readonly key: string | readonly string[] } | undefined
  readonly aggregates?:
    Readonly<Record<string, { readonly by: string | readonly string[] }>> | undefined
}

export function faultsOfKey({ key, row, aggregates = {} }: KeyedDeclaration): string[] {
  const parts = Object.entries(key)
  const columns = (what: string, given: string | readonly string[]) => {
    const { length } = [given].flat()
    if (parts.length === 0 || length === parts.length) return []
    return [`the key has ${parts.length} parts, and ${what} names ${length} columns`]
  }
  const isEmpty = !row && Object.keys(aggregates).length === 0
  return [
    ...(parts.length === 0 ? ['it needs a key'] : []),
    ...(isEmpty ? ['it needs a row or aggregates: nothing says which entries there are'] : []),
    ...parts.flatMap(([name, part]) => faultsOfPart(name, part)),
    ...faultsOfWindows(parts, row?.table),
    ...(row ? columns(`the key of ${row.table}`, row.key) : []),
    ...Object.entries(aggregates).flatMap(([name, { by }]) => columns(`'by' of ${name}`, by)),
  ]
}

/** Of a time that no row can own, and of a second one. */
function faultsOfWindows(
  parts: readonly (readonly [string, PartDeclaration])[],
  owner: string | undefined,
): readonly string[] {
  const windows = parts.flatMap(([name, part]) => (typeof part === 'string' ? [] : [name]))
  const [first, second] = windows
  if (first === undefined) return []
  if (owner !== undefined) {
    return [`key ${first} is a window, which no row of ${owner} can own: leave out the row`]
  }
  return second === undefined ? [] : [`${first} and ${second} are windows: a key has one at most`]
}

function faultsOfPart(name: string, part: PartDeclaration): readonly string[] {
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
