import { describe } from '../../errors.ts'
import type { Log } from '../../log.ts'

type Say = (message: string, extra?: object) => void

/** The shape that kafkajs' parts take for a logger. */
export type KafkajsLogger = {
  readonly debug: Say
  readonly info: Say
  readonly warn: Say
  readonly error: Say
  namespace(): KafkajsLogger
}

/**
 * kafkajs calls a refused connection or a rebalance an error and says it once a try. Whoever called
 * it gets the fault as well and knows whether it matters, so all of it is for those who dig.
 */
export function kafkaLogger(log: Log): KafkajsLogger {
  const say =
    (level: 'trace' | 'debug'): Say =>
    (message, extra = {}) => {
      if (!log.isLevelEnabled(level)) return
      const { stack: _stack, error, ...rest } = extra as { stack?: unknown; error?: unknown }
      log[level]({ ...rest, ...(error === undefined ? {} : { error: describe(error) }) }, message)
    }
  const logger: KafkajsLogger = {
    debug: say('trace'),
    info: say('debug'),
    warn: say('debug'),
    error: say('debug'),
    namespace: () => logger,
  }
  return logger
}
