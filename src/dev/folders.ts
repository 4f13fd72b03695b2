import { chmodSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The clone that this file stands in. */
export const cloneFolder = resolve(import.meta.dirname, '../..')

/** What a clone has fetched. Shared by all its chains, also those that tests start. */
export const downloadsFolder = join(cloneFolder, '.millrace', 'downloads')

/** Where the chain of `npm start` lives, unless `MILLRACE_FOLDER` names another place. */
export function chainFolder(env: Readonly<Record<string, string | undefined>>): string {
  return resolve(env.MILLRACE_FOLDER || join(cloneFolder, '.millrace'))
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
