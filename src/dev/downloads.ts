import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../errors.ts'
import { checkFiles } from './checksums.ts'
import { findExecutable, runCommand } from './command.ts'
import { packageFolder, downloadsFolder } from './folders.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import type { Attended } from './say.ts'
import { readFile, writeFile } from './small-files.ts'

/** What Maven fetches: one pom each under `connectors/`. */
export type DownloadName = 'kafka' | 'debezium' | 'converter' | 'registry'

/** What the repository keeps no checksum for. Our own list has one for every file. */
const withoutChecksum: readonly DownloadName[] = ['debezium']

const mavenTimeoutMs = 1_200_000
const lockTimeoutMs = 1_800_000
const progressEveryMs = 3_000

/** Within a download's folder, the jars that Maven laid there one by one. */
export const jarsFolder = 'jars'

/**
 * Fetches what is missing and answers the folder of each. A folder is named by the pom that it was
 * made from and gets its name when it is complete, so a half-done one never counts and a changed
 * version is fetched anew.
 */
export async function fetchDownloads(
  names: readonly DownloadName[],
  attended: Attended,
): Promise<Readonly<Record<DownloadName, string>>> {
  const folders = Object.fromEntries(names.map((name) => [name, downloadFolder(name)]))
  if (Object.values(folders).some((folder) => !existsSync(folder))) {
    await withLock(attended, async () => {
      for (const name of names) {
        const folder = downloadFolder(name)
        if (!existsSync(folder)) await fetchOne(name, folder, attended)
      }
    })
  }
  return folders as Record<DownloadName, string>
}

function downloadFolder(name: DownloadName): string {
  const hash = createHash('sha256')
    .update(readFileSync(pomPath(name)))
    .digest('hex')
  return join(downloadsFolder, `${name}-${hash.slice(0, 12)}`)
}

function pomPath(name: DownloadName): string {
  return join(packageFolder, 'connectors', name, 'pom.xml')
}

async function fetchOne(name: DownloadName, folder: string, attended: Attended): Promise<void> {
  const maven = findExecutable('mvn')
  if (maven === undefined) {
    throw new MillraceError('maven-missing', 'there is no mvn, which fetches the jars', {
      hint: 'apt-get install --no-install-recommends maven',
    })
  }
  const unfinished = `${folder}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  const jars = join(unfinished, jarsFolder)
  mkdirSync(jars, { recursive: true })
  const { say, signal } = attended
  say(`fetching ${name} by Maven`)
  const progress = countingProgress(name, say)
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${jars}`]
  const strict = withoutChecksum.includes(name) ? [] : ['--strict-checksums']
  await runCommand(maven, ['-B', ...strict, '-f', pomPath(name), ...goal], {
    timeoutMs: mavenTimeoutMs,
    onLine: progress.onLine,
    signal,
  }).finally(progress.end)
  checkFiles(jars, join(pomPath(name), '..', 'sha256sums'))
  for (const archive of readdirSync(jars).filter((file) => file.endsWith('.tar.gz'))) {
    const path = join(jars, archive)
    await runCommand('tar', ['-xzf', path], { timeoutMs: 120_000, cwd: unfinished })
    rmSync(path)
  }
  // Connect would take an empty folder for a plugin.
  if (readdirSync(jars).length === 0) rmdirSync(jars)
  renameSync(unfinished, folder)
  removeOlder(name, folder)
}

function countingProgress(name: DownloadName, say: Attended['say']) {
  let fetched = 0
  const startedAtMs = performance.now()
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAtMs) / 1_000)
    say(`fetching ${name}: ${seconds} s, ${fetched} files`)
  }, progressEveryMs)
  return {
    onLine: (line: string) => {
      if (line.startsWith('Downloaded from') || line.includes('] Downloaded from')) fetched++
    },
    end: () => clearInterval(timer),
  }
}

function removeOlder(name: DownloadName, folder: string): void {
  const others = readdirSync(downloadsFolder).filter((entry) => entry.startsWith(`${name}-`))
  for (const other of others.map((entry) => join(downloadsFolder, entry))) {
    if (other !== folder) rmSync(other, { recursive: true, force: true })
  }
}

/** Maven must not write one repository twice at once, and tests may start beside `millrace dev`. */
async function withLock({ say, signal }: Attended, work: () => Promise<void>): Promise<void> {
  const lock = join(downloadsFolder, 'lock')
  mkdirSync(downloadsFolder, { recursive: true })
  const deadline = performance.now() + lockTimeoutMs
  let said = false
  while (!takeLock(lock)) {
    if (performance.now() > deadline) {
      throw new MillraceError('download-lock', 'another process fetches for too long', {
        hint: `If none does, remove ${lock}.`,
      })
    }
    if (!said) say('waiting for another process of this clone that fetches the jars')
    said = true
    await sleep(500, undefined, { signal })
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function takeLock(lock: string): boolean {
  const holder = readFile(lock) as ProcessIdentity | undefined
  if (holder !== undefined && isAlive(holder)) return false
  if (holder !== undefined) rmSync(lock, { force: true })
  return writeFile(lock, identify(process.pid), { exclusive: true })
}
