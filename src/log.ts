import { pino, type Logger } from 'pino'

export type Log = Logger

/** JSON lines on standard output, one per event that matters; `level` as pino names them. */
export function createLog(level: string, role: string): Log {
  return pino({
    level,
    base: { role },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
}
