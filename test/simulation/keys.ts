/** Keys of entries, and the bound of what is kept, told apart from the code under test. */
import type { Row } from '../../src/change.ts'

/** What a part of a key is by a time, of a column named `at`. */
export const windowSeconds = 5
const windowMs = windowSeconds * 1_000

/** The key of the entry that a row is of by these columns; undefined where it is of none. */
export function keyOf(row: Row | undefined, by: readonly string[]): string | undefined {
  if (!row) return undefined
  if (by.length === 1) return partOf(by[0]!, row[by[0]!] ?? null)
  const parts = by.map((column) => partOf(column, row[column] ?? null))
  return parts.includes(undefined) ? undefined : spelled(parts as string[])
}

export function spelled(parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll(/[\\:]/g, '\\$&')).join(':')
}

function partOf(column: string, value: Row[string]): string | undefined {
  if (value === null) return undefined
  return column === 'at' ? windowOf(String(value)) : String(value)
}

const windows = new Map<string, string | undefined>()

/** Undefined for an infinity. */
function windowOf(moment: string): string | undefined {
  if (windows.has(moment)) return windows.get(moment)
  const ms = Date.parse(moment)
  const start = Number.isNaN(ms) ? undefined : momentText(Math.floor(ms / windowMs) * windowMs)
  if (windows.size > 10_000) windows.clear()
  windows.set(moment, start)
  return start
}

/** As the source spells a moment. */
export function momentText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`
}

const starts = new Map<string, number>()

/** When the entry's window begins, in seconds; undefined where its key has none. */
export function startOf(key: string): number | undefined {
  const at = key.indexOf(':')
  if (at < 0) return undefined
  const spelledStart = key.slice(at + 1)
  const known = starts.get(spelledStart)
  if (known !== undefined) return known
  if (starts.size > 10_000) starts.clear()
  const start = Date.parse(spelledStart.replaceAll('\\', '')) / 1_000
  starts.set(spelledStart, start)
  return start
}

export function isBelow(key: string, bound: number | undefined): boolean {
  const start = bound === undefined ? undefined : startOf(key)
  return start !== undefined && start < bound!
}

/** Of a view that keeps entries for so many seconds, by a clock that says this. */
export function boundAt(keep: number, clockMs: number): number {
  return Math.floor((clockMs / 1_000 - keep) / windowSeconds) * windowSeconds
}

/** By how many seconds the bound may rise at once, whatever time has passed. */
export function leapMost(keep: number): number {
  return Math.max(windowSeconds, keep / 10)
}

export function inOrder(a: string, b: string): number {
  const [left, right] = [BigInt(firstOf(a)), BigInt(firstOf(b))]
  if (left !== right) return left < right ? -1 : 1
  return (startOf(a) ?? 0) - (startOf(b) ?? 0)
}

function firstOf(key: string): string {
  return key.split(':', 1)[0]!
}
