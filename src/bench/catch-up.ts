import { systemClock } from '../clock.ts'
import { ownView } from '../coordinate/view-plan.ts'
import { MillraceError } from '../errors.ts'
import { besideTraffic } from './beside-traffic.ts'
import { workerName } from './filled-chain.ts'
import { withOwnChain, type OwnChain, type OwnChainOptions } from './own-chain.ts'

export type CatchUpOptions = OwnChainOptions & {
  /** Rows changed per second. */
  readonly rate: number
  /** How long each part is away. */
  readonly awayMs: number
  readonly show: (line: CatchUpResult) => void
}

export type CatchUpResult = {
  readonly part: string
  /** From its start until it answers. */
  readonly upMs: number
  /** From its start until the view is fresh again. */
  readonly freshMs: number
}

const parts = [workerName, 'redis', 'kafka', 'connect', 'registry', 'postgres'] as const
/** As old as the view is a moment after a barrier, while it keeps up. */
const freshMs = 3_000
const askEveryMs = 100
const freshWithinMs = 300_000

/** Kills one part after the other beside traffic, starts it again and times the view's return. */
export function measureCatchUp(options: CatchUpOptions): Promise<string> {
  const { users, rate, signal, say } = options
  return withOwnChain(options, async (own) => {
    own.startWorker()
    await own.built()
    const source = own.chain.env.MILLRACE_SOURCE_APP!
    const { traffic } = await besideTraffic({ rate, users, source, signal }, async () => {
      for (const part of parts) {
        await fresh(own, signal)
        say(`${part} goes away`)
        options.show(await returned(own, part, options))
      }
    })
    return traffic
  })
}

async function returned(
  own: OwnChain,
  part: string,
  { awayMs, signal }: CatchUpOptions,
): Promise<CatchUpResult> {
  const { chain } = own
  await chain.kill(part)
  await systemClock.sleep(awayMs, signal)
  const startedMs = systemClock.monotonicMs()
  if (part === workerName) chain.startAgain(part)
  else await chain.start(part)
  const upMs = systemClock.monotonicMs() - startedMs
  await fresh(own, signal)
  return { part, upMs, freshMs: systemClock.monotonicMs() - startedMs }
}

/** Waits until everything committed a moment ago is in the view, and no doubt stands. */
async function fresh({ store, view }: OwnChain, signal: AbortSignal): Promise<void> {
  const reader = store.reader(view.layout, ownView(view).id)
  const lastMs = systemClock.monotonicMs() + freshWithinMs
  while (systemClock.monotonicMs() < lastMs && !signal.aborted) {
    const { ageMs = Infinity } = await reader.status().catch(() => ({ ageMs: Infinity }))
    if (ageMs < freshMs) return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', `the view was not fresh within ${freshWithinMs / 1_000} s`, {
    hint: `Its state: ${JSON.stringify(await store.watchable.state(), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )}`,
  })
}
