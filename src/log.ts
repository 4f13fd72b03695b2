import { pino, type Logger } from 'pino'

export type Log = Logger

/** JSON lines on standard output, one per event that matters; `level` as pino names them. */
export function createLog(level: string, role: string): Log {
  return pino(optionsOf(level, role))
}

/**
 * For a command that a person runs: its output is for them, so only what is worse than a warning is
 * logged, on standard error, unless more was asked for.
 */
export function createCommandLog(level: string, role: string): Log {
  const asked = level === 'debug' || level === 'trace'
  return pino(optionsOf(asked ? level : 'error', role), pino.destination(2))
}

function optionsOf(level: string, role: string) {
  return {
    level,
    base: { role },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
}
