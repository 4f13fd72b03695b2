import { parseArgs } from 'node:util'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { userInformation } from '../views/user-information.ts'
import { rebuild } from './rebuild.ts'
import { withStore } from './with-store.ts'

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
  await withStore({ config, role: 'rebuild', named: values.store }, (store) =>
    rebuild(store, {
      view: userInformation.name,
      reason: values.reason ?? 'asked for by hand',
      clock: systemClock,
      say: (line) => process.stdout.write(`${line}\n`),
      signal,
    }),
  )
  return 0
}
