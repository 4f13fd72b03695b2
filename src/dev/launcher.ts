import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { flag, whole, type Given } from '../arguments.ts'
import { describe, MillraceError } from '../errors.ts'
import { loadProject, refuseNoViews } from '../project/project.ts'
import { Chain, removeData } from './chain.ts'
import { chainEnvPath, envOf, ownSettings, type ChainEnv } from './chain-env.ts'
import { serverNames } from './chain-options.ts'
import { chainFolder, foldersOf, lockPath } from './folders.ts'
import { tailLog } from './log-tail.ts'
import { newPasswords } from './passwords.ts'
import { choosePorts, givenPorts, usualPorts, type Ports } from './ports.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { consoleSay, type Attended, type Say } from './say.ts'
import { readFile, writeFile } from './small-files.ts'
import { configOption } from '../project/option.ts'
import { findPrograms, startChain } from './start-chain.ts'
import { Supervisor } from './supervisor.ts'
import { waitFor } from './wait.ts'

const servingTimeoutMs = 120_000
const sameSignalMs = 1_000
const workersMax = 16

export const devCommand = {
  call: 'millrace dev',
  about: `Brings up the whole chain on this machine and keeps it up until Ctrl-C: Postgres with a small
network, Kafka, a schema registry, Connect with Debezium, Redis, workers and the API. Fetches what is
missing. Its data is kept for the next start.`,
  options: {
    workers: whole([1, workersMax], 1, 'how many workers'),
    reset: flag('begins with empty data'),
    config: configOption,
  },
  more: `MILLRACE_PORT_POSTGRES, _KAFKA, _KAFKA_CONTROLLER, _REGISTRY, _CONNECT, _REDIS and _API choose ports,
MILLRACE_FOLDER another place for data and logs than .millrace. Settings of workers and the API, as
MILLRACE_STORES=redis,postgres, are handed on to them.`,
} as const

/** Answers the exit code. */
export async function runDev({ values }: Given<(typeof devCommand)['options']>): Promise<number> {
  const { workers } = values
  const folder = chainFolder(process.env)
  const say = consoleSay(performance.now())
  const given = await givenSettings(values.config, say)
  const stop = stopOnSignals(folder)
  mkdirSync(folder, { recursive: true })
  const lock = holdFolder(folder)
  try {
    await endLeftovers(folder, say)
    // Until the new chain has its own, no command may take up the variables of the last one.
    rmSync(chainEnvPath(folder), { force: true })
    const ports = await rememberedPorts(folder)
    if (values.reset) {
      removeData(foldersOf(folder))
      say('the data of earlier starts is gone')
    }
    await keepUp(folder, { say, signal: stop, workers, ports, ...given })
    return 0
  } catch (error) {
    if (stop.aborted) return 130
    throw error
  } finally {
    rmSync(lock, { force: true })
  }
}

type KeepUpOptions = {
  readonly say: Say
  readonly signal: AbortSignal
  readonly workers: number
  readonly ports: Ports
} & GivenSettings

async function keepUp(folder: string, options: KeepUpOptions): Promise<void> {
  const { say, signal } = options
  await findPrograms(serverNames, { say, signal })
  const startedAtMs = performance.now()
  const chain = await startChain({ ...options, folder, api: true, seed: true })
  const roles = chain.processes.list().filter(({ name }) => /^(api|worker)/.test(name))
  const attended = [
    new Supervisor(chain, { say, signal }).watch(),
    ...roles.map(({ name }) => {
      return tailLog({ name, path: chain.processes.logPath(name), say, signal })
    }),
  ]
  try {
    const serves = await untilServing(chain, { say, signal })
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
    if (serves) say(`ready after ${seconds} s, downloads not counted`)
    tellWhereEverythingIs(chain)
    say('Ctrl-C stops everything; --reset begins with empty data')
    await Promise.all(attended)
  } finally {
    say('stopping')
    await chain.stop((name) => say(`stopping ${name}`))
    say('stopped; the data stays for the next start')
  }
}

/** `/ready` is 200 when the view serves and the chain moves. Says so when that takes too long. */
async function untilServing(chain: Chain, { say, signal }: Attended): Promise<boolean> {
  const ask = async () => {
    const answer = await fetch(`${chain.urls.api}/ready`, { signal: AbortSignal.timeout(5_000) })
    const body = await answer.text()
    if (!answer.ok) throw new MillraceError('not-ready', body.slice(0, 500))
  }
  try {
    await waitFor(ask, {
      what: 'the view',
      timeoutMs: servingTimeoutMs,
      check: () => signal?.throwIfAborted(),
    })
    return true
  } catch (error) {
    signal?.throwIfAborted()
    say(`${describe(error)}; the logs in ${chain.folders.logs} say why`)
    return false
  }
}

function tellWhereEverythingIs(chain: Chain): void {
  const { urls, folders, env } = chain
  const near = (path: string) => relative(process.cwd(), path) || '.'
  const lines = {
    API: `${urls.api}/users/9007199254740993`,
    Postgres: urls.source,
    Redis: env.MILLRACE_REDIS_READER,
    Kafka: urls.kafka,
    Registry: urls.registry,
    Connect: urls.connect,
    Logs: near(folders.logs),
    'For tools': near(join(folders.chain, 'chain.json')),
  }
  for (const [what, where] of Object.entries(lines)) {
    process.stdout.write(`          ${what.padEnd(10)} ${where ?? ''}\n`)
  }
}

/**
 * The first signal stops everything in order; a second one kills what is left. One Ctrl-C may come
 * twice, from the terminal and handed on by npm, so a second one counts only after a moment.
 */
function stopOnSignals(folder: string): AbortSignal {
  const stop = new AbortController()
  let firstAtMs = 0
  const onSignal = () => {
    if (!stop.signal.aborted) {
      firstAtMs = performance.now()
      return stop.abort()
    }
    if (performance.now() - firstAtMs < sameSignalMs) return
    void killNow(folder).finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  return stop.signal
}

async function killNow(folder: string): Promise<void> {
  await Chain.attach(folder).killAll()
  rmSync(lockPath(folder), { force: true })
}

/** Two launchers in one folder would fight over its ports and data. */
function holdFolder(folder: string): string {
  const path = lockPath(folder)
  const holder = readFile(path) as ProcessIdentity | undefined
  if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true })
  if (writeFile(path, identify(process.pid), { exclusive: true })) return path
  throw new MillraceError('already-running', `the chain of ${folder} runs already`, {
    hint: `Stop it (Ctrl-C at its console, or kill ${holder?.pid}), or start another clone's.`,
  })
}

/** A launcher that was killed leaves its processes behind, and they hold data and ports. */
async function endLeftovers(folder: string, say: Say): Promise<void> {
  if (!existsSync(chainEnvPath(folder))) return
  const chain = Chain.attach(folder)
  const alive = chain.processes.list().filter(({ name }) => chain.processes.isAlive(name))
  if (alive.length > 0) {
    const names = alive.map(({ name, pid }) => `${name} (${pid})`).join(', ')
    say(`ending what an earlier start left behind: ${names}`)
  }
  await chain.stop()
}

async function rememberedPorts(folder: string): Promise<Ports> {
  const path = join(folder, 'ports.json')
  const ports = await choosePorts(process.env, (readFile(path) as Ports | undefined) ?? {})
  writeFile(path, ports)
  return ports
}

type GivenSettings = {
  readonly roleEnv: ChainEnv
  /** Path of the configuration file. */
  readonly config: string
}

/** What the caller set for workers, API and servers, checked before anything is changed. */
async function givenSettings(path: string | undefined, say: Say): Promise<GivenSettings> {
  const ports = givenPorts(process.env)
  const chain = envOf({ ...usualPorts, ...ports }, newPasswords())
  const env = { ...process.env, ...chain }
  const project = await loadProject({ folder: process.cwd(), env, path })
  refuseNoViews(project)
  const unused = Object.keys(chain).filter((name) => process.env[name])
  if (unused.length > 0) say(`${unused.join(', ')} is set and not used: this chain has its own`)
  return { roleEnv: ownSettings(process.env, chain), config: project.path! }
}
