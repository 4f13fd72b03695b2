/** A folder of somebody's own with the package and a configuration file in it, and `millrace` run there. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { downloadsFolder } from '../../src/dev/folders.ts'
import { portVariable, randomPorts, type PortName } from '../../src/dev/ports.ts'
import { newTestFolder, removeTestFolder } from './test-folders.ts'
import { sleep } from './wait.ts'

type Variables = Readonly<Record<string, string>>
type Ran = { readonly code: number | null; readonly output: string }

export class OwnProject {
  readonly folder: string
  readonly #ports: Variables
  #dev: ChildProcess | undefined
  #said = ''

  private constructor(folder: string, ports: Variables) {
    this.folder = folder
    this.#ports = ports
  }

  /**
   * `installed` is a folder that the package is installed in. What was fetched for this repository
   * need not be fetched again.
   */
  static async create(
    installed: string,
    files: Readonly<Record<string, string>>,
  ): Promise<OwnProject> {
    const folder = newTestFolder()
    symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'))
    const ports = Object.entries(await randomPorts()).map(
      ([name, port]) => [portVariable(name as PortName), String(port)] as const,
    )
    mkdirSync(join(folder, '.millrace'))
    symlinkSync(downloadsFolder, join(folder, '.millrace', 'downloads'))
    const project = new OwnProject(folder, Object.fromEntries(ports))
    project.write({ 'package.json': '{ "type": "module" }', ...files })
    return project
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text)
  }

  /** Everything that the last `dev` has printed. */
  get said(): string {
    return this.#said
  }

  /** Starts `millrace dev`. */
  startDev(args: readonly string[] = [], env: Variables = {}): void {
    this.#said = ''
    this.#dev = this.#spawn(['dev', ...args], { ...this.#ports, ...env }, (text) => {
      this.#said += text
    })
  }

  /** Bounded by the test's own time limit. */
  async untilSaid(text: string): Promise<void> {
    while (!this.#said.includes(text)) {
      if (this.#dev?.exitCode !== null) throw new Error(`millrace dev ended: ${this.#said}`)
      await sleep(100)
    }
  }

  /** Its exit code, once it has ended by itself or by Ctrl-C. */
  async endOfDev(signal?: 'SIGINT'): Promise<number | null> {
    const dev = this.#dev
    if (!dev || dev.exitCode !== null) return dev?.exitCode ?? null
    const closed = once(dev, 'close')
    if (signal) dev.kill(signal)
    await closed
    return dev.exitCode
  }

  /** Runs a command beside it, to its end. */
  async run(args: readonly string[], env: Variables = {}): Promise<Ran> {
    let output = ''
    const child = this.#spawn(args, env, (text) => (output += text))
    await once(child, 'close')
    return { code: child.exitCode, output }
  }

  async remove(): Promise<void> {
    this.#dev?.kill('SIGKILL')
    await removeTestFolder(this.folder)
  }

  #spawn(args: readonly string[], env: Variables, onText: (text: string) => void): ChildProcess {
    const main = join(this.folder, 'node_modules', 'millrace', 'dist', 'main.js')
    const child = spawn(process.execPath, ['--no-warnings', main, ...args], {
      cwd: this.folder,
      // The next run finds what a killed one has left by its folder.
      env: { PATH: process.env.PATH ?? '', MILLRACE_FOLDER: this.folder, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.on('data', (text) => onText(String(text)))
    child.stderr.on('data', (text) => onText(String(text)))
    return child
  }
}
