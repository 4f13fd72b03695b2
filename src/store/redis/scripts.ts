import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The scripts, each a file beside this one whose first lines are its contract. */
export const scriptNames = [
  'commit',
  'read',
  'status',
  'checkpoints',
  'mark',
  'open',
  'publish',
  'advance',
  'lease',
  'drop-begin',
  'drop-keys',
  'drop-end',
] as const

export type ScriptName = (typeof scriptNames)[number]

export type Script = {
  readonly name: ScriptName
  readonly source: string
  /** How Redis knows it once it was loaded. */
  readonly sha1: string
  /** Declared so in its first line; such a script runs on a replica and when memory is full. */
  readonly readOnly: boolean
}

export function readScript(name: ScriptName): Script {
  const source = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
  return {
    name,
    source,
    sha1: createHash('sha1').update(source).digest('hex'),
    readOnly: /^#!lua flags=\S*no-writes/.test(source),
  }
}
