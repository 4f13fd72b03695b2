/** Arguments to one role. `node src/main.ts <role> [options]`; npm scripts name the common ones. */
import { readConfig } from './config.ts'
import { describe, MillraceError } from './errors.ts'
import { createLog } from './log.ts'
import { loadChainEnv } from './dev/chain-env.ts'

type Role = {
  readonly does: string
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<number | void>
}

const config = () => readConfig({ ...loadChainEnv(), ...process.env })
const log = (role: string) => createLog(config().logLevel, role)

/** Each role loads its own modules, so that none waits for those of another. */
const roles: Readonly<Record<string, Role>> = {
  dev: {
    does: 'brings up the whole chain on this machine (npm start)',
    run: async (args) => (await import('./dev/launcher.ts')).runDev(args),
  },
  setup: {
    does: 'prepares the source, the topics and the connector of servers that run elsewhere',
    run: async (args) => (await import('./dev/setup.ts')).runSetup(args),
  },
  worker: {
    does: 'keeps the view in the stores; --topics and --store narrow it',
    run: async (args, signal) => {
      const { runWorker } = await import('./roles/worker.ts')
      await runWorker(args, config(), { log: log('worker'), signal })
    },
  },
  api: {
    does: 'serves GET /users/:userId',
    run: async (_, signal) => (await import('./roles/api.ts')).runApi(config(), signal),
  },
  verify: {
    does: 'compares every entry with SQL (npm run verify)',
    run: async (args) => (await import('./verify/verify-role.ts')).runVerify(args, config()),
  },
  rebuild: {
    does: 'builds the view anew from its topics (npm run rebuild)',
    run: async (args, signal) =>
      (await import('./verify/rebuild-role.ts')).runRebuild(args, config(), signal),
  },
  parked: {
    does: 'lists records that could not be decoded (npm run parked)',
    run: async (args) => (await import('./verify/parked-role.ts')).runParked(args, config()),
  },
  traffic: {
    does: 'a living social network on the source database (npm run traffic)',
    run: async (args, signal) => (await import('./traffic/traffic.ts')).runTraffic(args, signal),
  },
  bench: {
    does: 'measures: visible, reads or replay (npm run bench:…)',
    run: async (args, signal) =>
      (await import('./bench/bench.ts')).runBench(args, config(), signal),
  },
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  const role = name === undefined ? undefined : roles[name]
  if (!role) {
    const lines = Object.entries(roles).map(([known, { does }]) => `  ${known.padEnd(8)} ${does}`)
    process.stderr.write(`usage: node src/main.ts <role> [options]\n${lines.join('\n')}\n`)
    return 2
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  try {
    return (await role.run(args, stop.signal)) ?? 0
  } catch (error) {
    if (!isForPeople(error)) throw error
    process.stderr.write(`${describe(error)}\n`)
    if (error instanceof MillraceError && error.hint) process.stderr.write(`${error.hint}\n`)
    return error instanceof MillraceError && error.code !== 'arguments' ? 1 : 2
  }
}

/** Faults that have a sentence for people; anything else is a bug and shows its stack. */
function isForPeople(error: unknown): boolean {
  if (error instanceof MillraceError) return true
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  )
}

process.exitCode = await main(process.argv.slice(2))
