import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'

/**
 * Throws `download` unless a folder holds exactly the files of a list, as `sha256sum *` writes it,
 * each with its checksum.
 */
export function checkFiles(folder: string, listPath: string): void {
  const lines = readFileSync(listPath, 'utf8').trimEnd().split('\n')
  const wanted = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]))
  const found = readdirSync(folder)
  const missing = [...wanted.keys()].filter((name) => !found.includes(name))
  const wrong = found.filter((name) => wanted.get(name) !== checksumOf(join(folder, name)))
  if (missing.length + wrong.length === 0) return
  throw new MillraceError(
    'download',
    `what was fetched is not what ${listPath} lists: ${[...missing, ...wrong].join(', ')}`,
    {
      hint: 'Nothing of it is used. If a version was changed on purpose, write the list anew: sha256sum * in the folder of the fetched files.',
    },
  )
}

function checksumOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
