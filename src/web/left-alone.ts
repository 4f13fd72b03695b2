/**
 * Promises that a `respond` makes and does not wait for: of two reads that it begins together, the
 * second is left alone once the first has failed. Node ends a process in which such a promise
 * rejects, and with it every other answer. Where it comes of a `respond` it is noted instead; where
 * it does not it is a bug, and ends the process.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

type Note = (reason: unknown) => void

const running = new AsyncLocalStorage<Note>()

/** Calls what may leave promises alone; `note` is told why one of them has rejected. */
export function notingLeftAlone<Result>(note: Note, call: () => Result): Result {
  return running.run(note, call)
}

/** From now on in this process, however often it is asked for. */
export function watchLeftAlone(): void {
  process.off('unhandledRejection', take)
  process.on('unhandledRejection', take)
}

function take(reason: unknown): void {
  const note = running.getStore()
  if (!note) throw reason
  note(reason)
}
