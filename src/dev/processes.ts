import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../errors.ts'
import { makePrivateFolder } from './folders.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { readFile, writeFile } from './small-files.ts'

/** How one server is started and ended. Plain data, so that another process can do either. */
export type ProcessSpec = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly logPath: string
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** 0 is the ordinary scheduling priority, 19 the lowest. */
  readonly niceness: number
  readonly stopSignal: 'SIGTERM' | 'SIGINT'
  readonly stopTimeoutMs: number
}

type Entry = { readonly spec: ProcessSpec; readonly identity: ProcessIdentity }
type Listener = (name: string, how: string) => void

const logBytesMax = 16 * 1024 * 1024
const killTimeoutMs = 10_000

/**
 * The processes of one chain. What runs is written to `processes.json` in the chain's folder at
 * once, so that whoever comes later (a test's next file, a launcher whose forerunner was killed)
 * can end, pause and start the same processes. The file is for its owner alone: it holds the
 * processes' environment.
 */
export class Processes {
  readonly #path: string
  readonly #entries: Map<string, Entry>
  readonly #listeners = new Set<Listener>()

  constructor(chainFolder: string) {
    mkdirSync(chainFolder, { recursive: true })
    this.#path = join(chainFolder, 'processes.json')
    const entries = (readFile(this.#path) as Entry[] | undefined) ?? []
    this.#entries = new Map(entries.map((entry) => [entry.spec.name, entry]))
  }

  /** Called when a process that this object started has ended, for whatever reason. */
  onExit(listener: Listener): void {
    this.#listeners.add(listener)
  }

  /** In the order of their starting. */
  list(): { readonly name: string; readonly pid: number }[] {
    return [...this.#entries.values()].map(({ spec, identity }) => ({
      name: spec.name,
      pid: identity.pid,
    }))
  }

  start(spec: ProcessSpec): void {
    if (this.isAlive(spec.name)) throw new Error(`${spec.name} runs already`)
    const child = spawnDetached(spec)
    const { pid } = child
    if (pid === undefined) {
      child.on('error', () => {})
      throw new MillraceError('spawn', `${spec.name} can't be started: ${spec.command}`)
    }
    child.on('exit', (code, signal) => {
      const how = signal ?? `exit code ${code}`
      for (const listener of this.#listeners) listener(spec.name, how)
    })
    this.#entries.set(spec.name, { spec, identity: identify(pid) })
    this.#save()
  }

  /** Starts a process that is down as it was started before. */
  startAgain(name: string): void {
    this.start(this.#entry(name).spec)
  }

  isAlive(name: string): boolean {
    const entry = this.#entries.get(name)
    return entry !== undefined && isAlive(entry.identity)
  }

  logPath(name: string): string {
    return this.#entry(name).spec.logPath
  }

  /** SIGSTOP. */
  pause(name: string): void {
    this.#signal(name, 'SIGSTOP')
  }

  /** SIGCONT. */
  resume(name: string): void {
    this.#signal(name, 'SIGCONT')
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(name: string): Promise<void> {
    this.#signal(name, 'SIGKILL')
    if (await this.#gone(name, killTimeoutMs)) return
    throw new MillraceError('stop', `${name} is still there after a SIGKILL`)
  }

  /** Asks it to end, and kills it when it takes longer than its limit. */
  async stop(name: string): Promise<void> {
    const { spec } = this.#entry(name)
    this.#signal(name, 'SIGCONT')
    this.#signal(name, spec.stopSignal)
    if (!(await this.#gone(name, spec.stopTimeoutMs))) await this.kill(name)
  }

  /** Takes a process that has ended for good off the list. */
  forget(name: string): void {
    this.#entries.delete(name)
    this.#save()
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw new Error(`there is no process ${name}`)
    return entry
  }

  #signal(name: string, signal: NodeJS.Signals): void {
    const { identity } = this.#entry(name)
    if (isAlive(identity)) process.kill(identity.pid, signal)
  }

  async #gone(name: string, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs
    while (this.isAlive(name)) {
      if (performance.now() > deadline) return false
      await sleep(20)
    }
    return true
  }

  #save(): void {
    writeFile(this.#path, [...this.#entries.values()])
  }
}

/**
 * A session of its own for each: else Ctrl-C at the console would reach all of them at once, and
 * nothing could be stopped in order. `nice` replaces itself by the server, so the pid is the
 * server's, and unlike a priority set from outside it reaches every thread.
 */
function spawnDetached(spec: ProcessSpec) {
  const nice = spec.niceness === 0 ? [] : ['nice', '-n', String(spec.niceness)]
  const [command = spec.command, ...args] = [...nice, spec.command, ...spec.args]
  const log = openLog(spec.logPath)
  try {
    const child = spawn(command, args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['ignore', log, log],
      ...spec.user,
    })
    child.unref()
    if (child.pid !== undefined) setGroupNiceness(child.pid, spec.niceness)
    return child
  } finally {
    closeSync(log)
  }
}

/** Linux schedules sessions against each other first, where autogroups are on. */
function setGroupNiceness(pid: number, niceness: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
  } catch {
    // There are no autogroups here: the niceness of the threads alone decides.
  }
}

function openLog(path: string): number {
  makePrivateFolder(dirname(path))
  if (existsSync(path) && statSync(path).size > logBytesMax) renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}
