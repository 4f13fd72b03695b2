/** Arguments to one role. `node src/main.ts ROLE [options]`; npm scripts name the common ones. */
import { readFileSync } from 'node:fs'
import { readConfig, refuseUnknownVariables, type Config, type ConfiguredRole } from './config.ts'
import { environmentOf } from './dev/chain-env.ts'
import { describe, MillraceError, type ErrorCode } from './errors.ts'
import { createLog } from './log.ts'

type Role = {
  readonly usage: string
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<number | void>
}

type Listed = {
  readonly does: string
  /** Each role loads its own modules, so that none waits for those of another. */
  readonly load: () => Promise<Role>
}

const roles: Readonly<Record<string, Listed>> = {
  dev: {
    does: 'brings up the whole chain on this machine (npm start)',
    load: async () => {
      const { devUsage, runDev } = await import('./dev/launcher.ts')
      return { usage: devUsage, run: runDev }
    },
  },
  setup: {
    does: 'prepares servers that somebody else started',
    load: async () => {
      const { runSetup, setupUsage } = await import('./dev/setup.ts')
      return { usage: setupUsage, run: (args) => runSetup(args) }
    },
  },
  worker: {
    does: 'keeps the views in their stores',
    load: async () => {
      const { runWorker, workerUsage } = await import('./roles/worker.ts')
      return {
        usage: workerUsage,
        run: (args, signal) => {
          const config = configOf('worker')
          return runWorker(args, config, { log: createLog(config.logLevel, 'worker'), signal })
        },
      }
    },
  },
  api: {
    does: 'serves the views over HTTP',
    load: async () => {
      const { runApi } = await import('./roles/api.ts')
      return {
        usage: apiUsage,
        run: (args, signal) => {
          refuseArguments('api', args)
          return runApi(configOf('api'), signal)
        },
      }
    },
  },
  verify: {
    does: 'compares every entry with SQL (npm run verify)',
    load: async () => {
      const { runVerify, verifyUsage } = await import('./roles/verify.ts')
      return {
        usage: verifyUsage,
        run: (args, signal) => runVerify(args, configOf('verify'), signal),
      }
    },
  },
  explain: {
    does: 'shows what touched one entry (npm run explain)',
    load: async () => {
      const { explainUsage, runExplain } = await import('./roles/explain.ts')
      return {
        usage: explainUsage,
        run: (args, signal) => runExplain(args, configOf('explain'), signal),
      }
    },
  },
  apply: {
    does: 'has the declarations of this release served (npm run apply)',
    load: async () => {
      const { applyUsage, runApply } = await import('./roles/apply.ts')
      return { usage: applyUsage, run: (args, signal) => runApply(args, configOf('apply'), signal) }
    },
  },
  parked: {
    does: 'lists records that could not be decoded (npm run parked)',
    load: async () => {
      const { parkedUsage, runParked } = await import('./roles/parked.ts')
      return { usage: parkedUsage, run: (args) => runParked(args, configOf('parked')) }
    },
  },
  traffic: {
    does: 'a living social network on the source database (npm run traffic)',
    load: async () => {
      const { runTraffic } = await import('./traffic/traffic.ts')
      const { trafficUsage } = await import('./traffic/arguments.ts')
      return {
        usage: trafficUsage,
        run: (args, signal) => {
          refuseUnknownVariables(process.env)
          return runTraffic(args, signal)
        },
      }
    },
  },
  bench: {
    does: 'measures the running chain (npm run bench:…)',
    load: async () => {
      const { benchUsage, runBench } = await import('./bench/bench.ts')
      return {
        usage: benchUsage,
        run: (args, signal) => runBench(args, configOf('bench'), signal),
      }
    },
  },
}

const apiUsage = `usage: node src/main.ts api

Serves the views over HTTP from the store that MILLRACE_READ_FROM names, until it is told to end.
MILLRACE_API_HOST and MILLRACE_API_PORT say where it listens. Start as many as you like.
`

const usage = `usage: node src/main.ts ROLE [options]

${Object.entries(roles)
  .map(([role, { does }]) => `  ${role.padEnd(8)} ${does}\n`)
  .join('')}
node src/main.ts ROLE --help says more of a role, --version which release this is.
`

/** Faults of what was given, as the shell tells them apart from work that failed. */
const wrongInput: readonly ErrorCode[] = ['arguments', 'config', 'view-invalid']

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h') return tell(usage)
  if (name === '--version') return tell(`${version()}\n`)
  const listed = name !== undefined && Object.hasOwn(roles, name) ? roles[name] : undefined
  if (!listed) return complain(name === undefined ? usage : `there is no role '${name}'\n${usage}`)
  const role = await listed.load()
  if (args.includes('--help') || args.includes('-h')) return tell(role.usage)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  try {
    return (await role.run(args, stop.signal)) ?? 0
  } catch (error) {
    if (isOfArguments(error)) return complain(`${describe(error).split('. ')[0]}\n${role.usage}`)
    if (error instanceof MillraceError) return failed(error)
    if (stop.signal.aborted && error instanceof Error && error.name === 'AbortError') return 130
    throw error
  }
}

function configOf(role: ConfiguredRole): Config {
  const { env, note } = environmentOf(role)
  if (note !== undefined) process.stderr.write(`${note}\n`)
  return readConfig(env, role)
}

function refuseArguments(role: string, [first]: readonly string[]): void {
  if (first === undefined) return
  throw new MillraceError('arguments', `${role} takes no '${first}'`, { hint: apiUsage })
}

/** What `parseArgs` throws for options that it was not told of. */
function isOfArguments(error: unknown): boolean {
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}

function failed(error: MillraceError): number {
  const hint = error.hint === undefined ? '' : `${error.hint.trimEnd()}\n`
  process.stderr.write(`${describe(error)}\n${hint}`)
  if (error.code === 'interrupted') return 130
  return wrongInput.includes(error.code) ? 2 : 1
}

function complain(text: string): number {
  process.stderr.write(text)
  return 2
}

function tell(text: string): number {
  process.stdout.write(text)
  return 0
}

function version(): string {
  const path = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

process.exitCode = await main(process.argv.slice(2))
