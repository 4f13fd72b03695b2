/** Why a view can't be read now, as readers are told. */
import type { FastifyReply } from 'fastify'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { sendProblem, type ProblemKind } from './problem.ts'
import { notServing } from './statuses.ts'

/** All of them are 503. */
export type Refusal = {
  readonly kind: ProblemKind
  readonly detail: string
  /** When to try again. */
  readonly afterSeconds: number
}

export function refuse(reply: FastifyReply, refusal: Refusal, instance: string): FastifyReply {
  const { kind, detail, afterSeconds } = refusal
  reply.header('retry-after', String(afterSeconds))
  return sendProblem(reply, { status: 503, kind, detail, instance })
}

export function notServed(view: string, phase: 'absent' | 'building'): Refusal {
  const detail = `The view ${view} ${notServing(phase)}.`
  return { kind: 'view-not-serving', detail, afterSeconds: 2 }
}

export function doubted(view: string, doubts: readonly string[]): Refusal {
  const detail = `Entries of the view ${view} may be wrong: ${doubts.join(', ')}.`
  return { kind: 'view-in-doubt', detail, afterSeconds: 10 }
}

/** A store that is away or slow is the world's fault; anything else is a bug, and the log says so. */
export function readFailure(error: unknown, log: Log): MillraceError {
  if (error instanceof MillraceError && error.retriable) return error
  log.error({ err: error }, 'a read failed')
  return error instanceof MillraceError
    ? error
    : new MillraceError('read-failed', describe(error), { cause: error })
}

export function refusalOf(error: MillraceError): Refusal {
  if (error.code === 'declaration-unknown') {
    const detail = [error.message, error.hint ?? []].flat().join('. ')
    return { kind: 'declaration-not-applied', detail, afterSeconds: 10 }
  }
  if (error.code === 'overloaded') {
    const detail = 'More requests wait than are answered in time.'
    return { kind: 'overloaded', detail, afterSeconds: 1 }
  }
  if (error.code === 'store-type') {
    const { entry } = error
    const detail =
      entry === undefined
        ? 'Something in the store is not what the view keeps there; the log says what.'
        : `What lies where entry ${entry} should is none. Once a look has met it, the entry is put in.`
    return { kind: 'entry-unreadable', detail, afterSeconds: 10 }
  }
  if (!error.retriable) {
    const detail = 'The store can not be read as it is; the log of this server says why.'
    return { kind: 'store-unavailable', detail, afterSeconds: 10 }
  }
  const detail = 'The store that holds the view is away, or too slow to wait for.'
  return { kind: 'store-unavailable', detail, afterSeconds: 1 }
}
