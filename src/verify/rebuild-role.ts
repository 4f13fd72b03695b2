import { parseArgs } from 'node:util'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { MillraceError } from '../errors.ts'
import { createLog } from '../log.ts'
import { openStore } from '../store/open-store.ts'
import { userInformation } from '../views/user-information.ts'

const askEveryMs = 500
const sayEveryMs = 5_000

/** `npm run rebuild`: marks the view, and follows the workers until the new generation serves. */
export async function runRebuild(
  args: readonly string[],
  config: Config,
  signal: AbortSignal,
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { store: { type: 'string' }, reason: { type: 'string' } },
  })
  const view = userInformation
  const name = config.stores.find((known) => known === values.store) ?? config.readFrom
  const log = createLog(config.logLevel, 'rebuild')
  const store = await openStore(name, { config, layout: view.layout, log })
  try {
    const old = await store.writer.generation()
    if (old) {
      const mark = {
        code: 'by-hand',
        reason: values.reason ?? 'asked for by hand',
        atMs: Date.now(),
      }
      await store.writer.mark(old.id, mark)
    }
    process.stdout.write(`${view.name} in ${name} is marked: workers build it anew\n`)
    const startedMs = systemClock.monotonicMs()
    let saidMs = startedMs
    while (!signal.aborted) {
      const now = await store.writer.generation()
      const tookMs = systemClock.monotonicMs() - startedMs
      if (now && now.id !== old?.id && now.phase === 'serving') {
        process.stdout.write(`a new generation serves after ${(tookMs / 1000).toFixed(1)} s\n`)
        return 0
      }
      if (systemClock.monotonicMs() - saidMs >= sayEveryMs) {
        saidMs = systemClock.monotonicMs()
        const phase = now && now.id !== old?.id ? now.phase : 'waiting for a worker'
        process.stdout.write(`  ${(tookMs / 1000).toFixed(0)} s: ${phase}\n`)
      }
      await systemClock.sleep(askEveryMs, signal)
    }
    throw new MillraceError('interrupted', 'stopped following; the rebuild goes on in the workers')
  } finally {
    await store.close()
  }
}
