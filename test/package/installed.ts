/** The package, packed and installed into a project of its own, as somebody gets it. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { packageFolder } from '../../src/dev/folders.ts'

/** It is built, and installed with what it depends on. */
export const installTimeoutMs = 300_000

export type Run = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type Installed = {
  /** Of the project. */
  readonly folder: string
  readonly tarball: string
  /** Writes a file of the project. */
  write(name: string, text: string): void
  /** Runs a program there, also one of those that this repository develops with. */
  run(command: string, args: readonly string[], env?: Settings): Promise<Run>
  /** Runs the project's own command. */
  millrace(args: readonly string[], env?: Settings): Promise<Run>
  remove(): void
}

type Settings = Readonly<Record<string, string>>

/** An empty project with the package in it. Throws when it can't be packed or installed. */
export async function installPackage(): Promise<Installed> {
  const all = mkdtempSync(join(tmpdir(), 'millrace-package-'))
  const folder = join(all, 'shop')
  mkdirSync(folder)
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write('package.json', JSON.stringify({ name: 'shop', private: true, type: 'module' }))
  await succeed(packageFolder, ['pack', '--pack-destination', all])
  const tarball = join(
    all,
    readdirSync(all).find((name) => name.endsWith('.tgz'))!,
  )
  await succeed(folder, ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball])
  const own = join(folder, 'node_modules', '.bin', 'millrace')
  return {
    folder,
    tarball,
    write,
    run: (command, args, env) => runIn(folder, command, { args, env }),
    millrace: (args, env) => runIn(folder, own, { args, env }),
    remove: () => rmSync(all, { recursive: true, force: true }),
  }
}

async function succeed(cwd: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runIn(cwd, 'npm', { args })
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed: ${stdout}${stderr}`)
}

type Running = { readonly args: readonly string[]; readonly env?: Settings | undefined }

/** With this test's Node, and with nothing in the environment that a setting could come from. */
function runIn(cwd: string, command: string, { args, env }: Running): Promise<Run> {
  const others = Object.entries(process.env).filter(([name]) => !/^(MILLRACE|npm)_/.test(name))
  const own = Object.fromEntries(others) as Settings
  const bins = [dirname(process.execPath), join(packageFolder, 'node_modules', '.bin')]
  const path = [...bins, own['PATH']].join(delimiter)
  const options = {
    cwd,
    env: { ...own, PATH: path, NO_COLOR: '1', ...env },
    timeout: installTimeoutMs / 2,
  }
  return new Promise((done) => {
    execFile(command, [...args], options, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
  })
}
