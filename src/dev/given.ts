/** What a configuration says to a chain on this machine: its source, its stores, ports of its servers. */
import type { Environment } from '../environment.ts'
import { variableOf } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import type { LoadedProject } from '../project/project.ts'
import { nameInFile, type Setting } from '../settings.ts'
import type { GivenSource } from './chain-env.ts'
import { serverNames, type ServerName } from './chain-options.ts'
import type { AskedPorts, PortName } from './ports.ts'
import { shownUrl } from './urls.ts'

export type GivenToChain = {
  /** Undefined where the chain has a Postgres of its own. */
  readonly source: GivenSource | undefined
  readonly ports: AskedPorts
  readonly servers: readonly ServerName[]
  /** What of it does not count, a sentence each. */
  readonly notes: readonly string[]
}

/**
 * The servers are the chain's own, but for a source that is named. An address of this machine says
 * which port its server takes; those of other machines are no business of a chain here.
 */
export function givenToChain(project: LoadedProject, env: Environment): GivenToChain {
  const source = sourceOf(project, env)
  const where = (setting: Setting) => whereOf(setting, env)
  const asked = addressesOf(project).map((each) => ({ ...each, where: where(each.setting) }))
  const unused = asked.filter(({ port }) => port === undefined)
  return {
    source,
    ports: Object.fromEntries(
      asked.flatMap(({ server, port, where: by }) => (port ? [[server, { port, where: by }]] : [])),
    ),
    servers: serversOf(project, source),
    notes: [
      ...unused.map(({ where: by }) => `${by} is not used: this chain has its own`),
      ...writersOnly(source),
      ...notWithoutSource(project, source).map((name) => `${where(name)} is not used ${needless}`),
    ],
  }
}

const needless = 'without a source that is named: the Postgres is of the chain’s own'

function sourceOf({ config, named }: LoadedProject, env: Environment): GivenSource | undefined {
  if (!named.has('source')) return undefined
  const optional = (name: 'sourceOwner' | 'capture') => (named.has(name) ? config[name] : undefined)
  const keepsPostgres = config.stores.includes('postgres')
  if (keepsPostgres && !named.has('postgres')) {
    throw new MillraceError('config', 'the Postgres store is to be kept, and has no address', {
      hint:
        'Beside a source that is named the chain starts no Postgres. Name a database for the views: ' +
        "stores: { postgres: 'postgres://…' }, or MILLRACE_POSTGRES.",
    })
  }
  const given = {
    source: config.source,
    sourceOwner: optional('sourceOwner'),
    capture: optional('capture'),
    postgres: keepsPostgres ? config.postgres : undefined,
    postgresReader: (keepsPostgres && env.MILLRACE_POSTGRES_READER) || undefined,
  }
  refuseSockets(given.capture ?? given.source)
  return given
}

function writersOnly(source: GivenSource | undefined): readonly string[] {
  if (source?.postgres === undefined || source.postgresReader !== undefined) return []
  return [
    'the API reads views in Postgres as the user that writes them, for no other is named: ' +
      'MILLRACE_POSTGRES_READER names one that may read only, as `millrace setup` makes it',
  ]
}

/** Debezium speaks to Postgres over TCP alone. */
function refuseSockets(url: string): void {
  const { hostname, searchParams } = new URL(url)
  if (hostname !== '' && !searchParams.has('host')) return
  throw new MillraceError('config', `${shownUrl(url)} names no host that Kafka Connect can reach`, {
    hint: 'Write the source as postgres://user:password@127.0.0.1:5432/database: a socket is not enough.',
  })
}

type Address = {
  readonly setting: Setting
  readonly server: PortName
  /** Undefined where it is on another machine. */
  readonly port: number | undefined
}

function addressesOf({ config, named }: LoadedProject): Address[] {
  const kafka = config.kafka[0] ?? ''
  const urls: readonly (readonly [Setting, PortName, string])[] = [
    ['kafka', 'kafka', `kafka://${kafka}`],
    ['registry', 'registry', config.registry],
    ['connect', 'connect', config.connect],
    ['redis', 'redis', config.redis],
    ['apiPort', 'api', `http://127.0.0.1:${config.apiPort}`],
  ]
  return urls
    .filter(([setting]) => named.has(setting))
    .map(([setting, server, url]) => ({ setting, server, port: localPort(url, server) }))
}

/** The servers of the chain have no certificates. */
const secured: readonly string[] = ['https:', 'rediss:']
const unwritten: Partial<Record<PortName, number>> = { redis: 6379, registry: 80, connect: 80 }

function localPort(url: string, server: PortName): number | undefined {
  const { hostname, port, protocol } = new URL(url)
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) && !secured.includes(protocol)
  return isHere ? Number(port || unwritten[server]) : undefined
}

function serversOf(
  { config }: LoadedProject,
  source: GivenSource | undefined,
): readonly ServerName[] {
  const keepsRedis = config.stores.includes('redis') || config.readFrom === 'redis'
  return serverNames.filter((name) => {
    if (name === 'postgres') return source === undefined
    return name !== 'redis' || keepsRedis
  })
}

function notWithoutSource(
  { named }: LoadedProject,
  source: GivenSource | undefined,
): readonly Setting[] {
  const needing = ['sourceOwner', 'capture', 'postgres'] as const
  return source === undefined ? needing.filter((name) => named.has(name)) : []
}

/** The variable or the setting of the file that a value comes from. */
function whereOf(setting: Setting, env: Environment): string {
  const variable = variableOf(setting)
  return env[variable] ? variable : nameInFile(setting)
}
