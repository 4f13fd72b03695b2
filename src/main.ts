#!/usr/bin/env node
/** The command `millrace`: arguments to one of its commands. */
import { readFileSync } from 'node:fs'
import { usageOf } from './arguments.ts'
import { commands } from './commands.ts'
import { describeWithHint, MillraceError, type ErrorCode } from './errors.ts'
import { didYouMean, nearest } from './nearest.ts'

const names = Object.keys(commands)
const width = Math.max(...names.map((name) => name.length))
const usage = `usage: millrace COMMAND [options]

${names.map((name) => `  ${name.padEnd(width)}   ${commands[name]!.does}\n`).join('')}
millrace COMMAND --help says more of a command, --version which release this is.
`

/** Faults of what was given, as the shell tells them apart from work that failed. */
const wrongInput: readonly ErrorCode[] = ['arguments', 'config', 'view-invalid']

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) return complain(usage)
  const asks = (wanted: readonly string[]) => wanted.some((each) => [name, ...args].includes(each))
  const listed = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (name === '--version') return tell(`${version()}\n`)
  if (name === '--help' || name === '-h') return tell(usage)
  if (!listed) {
    const what = name.startsWith('-') ? 'option' : 'command'
    const near = what === 'command' ? nearest(name, names) : undefined
    return complain(`there is no ${what} '${name}'${didYouMean(near)}\n\n${usage}`)
  }
  const { command, run, wrongInputCode = 2 } = await listed.load()
  if (asks(['--help', '-h'])) return tell(usageOf(command))
  if (asks(['--version'])) return tell(`${version()}\n`)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  try {
    return (await run(args, stop.signal)) ?? 0
  } catch (error) {
    if (error instanceof MillraceError) return failed(error, wrongInputCode)
    if (stop.signal.aborted && error instanceof Error && error.name === 'AbortError') return 130
    throw error
  }
}

function failed(error: MillraceError, wrongInputCode: number): number {
  process.stderr.write(describeWithHint(error))
  if (error.code === 'interrupted') return 130
  return wrongInput.includes(error.code) ? wrongInputCode : 1
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
