/** Plays schedules on two threads, half of them on each. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { playAll, type Failed, type Happened } from './play-all.ts'
import { drawSchedule, play } from './schedule.ts'

export type Share = { readonly first: number; readonly schedules: number }

export type ShareAnswer = {
  readonly failedSeed: number | undefined
  readonly counts: ReadonlyMap<string, Happened>
}

/** Stops at the first failure of each half. */
export async function playShared({ first, schedules }: Share) {
  const half = Math.ceil(schedules / 2)
  const thread = new Worker(new URL('play-thread.ts', import.meta.url), {
    workerData: { first: first + half, schedules: schedules - half } satisfies Share,
    execArgv: ['--no-warnings'],
  })
  const answered = once(thread, 'message') as Promise<[ShareAnswer]>
  const own = await playAll({ first, schedules: half, failuresMax: 1 })
  const [{ failedSeed, counts }] = await answered
  const failed = [...own.failed]
  if (failedSeed !== undefined) failed.push(await playedAgain(failedSeed))
  return { failed, counts: sum(own.counts, counts) }
}

/** An error does not come whole from one thread to another, and a seed is all that it takes. */
async function playedAgain(seed: number): Promise<Failed> {
  const schedule = drawSchedule(seed)
  const { failure } = await play(schedule)
  return { schedule, failure: failure ?? new Error('played again, it does not fail') }
}

function sum(
  a: ReadonlyMap<string, Happened>,
  b: ReadonlyMap<string, Happened>,
): ReadonlyMap<string, Happened> {
  const counts = new Map(a)
  for (const [kind, { times, schedules }] of b) {
    const known = counts.get(kind) ?? { times: 0, schedules: 0 }
    counts.set(kind, { times: known.times + times, schedules: known.schedules + schedules })
  }
  return counts
}
