import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../errors.ts'
import { chainEnvPath, urlsOf, type ChainEnv, type ChainUrls } from './chain-env.ts'
import { foldersOf, type Folders } from './folders.ts'
import { Processes, type ProcessSpec } from './processes.ts'
import { answers } from './readiness.ts'
import { silent, type Attended } from './say.ts'
import { removePostgresData } from './servers/postgres-user.ts'
import { readFile, writeFile } from './small-files.ts'
import { waitFor } from './wait.ts'

const readyTimeoutMs = 180_000
const restartPauseMs = 500

/** Ours before what they lean on; the source's database last. */
const stopOrder = ['api', 'worker', 'connect', 'registry', 'kafka', 'redis', 'postgres']

/**
 * A chain that was started in a folder, by this process or by another: where it is, and the power
 * to kill, pause, stop and start each of its processes. All of its state is in the folder.
 */
export class Chain {
  readonly folders: Folders
  readonly env: ChainEnv
  readonly urls: ChainUrls
  readonly processes: Processes
  /** When this process began with it, by `performance.now()`. */
  readonly begunAtMs = performance.now()
  readonly #attended: Attended

  private constructor(folder: string, env: ChainEnv, attended: Attended = { say: silent }) {
    this.folders = foldersOf(folder)
    this.env = env
    this.urls = urlsOf(env)
    this.processes = new Processes(folder)
    this.#attended = attended
  }

  /** A chain without processes yet. Nothing is started any more once its signal aborted. */
  static create(folder: string, env: ChainEnv, attended: Attended): Chain {
    mkdirSync(folder, { recursive: true })
    writeFile(chainEnvPath(folder), env)
    return new Chain(folder, env, attended)
  }

  /** The chain that somebody else started there. */
  static attach(folder: string): Chain {
    const env = readFile(chainEnvPath(folder)) as ChainEnv | undefined
    if (env !== undefined) return new Chain(folder, env)
    throw new MillraceError('no-chain', `there is no chain in ${folder}`, {
      hint: '`millrace dev` starts one.',
    })
  }

  /** Starts a process; `ready` waits until it answers. */
  spawn(spec: ProcessSpec): void {
    this.#attended.signal?.throwIfAborted()
    this.processes.start(spec)
    this.#publish()
  }

  /** Waits until the process of this name answers. One that ended meanwhile is started again. */
  async ready(name: string, timeoutMs = readyTimeoutMs): Promise<void> {
    await waitFor(() => this.#answersOrRises(name), {
      what: name,
      timeoutMs,
      check: () => this.#attended.signal?.throwIfAborted(),
      hint: `See ${this.processes.logPath(name)}.`,
    })
  }

  /** Starts a process that is down as it was started before, and waits until it answers. */
  async start(name: string): Promise<void> {
    this.startAgain(name)
    await this.ready(name)
  }

  /** The same without waiting. */
  startAgain(name: string): void {
    this.#attended.signal?.throwIfAborted()
    this.processes.startAgain(name)
    this.#publish()
  }

  /** Whether a process of this name belongs to the chain, up or down. */
  runs(name: string): boolean {
    return this.processes.list().some((process) => process.name === name)
  }

  /** SIGKILL. */
  kill(name: string): Promise<void> {
    return this.processes.kill(name)
  }

  pause(name: string): void {
    this.processes.pause(name)
  }

  resume(name: string): void {
    this.processes.resume(name)
  }

  /** Takes a process that has ended for good off the list. */
  forget(name: string): void {
    this.processes.forget(name)
    this.#publish()
  }

  async restart(name: string): Promise<void> {
    await this.processes.stop(name)
    await this.start(name)
  }

  /** Ends every process, in order; `onStop` hears each name before its end. */
  async stop(onStop: (name: string) => void = () => {}): Promise<void> {
    const names = this.processes.list().map(({ name }) => name)
    for (const kind of stopOrder) {
      const these = names.filter((name) => isOfKind(name, kind))
      await Promise.all(
        these.map(async (name) => {
          onStop(name)
          await this.processes.stop(name)
          this.processes.forget(name)
        }),
      )
    }
    rmSync(chainPath(this.folders), { force: true })
  }

  /** Ends every process at once, without asking any of them. */
  async killAll(): Promise<void> {
    const names = this.processes.list().map(({ name }) => name)
    await Promise.all(names.map((name) => this.processes.kill(name)))
    for (const name of names) this.processes.forget(name)
    rmSync(chainPath(this.folders), { force: true })
  }

  async #answersOrRises(name: string): Promise<void> {
    if (!this.processes.isAlive(name)) {
      await sleep(restartPauseMs)
      if (!this.processes.isAlive(name)) {
        this.#attended.say(`${name} ended before it was ready; starting it again`)
        this.startAgain(name)
      }
    }
    await answers(name, this.env)
    if (!this.processes.isAlive(name)) throw new MillraceError('not-ready', `${name} has ended`)
  }

  /** `chain.json`: where everything is, for people and their tools. */
  #publish(): void {
    writeFile(chainPath(this.folders), { ...this.urls, processes: this.processes.list() })
  }
}

/** `worker-1` is of kind `worker`. */
function isOfKind(name: string, kind: string): boolean {
  return name === kind || name.startsWith(`${kind}-`)
}

export function chainPath(folders: Folders): string {
  return join(folders.chain, 'chain.json')
}

/** Removes a stopped chain's data, logs and settings; what was fetched stays. */
export function removeData(folders: Folders): void {
  removePostgresData(folders)
  for (const folder of [folders.data, folders.logs, folders.settings]) {
    rmSync(folder, { recursive: true, force: true })
  }
}
