import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The scripts, each a file beside this one whose first lines are its contract. */
export const scriptNames = [
  'commit',
  'raise',
  'report',
  'displace',
  'checkpoints',
  'read',
  'status',
  'clear-parked',
  'look',
  'look-items',
  'correct',
  'scan',
  'scan-items',
  'sweep',
  'let-go',
  'raise-keep',
  'progress',
  'lease',
  'open',
  'give-instance',
  'turn',
  'publish',
  'advance',
  'observe',
  'want',
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

/**
 * What several scripts do alike stands in `include/`: a line `-- include x` becomes that file. Of
 * these `rights` is told every command that the script calls.
 */
export function readScript(name: ScriptName): Script {
  const included = text(`${name}.lua`).replaceAll(/^-- include (\w+)\n/gm, (_, part: string) =>
    text(`include/${part}.lua`),
  )
  const commands = [...new Set(included.match(/(?<=\bredis\.p?call\()'[A-Z]+'/g))]
  const source = included.replace("--[[ the script's commands ]]", commands.join(', '))
  return {
    name,
    source,
    sha1: createHash('sha1').update(source).digest('hex'),
    readOnly: /^#!lua flags=\S*no-writes/.test(source),
  }
}

function text(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}
