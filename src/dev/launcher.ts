import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { describe, MillraceError } from '../errors.ts'
import { Chain, removeData } from './chain.ts'
import { chainEnvPath, envOf } from './chain-env.ts'
import { serverNames } from './chain-options.ts'
import { chainFolder, foldersOf } from './folders.ts'
import { tailLog } from './log-tail.ts'
import { choosePorts, type Ports } from './ports.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { consoleSay, type Attended, type Say } from './say.ts'
import { readFile, writeFile } from './small-files.ts'
import { newPasswords } from './source.ts'
import { findPrograms, startChain } from './start-chain.ts'
import { Supervisor } from './supervisor.ts'
import { waitFor } from './wait.ts'

const servingTimeoutMs = 120_000
const sameSignalMs = 1_000

/**
 * `npm start`: brings the whole chain up in this clone and keeps it up until Ctrl-C. `--reset`
 * begins with empty data; `--workers N` starts that many workers. Answers the exit code.
 */
export async function runDev(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { reset: { type: 'boolean' }, workers: { type: 'string', default: '1' } },
  })
  const workers = Number(values.workers)
  if (!Number.isInteger(workers) || workers < 1) {
    throw new MillraceError('arguments', `--workers is a number from 1 on, not '${values.workers}'`)
  }
  const folder = chainFolder(process.env)
  const say = consoleSay(performance.now())
  const stop = stopOnSignals(folder)
  mkdirSync(folder, { recursive: true })
  const lock = holdFolder(folder)
  try {
    await endLeftovers(folder, say)
    if (values.reset === true) {
      removeData(foldersOf(folder))
      say('the data of earlier starts is gone')
    }
    await keepUp(folder, { say, signal: stop, workers })
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
}

async function keepUp(folder: string, { say, signal, workers }: KeepUpOptions): Promise<void> {
  await findPrograms(serverNames, { say, signal })
  const startedAtMs = performance.now()
  const ports = await rememberedPorts(folder)
  const roleEnv = ownVariables(ports)
  const asked = { folder, ports, say, signal, workers, roleEnv, api: true, seed: true }
  const chain = await startChain(asked)
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
    say('Ctrl-C stops everything; npm start -- --reset begins with empty data')
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
  const { urls, folders } = chain
  const near = (path: string) => relative(process.cwd(), path) || '.'
  const lines = {
    API: `${urls.api}/users/9007199254740993`,
    Postgres: urls.source,
    Redis: urls.redis,
    Kafka: urls.kafka,
    Registry: urls.registry,
    Connect: urls.connect,
    Logs: near(folders.logs),
    'For tools': near(join(folders.chain, 'chain.json')),
  }
  for (const [what, where] of Object.entries(lines)) {
    process.stdout.write(`          ${what.padEnd(10)} ${where}\n`)
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

function lockPath(folder: string): string {
  return join(folder, 'launcher.json')
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

/** `MILLRACE_*` that the caller set for workers and API, as `MILLRACE_STORES`. */
function ownVariables(ports: Ports): Record<string, string> {
  const given = new Set(Object.keys(envOf(ports, newPasswords())))
  const own = Object.entries(process.env).filter(
    ([name]) => /^MILLRACE_(?!PORT_|FOLDER$)/.test(name) && !given.has(name),
  )
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? '']))
}
