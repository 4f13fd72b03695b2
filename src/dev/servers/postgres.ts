import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { runCommand } from '../command.ts'
import type { Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'
import { postgresData, type PostgresUser } from './postgres-user.ts'
import type { Say } from '../say.ts'

export type PostgresOptions = {
  /** Folder of `postgres` and `initdb`. */
  readonly programs: string
  readonly port: number
  /** Of the superuser `postgres`. */
  readonly password: string
  /** Server settings beside or instead of ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  readonly say: Say
}

const initTimeoutMs = 120_000

/** Makes a cluster of its own once, never run as root, and answers how it is started. */
export async function postgresSpec(
  folders: Folders,
  options: PostgresOptions,
): Promise<ProcessSpec> {
  const { data, user } = await postgresData(folders, options.say)
  if (!existsSync(data)) await initialise(data, user, options)
  const settings = {
    port: String(options.port),
    ...serverSettings,
    ...options.settings,
  }
  return {
    name: 'postgres',
    command: join(options.programs, 'postgres'),
    args: [
      '-D',
      data,
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', TZ: 'UTC' },
    cwd: data,
    logPath: join(folders.logs, 'postgres.log'),
    user,
    niceness: 5,
    // SIGTERM would wait for every client to leave; this ends their sessions and stops cleanly.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 30_000,
  }
}

/** Throws while Postgres doesn't answer. */
export async function postgresAnswers(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end()
  }
}

/** The Compose file has the same, but for the addresses. */
export const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // Over TCP alone: a socket's folder would have to be one that this user may write.
  unix_socket_directories: '',
  wal_level: 'logical',
  password_encryption: 'scram-sha-256',
}

/** Under a name that counts only when it is complete: an interrupted one is begun again. */
async function initialise(
  data: string,
  user: PostgresUser | undefined,
  options: PostgresOptions,
): Promise<void> {
  const unfinished = `${data}.unfinished`
  const passwordPath = `${data}.password`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  writeFileSync(passwordPath, options.password, { mode: 0o600 })
  if (user !== undefined) {
    chownSync(unfinished, user.uid, user.gid)
    chownSync(passwordPath, user.uid, user.gid)
  }
  const auth = ['--auth=scram-sha-256', '--username=postgres', `--pwfile=${passwordPath}`]
  const form = ['--encoding=UTF8', '--locale=C.UTF-8', '--no-sync']
  try {
    await runCommand(join(options.programs, 'initdb'), ['-D', unfinished, ...auth, ...form], {
      timeoutMs: initTimeoutMs,
      cwd: unfinished,
      ...user,
    })
  } finally {
    rmSync(passwordPath)
  }
  renameSync(unfinished, data)
}
