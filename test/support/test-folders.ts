import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Chain, removeData } from '../../src/dev/chain.ts'
import { chainEnvPath } from '../../src/dev/chain-env.ts'
import { foldersOf, lockPath } from '../../src/dev/folders.ts'
import { identify, isAlive, type ProcessIdentity } from '../../src/dev/process-identity.ts'
import { readFile, writeFile } from '../../src/dev/small-files.ts'

/** Names the folders of the chains that files share, one for each worker of the run. */
const sharedVariable = 'MILLRACE_TEST_CHAINS'
/** Names the process of the run, in its workers. */
const runVariable = 'MILLRACE_TEST_RUN'

/** The process that made a folder, and the run of tests that it is a worker of. */
type Owner = ProcessIdentity & { readonly run?: ProcessIdentity }

/** In the order of the workers' numbers; none before a run has begun. */
export function sharedFolders(): readonly string[] {
  return process.env[sharedVariable]?.split(delimiter) ?? []
}

/** Called by the process of a run, for its workers. */
export function makeSharedFolders(workers: number): void {
  process.env[runVariable] = JSON.stringify(identify(process.pid))
  process.env[sharedVariable] = Array.from({ length: workers }, newTestFolder).join(delimiter)
}

/** Answers them once. */
export function forgetSharedFolders(): readonly string[] {
  const folders = sharedFolders()
  delete process.env[sharedVariable]
  return folders
}

const prefix = 'millrace-test-'

/** A folder for a chain of this process, which `removeOrphans` removes if this one can't. */
export function newTestFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  const run = process.env[runVariable]
  const owner = { ...identify(process.pid), ...(run && { run: JSON.parse(run) as unknown }) }
  writeFile(ownerPath(folder), owner)
  // The Postgres cluster's user must be able to enter.
  chmodSync(folder, 0o755)
  return folder
}

/** Ends the chain in a folder, if there is one, and removes the folder. */
export async function removeTestFolder(folder: string): Promise<void> {
  // A launcher would start again what ends.
  const launcher = readFile(lockPath(folder)) as ProcessIdentity | undefined
  if (launcher && isAlive(launcher)) endNow(launcher)
  if (existsSync(chainEnvPath(folder))) await Chain.attach(folder).killAll()
  removeData(foldersOf(folder))
  rmSync(folder, { recursive: true, force: true })
}

/**
 * Ends what runs that were killed or interrupted could not end: their workers, which would go on to
 * the end of their files, and servers.
 */
export async function removeOrphans(): Promise<void> {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))
  for (const folder of folders.map((name) => join(tmpdir(), name))) {
    const owner = readFile(ownerPath(folder)) as Owner | undefined
    if (owner === undefined) continue
    if (isAlive(owner)) {
      if (owner.run === undefined || isAlive(owner.run)) continue
      endNow(owner)
    }
    // Taken over first, so that of two runs that begin at once only one does it.
    writeFile(ownerPath(folder), identify(process.pid))
    await removeTestFolder(folder)
  }
}

function endNow({ pid }: ProcessIdentity): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself meanwhile.
  }
}

function ownerPath(folder: string): string {
  return join(folder, 'owner.json')
}
