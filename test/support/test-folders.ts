import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Chain, removeData } from '../../src/dev/chain.ts'
import { chainEnvPath } from '../../src/dev/chain-env.ts'
import { foldersOf } from '../../src/dev/folders.ts'
import { identify, isAlive, type ProcessIdentity } from '../../src/dev/process-identity.ts'
import { readFile, writeFile } from '../../src/dev/small-files.ts'

/** Names the folders of the chains that files share, one for each worker of the run. */
const sharedVariable = 'MILLRACE_TEST_CHAINS'

/** In the order of the workers' numbers; none before a run has begun. */
export function sharedFolders(): readonly string[] {
  return process.env[sharedVariable]?.split(delimiter) ?? []
}

export function makeSharedFolders(workers: number): void {
  process.env[sharedVariable] = Array.from({ length: workers }, newTestFolder).join(delimiter)
}

/** Answers them once. */
export function forgetSharedFolders(): readonly string[] {
  const folders = sharedFolders()
  delete process.env[sharedVariable]
  return folders
}

const prefix = 'millrace-test-'

/** A folder for a chain of this process, which the next run removes if this one can't. */
export function newTestFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  writeFile(ownerPath(folder), identify(process.pid))
  // The Postgres cluster's user must be able to enter.
  chmodSync(folder, 0o755)
  return folder
}

/** Ends the chain in a folder, if there is one, and removes the folder. */
export async function removeTestFolder(folder: string): Promise<void> {
  if (existsSync(chainEnvPath(folder))) await Chain.attach(folder).killAll()
  removeData(foldersOf(folder))
  rmSync(folder, { recursive: true, force: true })
}

/** A run that was killed could not end its servers: the next one does. */
export async function removeOrphans(): Promise<void> {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))
  for (const folder of folders.map((name) => join(tmpdir(), name))) {
    const owner = readFile(ownerPath(folder)) as ProcessIdentity | undefined
    if (owner === undefined || isAlive(owner)) continue
    // Taken over first, so that of two runs that begin at once only one does it.
    writeFile(ownerPath(folder), identify(process.pid))
    await removeTestFolder(folder)
  }
}

function ownerPath(folder: string): string {
  return join(folder, 'owner.json')
}
