import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../src/dev/folders.ts'

/** The version of this release. */
export function versionOfRelease(): string {
  const text = readFileSync(join(packageFolder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
