/** The applications of `examples/`, which are part of this repository and not of the package. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import { packageFolder } from './folders.ts'

export type Example = {
  /** Its configuration file. */
  readonly config: string
  /** SQL that its source database begins with. */
  readonly init: readonly string[]
  /** What fills its tables and changes rows; undefined where `millrace traffic` does. */
  readonly generator: string | undefined
  /** Where its chain lies, apart from those of others, unless `MILLRACE_FOLDER` names a place. */
  readonly folder: string
}

const configName = 'millrace.config.ts'

export function exampleNamed(name: string): Example {
  const folder = join(packageFolder, 'examples')
  const names = existsSync(folder)
    ? readdirSync(folder).filter((each) => isExample(folder, each))
    : []
  if (!names.includes(name)) {
    throw new MillraceError('arguments', `there is no example '${name}'`, {
      hint:
        names.length > 0
          ? `There are ${names.join(', ')}.`
          : 'Examples are part of the repository of Millrace, not of its package.',
    })
  }
  const path = (file: string) => join(folder, name, file)
  const generator = path('generate.ts')
  return {
    config: path(configName),
    init: ['schema.sql', 'seed.sql'].map(path),
    generator: existsSync(generator) ? generator : undefined,
    folder: join('.millrace', 'examples', name),
  }
}

function isExample(folder: string, name: string): boolean {
  return existsSync(join(folder, name, configName))
}
