import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import { findExecutable, runCommand } from './command.ts'
import type { Say } from './say.ts'
import { versions } from './versions.ts'

const aptTimeoutMs = 600_000
const versionTimeoutMs = 10_000

/** The `redis-server` to run: from the path when it is new enough, else installed by apt. */
export async function redisServerPath(say: Say): Promise<string> {
  const find = () => newEnough(findExecutable('redis-server'), versions.redisMajorMin)
  return (await find()) ?? installed('redis-server', { find, say, named: 'Redis' })
}

/** The folder with `postgres` and `initdb`: newest of the path's and Debian's, else by apt. */
export async function postgresFolder(say: Say): Promise<string> {
  const find = async () => {
    const found = findExecutable('postgres', debianPostgresFolders())
    const usable = await newEnough(found, versions.postgresMajorMin)
    return usable === undefined ? undefined : join(usable, '..')
  }
  return (await find()) ?? installed('postgresql', { find, say, named: 'Postgres' })
}

/** The `java` to run; it can't be fetched by us, so its absence names the command that mends it. */
export async function javaPath(): Promise<string> {
  const named = process.env.JAVA_HOME
  const path = findExecutable('java', named === undefined ? [] : [join(named, 'bin')])
  const major = path === undefined ? 0 : await majorVersion(path, '-version')
  if (path !== undefined && major >= versions.javaMajorMin) return path
  const what = path === undefined ? 'there is no java' : `${path} is of release ${major}`
  throw new MillraceError('java-missing', `${what}; Kafka and its kin need Java 17 or newer`, {
    hint: 'apt-get install openjdk-17-jre-headless, or point JAVA_HOME at a newer one.',
  })
}

type Search = {
  readonly find: () => Promise<string | undefined>
  readonly say: Say
  readonly named: string
}

async function installed(packageName: string, search: Search): Promise<string> {
  const { find, say, named } = search
  const hint = `apt-get install --no-install-recommends ${packageName}`
  if (findExecutable('apt-get') === undefined) {
    throw new MillraceError('package-missing', `${named} is missing, and so is apt-get`, {
      hint: `Put ${named} of a release that Millrace can use into the path.`,
    })
  }
  if (process.getuid?.() !== 0) {
    throw new MillraceError('package-missing', `${named} is missing`, {
      hint: `As root: ${hint}`,
    })
  }
  say(`${named} is missing: installing the package ${packageName}`)
  await withoutServiceStart(() => aptInstall(packageName))
  const found = await find()
  if (found !== undefined) return found
  throw new MillraceError('package-too-old', `apt has no ${named} that is new enough`, {
    hint: `Needed: Postgres ${versions.postgresMajorMin} and Redis ${versions.redisMajorMin}, or newer.`,
  })
}

async function aptInstall(packageName: string): Promise<void> {
  const options = { timeoutMs: aptTimeoutMs, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  const lock = ['-o', 'DPkg::Lock::Timeout=300']
  await runCommand('apt-get', [...lock, 'update'], options)
  const install = ['install', '-y', '--no-install-recommends', packageName]
  await runCommand('apt-get', [...lock, ...install], options)
}

/** Debian's packages start a system service of their own unless this file says no (101). */
async function withoutServiceStart(install: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await install()
  } finally {
    rmSync(policy, { force: true })
  }
}

async function newEnough(path: string | undefined, majorMin: number): Promise<string | undefined> {
  if (path === undefined) return undefined
  return (await majorVersion(path, '--version')) >= majorMin ? path : undefined
}

/** `postgres (PostgreSQL) 15.18`, `Redis server v=7.0.15`, `openjdk version "17.0.15"`. */
async function majorVersion(path: string, flag: string): Promise<number> {
  const output = await runCommand(path, [flag], { timeoutMs: versionTimeoutMs })
  return Number(/(?:\)|v=|version) ?"?(\d+)/.exec(output)?.[1] ?? 0)
}

function debianPostgresFolders(): string[] {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return []
  const majors = readdirSync(root).filter((name) => /^\d+$/.test(name))
  return majors.toSorted((a, b) => Number(b) - Number(a)).map((name) => join(root, name, 'bin'))
}
