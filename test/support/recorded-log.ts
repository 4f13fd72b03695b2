import { pino } from 'pino'
import type { Log } from '../../src/log.ts'

export type LogLine = Readonly<Record<string, unknown>> & {
  readonly level: string
  readonly msg: string
}

/** A log, and what was written to it. */
export function recordedLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const options = {
    level: 'trace',
    base: null,
    timestamp: false,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const write = (line: string) => void lines.push(JSON.parse(line) as LogLine)
  return { log: pino(options, { write }), lines }
}
