import type { ChainWithWires } from './chain-with-wires.ts'
import { auditPlants } from './plant-audit.ts'
import { pausing, Session, type SessionOptions } from './session.ts'

export type HistoryRun = SessionOptions & {
  readonly minutes: number
  /** Whether a kind of fault that never had an effect is a violation. */
  readonly everyKind: boolean
  readonly progress?: {
    readonly everyMs: number
    readonly tell: (session: Session, elapsedMs: number) => void
  }
}

/** Between two rests. */
const phaseMs = 300_000
/** After so many violations a run ends: more of them would show nothing more. */
const violationsMax = 30

/** Runs the whole on a chain, ends the chain, and answers what was seen. */
export async function runHistory(whole: ChainWithWires, run: HistoryRun): Promise<Session> {
  const end = new AbortController()
  let count = 0
  const violated: HistoryRun['violated'] = (violation) => {
    count += 1
    if (count <= violationsMax) run.violated(violation)
    if (count === violationsMax) end.abort()
  }
  let session: Session
  try {
    session = await Session.open(whole, { ...run, violated })
  } catch (error) {
    await whole.stop()
    throw error
  }
  const signal = AbortSignal.any([run.signal, end.signal])
  const startedMs = performance.now()
  const observing = session.observe(signal).catch((error: unknown) => {
    end.abort()
    throw error
  })
  observing.catch(() => undefined)
  const telling = tellProgress(session, run, signal)
  try {
    const untilMs = startedMs + run.minutes * 60_000
    while (performance.now() < untilMs && !signal.aborted) {
      const leftMs = Math.ceil(untilMs - performance.now())
      await session.phase(Math.min(phaseMs, leftMs), signal)
    }
    if (!signal.aborted) await session.verify()
    await pausing(1_000, signal)
    if (!signal.aborted) conclude(session, run)
  } finally {
    end.abort()
    await telling
    await Promise.allSettled([observing])
    await session.close()
  }
  await observing
  return session
}

function conclude(session: Session, { everyKind }: HistoryRun): void {
  for (const text of auditPlants(session.plants)) {
    session.violated({ kind: 'planted-error-missed', text, atMs: Date.now() })
  }
  if (!everyKind) return
  for (const kind of session.faults.missing()) {
    session.violated({ kind: 'run', text: `no fault '${kind}' had an effect`, atMs: Date.now() })
  }
}

async function tellProgress(
  session: Session,
  { progress }: HistoryRun,
  signal: AbortSignal,
): Promise<void> {
  if (!progress) return
  const startedMs = performance.now()
  while (!signal.aborted) {
    await pausing(progress.everyMs, signal)
    progress.tell(session, performance.now() - startedMs)
  }
}
