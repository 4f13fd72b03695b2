import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findExecutable, runCommand } from '../command.ts'
import { makePrivateFolder, type Folders } from '../folders.ts'
import type { Say } from '../say.ts'

export type PostgresUser = { readonly uid: number; readonly gid: number }

const commandTimeoutMs = 10_000
const otherPlace = '/var/lib/millrace'

/**
 * Where the cluster's data lies, and the user that runs it: `postgres` when we are root, for
 * Postgres refuses to run as root, and ourselves otherwise. A clone in a home that this user can't
 * enter has its data in `/var/lib/millrace`.
 */
export async function postgresData(
  folders: Folders,
  say: Say,
): Promise<{ readonly data: string; readonly user: PostgresUser | undefined }> {
  makePrivateFolder(folders.data)
  const inside = join(folders.data, 'postgres')
  if (process.getuid?.() !== 0) return { data: inside, user: undefined }
  const user = await unprivilegedUser()
  // This user's group may pass through, to a folder of its own; nobody else may.
  chownSync(folders.data, 0, user.gid)
  chmodSync(folders.data, 0o710)
  if (await canEnter(folders.data, user)) return { data: inside, user }
  const outside = dataOutside(folders)
  mkdirSync(dirname(outside), { recursive: true, mode: 0o755 })
  say(`Postgres can't enter ${folders.data}, so its data lies in ${outside}`)
  return { data: outside, user }
}

/** Removes a cluster's data, wherever `postgresData` puts it. */
export function removePostgresData(folders: Folders): void {
  rmSync(join(folders.data, 'postgres'), { recursive: true, force: true })
  rmSync(dataOutside(folders), { recursive: true, force: true })
}

function dataOutside(folders: Folders): string {
  const hash = createHash('sha256').update(folders.chain).digest('hex').slice(0, 12)
  return join(otherPlace, `postgres-${hash}`)
}

async function unprivilegedUser(): Promise<PostgresUser> {
  const name = 'postgres'
  try {
    return await userIds(name)
  } catch {
    const home = ['--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin']
    const useradd = findExecutable('useradd', ['/usr/sbin']) ?? 'useradd'
    await runCommand(useradd, ['--system', '--user-group', ...home, name], {
      timeoutMs: commandTimeoutMs,
    })
    return userIds(name)
  }
}

async function userIds(name: string): Promise<PostgresUser> {
  const ask = async (flag: string) =>
    Number(await runCommand('id', [flag, name], { timeoutMs: commandTimeoutMs }))
  return { uid: await ask('-u'), gid: await ask('-g') }
}

/** Asked by trying: permissions, access lists and mounts all have a say in it. */
async function canEnter(folder: string, user: PostgresUser): Promise<boolean> {
  try {
    await runCommand('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], {
      timeoutMs: commandTimeoutMs,
      cwd: '/',
      ...user,
    })
    return true
  } catch {
    return false
  }
}
