import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makePrivateFolder } from './folders.ts'

/** Writes a Java property file. Values stand as they are: none of ours needs escaping. */
export function writeProperties(path: string, settings: Readonly<Record<string, string>>): void {
  makePrivateFolder(dirname(path))
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(path, lines.join(''), { mode: 0o600 })
}

/** Reads a Java property file of our own: one `key=value` or comment a line. */
export function readProperties(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n')
  const settings = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    settings.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}
