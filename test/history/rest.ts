import { differences } from '../support/truth.ts'
import { sleep } from '../support/wait.ts'
import { startAgain } from './faults-processes.ts'
import { logEnd } from './scene.ts'
import type { Session } from './session.ts'

const restTimeoutMs = 300_000
const servers = ['postgres', 'redis', 'registry', 'kafka', 'connect', 'api', 'worker-a'] as const
const namedMax = 10

/**
 * Brings everything back, waits until the view says that it has everything and that nothing is in
 * doubt, and compares it with SQL. Nobody writes meanwhile. Answers what is not as it should be.
 */
export async function atRest(session: Session, signal: AbortSignal): Promise<string[]> {
  const { scene } = session
  const { chain, wires } = scene
  for (const wire of Object.values(wires)) wire.heal()
  for (const name of servers) {
    chain.resume(name)
    await startAgain(scene, name)
  }
  const end = await logEnd(scene)
  const startedMs = performance.now()
  let reasons = unsettled(session, end)
  while (reasons.length > 0 && !signal.aborted) {
    if (performance.now() - startedMs > restTimeoutMs) {
      return [`${reasons.join(', ')} after ${restTimeoutMs / 1_000} s without traffic and faults`]
    }
    await sleep(200)
    reasons = unsettled(session, end)
  }
  if (signal.aborted) return []
  const replay = await session.history.differences()
  const { source, redis } = chain.urls
  const found = await differences({ source, redis })
  return [
    ...replay.slice(0, namedMax).map((what) => `the replayed log differs from SQL in ${what}`),
    ...found
      .slice(0, namedMax)
      .map((each) => `Redis differs from SQL: ${JSON.stringify(each)} (${found.length} in all)`),
  ]
}

/** What has to come to its end before the view can be compared. */
function unsettled({ watch, excuses, plants }: Session, end: bigint): string[] {
  const { standing } = watch
  if (!standing?.complete) return ['the view is not complete']
  return [
    ...(standing.doubts.length > 0 ? [`doubts stand: ${standing.doubts.join(' ')}`] : []),
    ...((standing.watermark ?? 0n) < end ? ['the watermark is behind'] : []),
    ...(excuses.open ? ['readers have not seen the end of a blind fault'] : []),
    ...plants.open.map(({ user, error }) => `planted ${error.kind} of ${user} stands`),
  ]
}
