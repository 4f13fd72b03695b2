import { join, relative } from 'node:path'
import { settingVariables, variablesOf, type ConfiguredRole } from '../config.ts'
import type { Environment } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import { chainFolder, lockPath } from './folders.ts'
import type { Passwords } from './passwords.ts'
import type { Ports } from './ports.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'
import { readFile } from './small-files.ts'
import { databaseOf, inDatabase, userOf, withUser, type User } from './urls.ts'

/** What roles of Millrace, tests and commands find a chain by. */
export type ChainEnv = Readonly<Record<string, string>>

/** Of the chain's own Postgres: the source, and the views of the Postgres store. */
const sourceDatabase = 'millrace'
const viewsDatabase = 'millrace_views'
/** Debezium's, where none is named. */
const captureRole = 'millrace_capture'

/** Where a chain notes the stores that its configuration keeps, with commas between. */
export const storesOfChain = 'STORES'

/** Roles that find a chain by variables. */
export type ChainRole = ConfiguredRole | 'traffic'

export function chainEnvPath(folder: string): string {
  return join(folder, 'chain.env.json')
}

/**
 * The variables of a role: those of the chain that runs in this clone (or in `MILLRACE_FOLDER`)
 * where none of them is set to something else, else the environment alone. The two are never mixed, or a
 * command would compare one chain's store with another chain's source. `note` says which it is,
 * where that could surprise.
 */
export function environmentOf(
  role: ChainRole,
  env: Environment = process.env,
): { readonly env: Environment; readonly note?: string } {
  const folder = chainFolder(env)
  const kept = readFile(chainEnvPath(folder)) as ChainEnv | undefined
  if (kept === undefined) return { env }
  const { MILLRACE_STORES: stores, MILLRACE_READ_FROM: readFrom } = env
  const asked = {
    ...(stores && { MILLRACE_STORES: stores }),
    ...(readFrom && { MILLRACE_READ_FROM: readFrom }),
  }
  const own = envOfRole(role, kept, asked)
  if (Object.keys(own).every((name) => env[name])) return { env }
  const chain = `the chain of ${relative(process.cwd(), folder) || '.'}`
  // The source that a chain was started around may stand in the environment still.
  const isOther = (name: string) => env[name] && env[name] !== kept[name]
  const byHand = Object.keys(kept).filter((name) => name !== 'MILLRACE_CONFIG' && isOther(name))
  const runs = isKeptUp(folder)
  if (byHand.length > 0) {
    return runs ? { env, note: `${byHand.join(', ')} is set, so ${chain} is not used` } : { env }
  }
  if (!runs) return { env, note: `${chain} does not run: the environment and the defaults count` }
  const config = env.MILLRACE_CONFIG ? { MILLRACE_CONFIG: env.MILLRACE_CONFIG } : {}
  return { env: { ...env, ...own, ...config }, note: `using ${chain}` }
}

/**
 * Of a chain's variables, those that a role needs, where it is given `asked` besides. The API is
 * another user of the stores, and nobody is given one that is not used.
 */
export function envOfRole(role: ChainRole, chain: ChainEnv, asked: ChainEnv = {}): ChainEnv {
  const names = role === 'traffic' ? [] : ['MILLRACE_CONFIG', ...variablesOf(role)]
  const writes = role === 'traffic' || role === 'bench' ? ['MILLRACE_SOURCE_APP'] : []
  const unused = usesPostgres({ ...chain, ...asked }) ? [] : ['MILLRACE_POSTGRES']
  const reader = role === 'api' ? readerUrls(chain) : {}
  const wanted = [...names, ...writes].filter((name) => !unused.includes(name))
  const all = Object.entries({ ...chain, ...reader })
  return Object.fromEntries(all.filter(([name]) => wanted.includes(name)))
}

function usesPostgres({ MILLRACE_STORES, MILLRACE_READ_FROM, ...chain }: ChainEnv): boolean {
  const stores = MILLRACE_STORES || chain[storesOfChain]
  return stores === undefined || /\bpostgres\b/.test(`${stores},${MILLRACE_READ_FROM}`)
}

function readerUrls({ MILLRACE_REDIS_READER, MILLRACE_POSTGRES_READER }: ChainEnv): ChainEnv {
  return {
    ...(MILLRACE_REDIS_READER && { MILLRACE_REDIS: MILLRACE_REDIS_READER }),
    ...(MILLRACE_POSTGRES_READER && { MILLRACE_POSTGRES: MILLRACE_POSTGRES_READER }),
  }
}

/** Whether the process that started a chain still keeps it up. */
function isKeptUp(folder: string): boolean {
  const launcher = readFile(lockPath(folder)) as ProcessIdentity | undefined
  return launcher !== undefined && isAlive(launcher)
}

export type ChainUrls = {
  readonly api: string
  /** By the role that owns the tables where the Postgres is the chain's own, else as it was given. */
  readonly source: string
  /** By the administrator. */
  readonly redis: string
  /** `host:port`. */
  readonly kafka: string
  /** Base of the Confluent API. */
  readonly registry: string
  readonly connect: string
}

export function urlsOf(env: ChainEnv): ChainUrls {
  const value = (name: string) => env[name] ?? ''
  return {
    api: `http://127.0.0.1:${value('MILLRACE_API_PORT')}`,
    source: value('MILLRACE_SOURCE_APP') || value('MILLRACE_SOURCE'),
    redis: value('MILLRACE_REDIS_ADMIN'),
    kafka: value('MILLRACE_KAFKA'),
    registry: value('MILLRACE_REGISTRY'),
    connect: value('MILLRACE_CONNECT'),
  }
}

/** The source of the chain that runs on this machine, by the role of the application. */
export function sourceOfChain(): string {
  const source = environmentOf('traffic').env.MILLRACE_SOURCE_APP
  if (source) return source
  throw new MillraceError('no-chain', 'no chain runs here, so there is no source to write to', {
    hint: 'Run `millrace dev` in another terminal, or name the database with --source or MILLRACE_SOURCE_APP.',
  })
}

/** A source that somebody else keeps, by the settings of these names. */
export type GivenSource = {
  readonly source: string
  readonly sourceOwner: string | undefined
  readonly capture: string | undefined
  /** The Postgres store, where one is to be kept: it is no server of the chain either. */
  readonly postgres: string | undefined
  /** The same by a user that may read only, for APIs; the one that writes where none is named. */
  readonly postgresReader: string | undefined
}

/** Variables of a chain. Each user of a server has a URL of its own. */
export function envOf(ports: Ports, passwords: Passwords, given?: GivenSource): ChainEnv {
  const redis = `redis://127.0.0.1:${ports.redis}`
  return {
    MILLRACE_KAFKA: `127.0.0.1:${ports.kafka}`,
    MILLRACE_REGISTRY: `http://127.0.0.1:${ports.registry}/apis/ccompat/v7`,
    MILLRACE_CONNECT: `http://127.0.0.1:${ports.connect}`,
    ...(given ? givenSourceEnv(given, passwords) : ownSourceEnv(ports.postgres, passwords)),
    MILLRACE_REDIS: withUser(redis, ['millrace-worker', passwords.worker]),
    MILLRACE_REDIS_READER: withUser(redis, ['millrace-reader', passwords.reader]),
    MILLRACE_REDIS_ADMIN: withUser(redis, ['millrace-admin', passwords.redis]),
    MILLRACE_API_HOST: '127.0.0.1',
    MILLRACE_API_PORT: String(ports.api),
  }
}

/** Of the chain's own Postgres, which keeps views as well. */
function ownSourceEnv(port: number, passwords: Passwords): ChainEnv {
  const admin = withUser(`postgres://127.0.0.1:${port}/postgres`, ['postgres', passwords.postgres])
  const source = (user: User) => inDatabase(admin, sourceDatabase, user)
  const views = (user: User) => inDatabase(admin, viewsDatabase, user)
  return {
    MILLRACE_SOURCE: source(['millrace', passwords.millrace]),
    MILLRACE_SOURCE_OWNER: inDatabase(admin, sourceDatabase),
    MILLRACE_SOURCE_APP: source(['millrace_app', passwords.app]),
    MILLRACE_SOURCE_ADMIN: admin,
    MILLRACE_CAPTURE: source([captureRole, passwords.capture]),
    MILLRACE_POSTGRES: views(['millrace_views', passwords.worker]),
    MILLRACE_POSTGRES_READER: views(['millrace_reader', passwords.reader]),
  }
}

/** Where no role is named that captures, one is to be made, with a password of this chain. */
function givenSourceEnv(given: GivenSource, passwords: Passwords): ChainEnv {
  const { source, sourceOwner, capture, postgres, postgresReader } = given
  return {
    MILLRACE_SOURCE: source,
    MILLRACE_SOURCE_OWNER: sourceOwner ?? source,
    MILLRACE_CAPTURE: capture ?? withUser(source, [captureRole, passwords.capture]),
    ...(postgres !== undefined && {
      MILLRACE_POSTGRES: postgres,
      MILLRACE_POSTGRES_READER: postgresReader ?? postgres,
    }),
  }
}

/** Settings of roles that a person has set by hand and that a chain does not set itself. */
export function ownSettings(env: Environment, chain: ChainEnv): ChainEnv {
  const own = settingVariables.filter((name) => env[name] && !(name in chain))
  return Object.fromEntries(own.map((name) => [name, env[name]!]))
}

/** The variables that `connectors/millrace.json` refers to, for Connect's own environment. */
export function captureEnv(env: ChainEnv): ChainEnv {
  const capture = env.MILLRACE_CAPTURE ?? ''
  const [user, password] = userOf(capture)
  const { hostname, port } = new URL(capture)
  const registry = new URL(env.MILLRACE_REGISTRY ?? '')
  return {
    MILLRACE_CAPTURE_HOST: hostname.replace(/^\[|\]$/g, ''),
    MILLRACE_CAPTURE_PORT: port || '5432',
    MILLRACE_CAPTURE_DATABASE: databaseOf(capture),
    MILLRACE_CAPTURE_USER: user,
    MILLRACE_CAPTURE_PASSWORD: password,
    // The converter speaks the registry's own protocol, everybody else Confluent's.
    MILLRACE_CAPTURE_REGISTRY: `${registry.origin}/apis/registry/v2`,
  }
}
