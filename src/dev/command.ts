import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MillraceError } from '../errors.ts'

export type CommandOptions = {
  readonly timeoutMs: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
  /** Ends the command when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Called with each line of output as it comes. */
  readonly onLine?: (line: string) => void
}

/** Runs a command to its end and answers its output; a non-zero end is a `MillraceError`. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const { timeoutMs, onLine, env, ...rest } = options
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      ...rest,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    let unfinished = ''
    const take = (text: string) => {
      output = (output + text).slice(-100_000)
      const lines = (unfinished + text).split('\n')
      unfinished = lines.pop() ?? ''
      for (const line of lines) onLine?.(line)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('error', (cause) =>
      failed(new MillraceError('command', `${command} can't be started`, { cause })),
    )
    child.on('close', (code, signal) => {
      if (code === 0) return done(output)
      const shown = [command, ...args].join(' ')
      const end = signal === null ? `ended with ${code}` : `was ended by ${signal}`
      failed(new MillraceError('command', `${shown} ${end}:\n${output.trim().slice(-2_000)}`))
    })
  })
}

/** The full path of an executable, looked for in `extraFolders` and then in the path. */
export function findExecutable(
  name: string,
  extraFolders: readonly string[] = [],
): string | undefined {
  const folders = [...extraFolders, ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
