import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a Java property file. Values stand as they are: none of ours needs escaping. */
export function writeProperties(path: string, settings: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(path), { recursive: true })
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(path, lines.join(''))
}
