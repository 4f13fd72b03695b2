import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { flag, text, whole, wrongArguments, type Given } from '../arguments.ts'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import { configOption } from '../project/option.ts'
import { loadProject, refuseNoViews, type Project } from '../project/project.ts'
import { Chain, removeData } from './chain.ts'
import { chainEnvPath, envOf, ownSettings, type ChainEnv, type GivenSource } from './chain-env.ts'
import type { ChainOptions, ServerName } from './chain-options.ts'
import { exampleNamed, type Example } from './examples.ts'
import { chainFolder, foldersOf, lockPath } from './folders.ts'
import { givenToChain } from './given.ts'
import { tailLog } from './log-tail.ts'
import { initFiles } from './own-source.ts'
import { newPasswords } from './passwords.ts'
import { choosePorts, givenPorts, usualPorts, type AskedPorts, type Ports } from './ports.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { consoleSay, type Attended, type Say } from './say.ts'
import { readFile, writeFile } from './small-files.ts'
import { startChain } from './start-chain.ts'
import { Supervisor } from './supervisor.ts'
import { shownUrl } from './urls.ts'
import { waitFor } from './wait.ts'
import { tellWhereEverythingIs } from './where.ts'

const servingTimeoutMs = 120_000
const sameSignalMs = 1_000
const workersMax = 16

export const devCommand = {
  call: 'millrace dev',
  about: `Brings up the whole chain on this machine and keeps it up until Ctrl-C: Kafka, a schema registry,
Connect with Debezium, Redis, workers and the API, around the Postgres that the setting \`source\` names,
or around one of its own where none is named. Prepares the source for the views, as \`millrace apply\`
does. Fetches what is missing. Its data is kept for the next start.`,
  options: {
    init: text('FILES', 'SQL, with commas between files, that a Postgres of its own begins with'),
    example: text('NAME', 'one of the examples of this repository, with data of its own'),
    workers: whole([1, workersMax], 1, 'how many workers'),
    reset: flag('begins with empty data; a source that is named is left alone'),
    config: configOption,
  },
  more: `Addresses of this machine in the configuration say which ports the servers take; MILLRACE_PORT_POSTGRES,
_KAFKA, _KAFKA_CONTROLLER, _REGISTRY, _CONNECT, _REDIS and _API go before them. MILLRACE_FOLDER is another
place for data and logs than .millrace. Settings of workers and the API, as MILLRACE_STORES=redis,postgres,
are handed on to them. \`--example\` goes before \`--init\`; its chain lies in .millrace/examples/NAME.`,
} as const
type Options = (typeof devCommand)['options']

/** Answers the exit code. */
export async function runDev({ values }: Given<Options>): Promise<number> {
  const example = values.example === undefined ? undefined : exampleNamed(values.example)
  const folder = chainFolder({ MILLRACE_FOLDER: process.env.MILLRACE_FOLDER || example?.folder })
  const say = consoleSay(performance.now())
  const given = await givenSettings(values, example, say)
  const stop = stopOnSignals(folder)
  mkdirSync(folder, { recursive: true })
  const lock = holdFolder(folder)
  try {
    await endLeftovers(folder, say)
    // Until the new chain has its own, no command may take up the variables of the last one.
    rmSync(chainEnvPath(folder), { force: true })
    const ports = await rememberedPorts(folder, given.asked)
    if (values.reset) {
      removeData(foldersOf(folder))
      say('the data of earlier starts is gone')
    }
    await keepUp({ ...given, example, folder, say, signal: stop, workers: values.workers, ports })
    return 0
  } catch (error) {
    if (stop.aborted) return 130
    throw error
  } finally {
    rmSync(lock, { force: true })
  }
}

type KeepUpOptions = ChainOptions & {
  readonly say: Say
  readonly signal: AbortSignal
  readonly project: Project
  readonly example: Example | undefined
}

async function keepUp(options: KeepUpOptions): Promise<void> {
  const { say, signal, source } = options
  if (source) say(`around the Postgres at ${shownUrl(source.source)}`)
  const chain = await startChain({ ...options, api: true })
  const roles = chain.processes.list().filter(({ name }) => /^(api|worker)/.test(name))
  const attended = [
    new Supervisor(chain, { say, signal }).watch(),
    ...roles.map(({ name }) => {
      return tailLog({ name, path: chain.processes.logPath(name), say, signal })
    }),
  ]
  try {
    const serves = await untilServing(chain, { say, signal })
    const seconds = ((performance.now() - chain.begunAtMs) / 1_000).toFixed(1)
    if (serves) say(`ready after ${seconds} s, downloads not counted`)
    await tellWhereEverythingIs(chain, options.project, options.example)
    say('Ctrl-C stops everything; --reset begins with empty data')
    await Promise.all(attended)
  } finally {
    say('stopping')
    await chain.stop((name) => say(`stopping ${name}`))
    say('stopped; the data stays for the next start')
    if (source) say(slotNote(options.project.config))
  }
}

/** A slot that nobody reads keeps the log of a database until its disk is full. */
function slotNote({ slot }: Config): string {
  return (
    `the source keeps its log for the replication slot ${slot} from now on; if you do not start again: ` +
    `select pg_drop_replication_slot('${slot}'), and begin with --reset the next time`
  )
}

/** `/fresh` is 200 when every view serves and the chain moves. Says so when that takes too long. */
async function untilServing(chain: Chain, { say, signal }: Attended): Promise<boolean> {
  const ask = async () => {
    const answer = await fetch(`${chain.urls.api}/fresh`, { signal: AbortSignal.timeout(5_000) })
    const body = await answer.text()
    if (!answer.ok) throw new MillraceError('not-ready', reasonsIn(body))
  }
  try {
    await waitFor(ask, {
      what: 'what is served',
      timeoutMs: servingTimeoutMs,
      check: () => signal?.throwIfAborted(),
    })
    return true
  } catch (error) {
    signal?.throwIfAborted()
    const message = error instanceof MillraceError ? error.message : describe(error)
    say(`${message}; \`millrace doctor\` and the logs in ${chain.folders.logs} say why`)
    return false
  }
}

function reasonsIn(body: string): string {
  try {
    return (JSON.parse(body) as { readonly reasons: readonly string[] }).reasons.join('; ')
  } catch {
    return body.slice(0, 500)
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

async function rememberedPorts(folder: string, asked: AskedPorts): Promise<Ports> {
  const path = join(folder, 'ports.json')
  const ports = await choosePorts(asked, (readFile(path) as Ports | undefined) ?? {})
  writeFile(path, ports)
  return ports
}

type GivenSettings = {
  readonly project: Project
  readonly asked: AskedPorts
  readonly source: GivenSource | undefined
  readonly servers: readonly ServerName[]
  readonly init: readonly string[]
  /** Settings of the environment that workers and API take. */
  readonly roleEnv: ChainEnv
  /** Path of the configuration file. */
  readonly config: string
}

/** What the caller set for workers, API and servers, checked before anything is changed. */
async function givenSettings(
  values: Given<Options>['values'],
  example: Example | undefined,
  say: Say,
): Promise<GivenSettings> {
  const ports = givenPorts(process.env)
  const project = await loadProject({
    folder: process.cwd(),
    env: process.env,
    path: values.config ?? example?.config,
  })
  refuseNoViews(project)
  const { source, servers, notes, ...given } = givenToChain(project, process.env)
  refuseInit(example?.init ?? values.init, source)
  const init = example
    ? example.init.map((path) => resolve(path))
    : initFiles(values.init, devCommand)
  for (const note of notes) say(note)
  const chain = envOf(usualPorts, newPasswords(), source)
  return {
    project,
    asked: { ...given.ports, ...ports },
    source,
    servers,
    init,
    roleEnv: ownSettings(process.env, chain),
    config: project.path!,
  }
}

function refuseInit(given: unknown, source: GivenSource | undefined): void {
  if (given === undefined || !source) return
  const what =
    "--init and --example are for a Postgres of the chain's own, and the source is " +
    shownUrl(source.source)
  throw wrongArguments(what, devCommand)
}
