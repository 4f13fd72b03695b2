import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Say } from './say.ts'

const usualEveryMs = 500
const bytesPerReadMax = 256 * 1024
const linesPerReadMax = 5
/** What is said again and again while something is away is shown this often. */
const sameAgainAfterMs = 30_000
const shownLevels = new Set(['warn', 'error', 'fatal'])

export type LogTailOptions = {
  readonly name: string
  readonly path: string
  readonly say: Say
  readonly signal: AbortSignal
  readonly everyMs?: number
}

/** Shows what a role warns of, from the log file that it writes, until the signal aborts. */
export async function tailLog(options: LogTailOptions): Promise<void> {
  const { name, path, say, signal, everyMs = usualEveryMs } = options
  const isNews = newsOnly()
  let position = readFrom(path, Number.MAX_SAFE_INTEGER).next
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => {})
    const { lines, next } = readFrom(path, position)
    position = next
    const shown = lines.flatMap((line) => worthShowing(line) ?? []).filter(isNews)
    for (const line of shown.slice(0, linesPerReadMax)) say(`${name}: ${line}`)
    if (shown.length > linesPerReadMax) {
      say(`${name}: and ${shown.length - linesPerReadMax} more in ${path}`)
    }
  }
}

function newsOnly(): (line: string) => boolean {
  const shownAtMs = new Map<string, number>()
  return (line) => {
    const nowMs = performance.now()
    for (const [shown, atMs] of shownAtMs) {
      if (nowMs - atMs > sameAgainAfterMs) shownAtMs.delete(shown)
    }
    if (shownAtMs.has(line)) return false
    shownAtMs.set(line, nowMs)
    return true
  }
}

/** Whole lines from a position on; a file that became shorter is read from its beginning. */
function readFrom(path: string, position: number): { lines: string[]; next: number } {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    if (position === Number.MAX_SAFE_INTEGER) return { lines: [], next: size }
    const start = position > size ? 0 : position
    const buffer = Buffer.alloc(Math.min(size - start, bytesPerReadMax))
    const read = readSync(file, buffer, 0, buffer.length, start)
    const end = buffer.subarray(0, read).lastIndexOf('\n') + 1
    // A line longer than the buffer would hold up everything after it.
    const taken = end === 0 && read === bytesPerReadMax ? read : end
    return { lines: buffer.toString('utf8', 0, end).split('\n'), next: start + taken }
  } finally {
    closeSync(file)
  }
}

type LogLine = {
  readonly level?: string
  readonly msg?: string
  readonly reason?: string
  readonly err?: { readonly message?: string }
}

/** The message of a log line from `warn` on; text that isn't a log line is a crash's. */
function worthShowing(line: string): string | undefined {
  if (line.trim() === '') return undefined
  if (!line.startsWith('{')) return line.startsWith('    at ') ? undefined : line
  try {
    const entry = JSON.parse(line) as LogLine
    if (entry.level === undefined || !shownLevels.has(entry.level)) return undefined
    return [entry.level, entry.msg, entry.reason, entry.err?.message].filter(Boolean).join(': ')
  } catch {
    return line
  }
}
