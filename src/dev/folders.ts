import { chmodSync, mkdirSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'

/** The package that this file stands in, built or not: what is read beside the code lies there. */
export const packageFolder = resolve(import.meta.dirname, '../..')

/** The command `millrace`: TypeScript where this file is, else JavaScript. */
export const mainPath = resolve(import.meta.dirname, `../main${extname(import.meta.filename)}`)

/** What was fetched. Shared by all chains of a project, also those that tests start. */
export const downloadsFolder = resolve('.millrace', 'downloads')

/** Where the chain of `millrace dev` lives, unless `MILLRACE_FOLDER` names another place. */
export function chainFolder(env: Readonly<Record<string, string | undefined>>): string {
  return resolve(env.MILLRACE_FOLDER || '.millrace')
}

export type Folders = {
  readonly chain: string
  readonly data: string
  readonly logs: string
  /** Files of settings that servers are started with. */
  readonly settings: string
}

export function foldersOf(chain: string): Folders {
  return {
    chain,
    data: join(chain, 'data'),
    logs: join(chain, 'logs'),
    settings: join(chain, 'settings'),
  }
}

/** Names the process that keeps a chain up, while there is one. */
export function lockPath(chain: string): string {
  return join(chain, 'launcher.json')
}

/** Makes a folder that nobody but its owner may enter, and closes one that stands open. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o700)
}
