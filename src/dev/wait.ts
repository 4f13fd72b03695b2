import { setTimeout as sleep } from 'node:timers/promises'
import { describe, MillraceError } from '../errors.ts'

export type WaitOptions = {
  readonly what: string
  readonly timeoutMs: number
  readonly pauseMs?: number
  /** Ends the wait early by throwing. */
  readonly check?: () => void
  readonly hint?: string
}

/** Tries until `attempt` answers without throwing; its last fault is the cause of the error. */
export async function waitFor<T>(attempt: () => Promise<T>, options: WaitOptions): Promise<T> {
  const deadline = performance.now() + options.timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (cause) {
      options.check?.()
      if (performance.now() > deadline) {
        const seconds = Math.round(options.timeoutMs / 1_000)
        const said = `${options.what} is not ready after ${seconds} s (${describe(cause)})`
        const hint = options.hint === undefined ? {} : { hint: options.hint }
        throw new MillraceError('not-ready', said, { cause, ...hint })
      }
    }
    await sleep(options.pauseMs ?? 100)
  }
}
