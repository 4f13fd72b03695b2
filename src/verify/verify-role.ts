import { parseArgs } from 'node:util'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { SourceDatabase } from '../source/source-database.ts'
import { userInformation as view } from '../views/user-information.ts'
import { sqlTruth } from './sql-truth.ts'
import { verify, type Difference, type Verdict } from './verify.ts'
import { withStore } from './with-store.ts'

const waitMs = 30_000
/** SQL truth of thousands of entries may take longer than other calls. */
const sourceTimeoutMs = 60_000
const namedMax = 50

/** `npm run verify`: exits 1 when anything differs or could not be decided. */
export async function runVerify(args: readonly string[], config: Config): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { store: { type: 'string' } } })
  return withStore({ config, role: 'verify', named: values.store }, async (store) => {
    const source = new SourceDatabase({ url: config.source, callTimeoutMs: sourceTimeoutMs })
    process.stdout.write(`verifying ${view.name} in ${store.name} against SQL\n`)
    try {
      const startedMs = systemClock.monotonicMs()
      const verdict = await verify({
        view,
        truth: sqlTruth(view, source),
        reader: store.reader,
        mark: () => source.mark(),
        clock: systemClock,
        waitMs: Math.max(waitMs, config.callTimeoutMs),
        onProgress: (entries) => process.stdout.write(`  ${entries} entries compared\n`),
      })
      return report(verdict, systemClock.monotonicMs() - startedMs)
    } finally {
      await source.close()
    }
  })
}

function report({ entries, fields, differences, undecided }: Verdict, tookMs: number): number {
  for (const difference of differences.slice(0, namedMax)) {
    process.stdout.write(`${describeDifference(difference)}\n`)
  }
  if (differences.length > namedMax) {
    process.stdout.write(`… and ${differences.length - namedMax} more\n`)
  }
  for (const key of undecided.slice(0, namedMax)) {
    process.stdout.write(`undecided: ${key} changes faster than it can be compared\n`)
  }
  const differing = new Set(differences.map(({ key }) => key)).size
  process.stdout.write(
    `${entries} entries, ${fields} fields compared in ${(tookMs / 1000).toFixed(1)} s: ` +
      `${differing} entries differ (${differences.length} fields), ${undecided.length} undecided\n`,
  )
  return differing + undecided.length > 0 ? 1 : 0
}

function describeDifference({ key, field, ...said }: Difference): string {
  const value = (it: string | null) => (it === null ? 'nothing' : it)
  const what = field === undefined ? key : `${key} ${field}`
  return `differs: ${what}: SQL says ${value(said.sql)}, the view says ${value(said.view)}`
}
