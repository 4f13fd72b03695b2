import { unreachable } from '../errors.ts'
import { loadProject, type LoadedProject, type Project } from '../project/project.ts'
import type { View } from '../view/view.ts'
import { Chain } from './chain.ts'
import { captureEnv, envOf, storesOfChain, type ChainEnv } from './chain-env.ts'
import { serverNames, type ChainOptions, type ServerName } from './chain-options.ts'
import { fetchDownloads, type DownloadName } from './downloads.ts'
import { foldersOf, makePrivateFolder } from './folders.ts'
import { makeOwnSource } from './own-source.ts'
import { javaPath, postgresFolder, redisServerPath } from './packages.ts'
import { keptPasswords, type Passwords } from './passwords.ts'
import { prepareChain, prepareGiven } from './prepare-chain.ts'
import type { ProcessSpec } from './processes.ts'
import { silent, type Attended, type Say } from './say.ts'
import { connectSpec } from './servers/connect.ts'
import { kafkaSpec } from './servers/kafka.ts'
import { postgresSpec } from './servers/postgres.ts'
import { redisSpec, type RedisServerUsers } from './servers/redis.ts'
import { registrySpec } from './servers/registry.ts'
import { startRole } from './start-role.ts'
import { setUpViewsDatabase } from './views-database.ts'

/** Programs and jars that servers are started with. */
export type Programs = {
  readonly java: string
  readonly redis: string
  readonly postgres: string
  readonly jars: Readonly<Record<DownloadName, string>>
}

/** Finds or fetches what these servers need. This alone may take minutes, the first time. */
export async function findPrograms(
  servers: readonly ServerName[],
  attended: Attended,
): Promise<Programs> {
  const { say } = attended
  const needed = servers.flatMap((server) => downloadsOf[server])
  return {
    java: needed.length > 0 ? await javaPath() : '',
    redis: servers.includes('redis') ? await redisServerPath(say) : '',
    postgres: servers.includes('postgres') ? await postgresFolder(say) : '',
    jars: await fetchDownloads([...new Set(needed)], attended),
  }
}

const downloadsOf: Readonly<Record<ServerName, readonly DownloadName[]>> = {
  postgres: [],
  redis: [],
  registry: ['registry'],
  kafka: ['kafka'],
  connect: ['kafka', 'debezium', 'converter'],
}

/**
 * Brings a chain up and answers it when everything that was asked for answers. On a fault nothing
 * of it is left running.
 */
export async function startChain(options: ChainOptions): Promise<Chain> {
  const { say = silent, source } = options
  const failed = new AbortController()
  const signals = [options.signal, failed.signal].filter((one) => one !== undefined)
  const signal = AbortSignal.any(signals)
  const servers = options.servers ?? serverNames.filter((name) => name !== 'postgres' || !source)
  const folders = foldersOf(options.folder)
  for (const each of [folders.data, folders.logs, folders.settings]) makePrivateFolder(each)
  const passwords = keptPasswords(folders)
  const given = { ...envOf(options.ports, passwords, source), ...options.roleEnv }
  const project = await loadProject({ folder: process.cwd(), env: given, path: options.config })
  const env = { ...given, ...namesOf(project) }
  if (source) await prepareGiven({ project, source }, { say, signal })
  const programs = await findPrograms(servers, { say, signal })
  const chain = Chain.create(options.folder, env, { say, signal })
  try {
    const all = { ...options, say, signal, servers, programs, passwords, project, failed }
    await new Start(chain, all).all()
    return chain
  } catch (error) {
    await chain.stop()
    throw error
  }
}

/** What commands that find the chain have to know besides its servers. */
function namesOf({ config, path }: LoadedProject): ChainEnv {
  const { connector, publication, slot, stores } = config
  return {
    [storesOfChain]: stores.join(','),
    ...(path !== undefined && { MILLRACE_CONFIG: path }),
    MILLRACE_CONNECTOR: connector,
    MILLRACE_PUBLICATION: publication,
    MILLRACE_SLOT: slot,
  }
}

type StartOptions = ChainOptions & {
  readonly say: Say
  readonly signal: AbortSignal
  readonly servers: readonly ServerName[]
  readonly programs: Programs
  readonly passwords: Passwords
  readonly project: Project
  /** Aborts `signal` when a server can't be started, so that nobody waits for what depends on it. */
  readonly failed: AbortController
}

/** What doesn't lean on each other starts at once: on two cores this halves the time. */
class Start {
  readonly #chain: Chain
  readonly #options: StartOptions

  constructor(chain: Chain, options: StartOptions) {
    this.#chain = chain
    this.#options = options
  }

  async all(): Promise<void> {
    const { servers, workers = 0, api = false, config, failed, signal } = this.#options
    const named = config === undefined ? [] : ['--config', config]
    await Promise.all(
      servers.map((server) => this.#server(server).catch((error: unknown) => failed.abort(error))),
    )
    signal.throwIfAborted()
    await prepareChain(this.#options, this.#options)
    for (let number = 1; number <= workers; number++) {
      startRole(this.#chain, { name: `worker-${number}`, args: ['worker', ...named] })
    }
    if (api) startRole(this.#chain, { name: 'api', args: ['api', ...named] })
    if (api) await this.#chain.ready('api')
  }

  async #server(name: ServerName): Promise<void> {
    this.#chain.spawn(await this.#spec(name))
    await this.#chain.ready(name)
    this.#options.signal.throwIfAborted()
    const state = name === 'postgres' ? await this.#databases() : ''
    this.#options.say(`${name} is up${state}`)
  }

  /** Of the chain's own Postgres: what the source's owner and the Postgres store have there. */
  async #databases(): Promise<string> {
    const { init = [], say } = this.#options
    const url = (name: string) => this.#chain.env[name] ?? ''
    const admin = url('MILLRACE_SOURCE_ADMIN')
    const source = await makeOwnSource({ admin, owner: url('MILLRACE_SOURCE_APP'), init }, say)
    await setUpViewsDatabase({
      admin,
      worker: url('MILLRACE_POSTGRES'),
      reader: url('MILLRACE_POSTGRES_READER'),
    })
    return source === 'kept' ? ', with the data of an earlier start' : ''
  }

  async #spec(name: ServerName): Promise<ProcessSpec> {
    const { folders, env } = this.#chain
    const { ports, programs, passwords, say, project, ...options } = this.#options
    const { jars, java } = programs
    switch (name) {
      case 'postgres':
        return postgresSpec(folders, {
          programs: programs.postgres,
          port: ports.postgres,
          password: passwords.postgres,
          settings: options.postgresSettings,
          say,
        })
      case 'redis':
        return redisSpec(folders, {
          path: programs.redis,
          port: ports.redis,
          users: redisUsersOf(env, project.views),
          args: options.redisArgs,
        })
      case 'registry':
        return registrySpec(folders, { java, archive: jars.registry, port: ports.registry })
      case 'kafka':
        return kafkaSpec(folders, {
          java,
          jars: jars.kafka,
          port: ports.kafka,
          controllerPort: ports.kafkaController,
          settings: options.kafkaSettings,
        })
      case 'connect':
        return connectSpec(folders, {
          java,
          jars: jars.kafka,
          plugins: [jars.debezium, jars.converter],
          port: ports.connect,
          kafka: this.#chain.urls.kafka,
          transactions: options.transactions ?? true,
          settings: options.connectSettings,
          env: captureEnv(env),
        })
      default:
        return unreachable(name)
    }
  }
}

function redisUsersOf(env: ChainEnv, views: readonly View[]): RedisServerUsers {
  return {
    admin: env.MILLRACE_REDIS_ADMIN ?? '',
    worker: env.MILLRACE_REDIS ?? '',
    reader: env.MILLRACE_REDIS_READER ?? '',
    views: views.map(({ name }) => name),
  }
}
