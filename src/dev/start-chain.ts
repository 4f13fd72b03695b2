import { Chain } from './chain.ts'
import { unreachable } from '../errors.ts'
import { captureEnv, envOf } from './chain-env.ts'
import { serverNames, type ChainOptions, type ServerName } from './chain-options.ts'
import { connectorSettings, putConnector, withoutTransactions } from './connector.ts'
import { fetchDownloads, type DownloadName } from './downloads.ts'
import { foldersOf, makePrivateFolder } from './folders.ts'
import { javaPath, postgresFolder, redisServerPath } from './packages.ts'
import { keptPasswords, type Passwords } from './passwords.ts'
import type { ProcessSpec } from './processes.ts'
import { silent, type Attended } from './say.ts'
import { connectSpec } from './servers/connect.ts'
import { kafkaSpec } from './servers/kafka.ts'
import { postgresSpec } from './servers/postgres.ts'
import { redisSpec } from './servers/redis.ts'
import { registrySpec } from './servers/registry.ts'
import { setUpSource } from './source.ts'
import { startRole } from './start-role.ts'
import { createTopics } from './topics.ts'
import { setUpViewsDatabase } from './views-database.ts'

const connectorTimeoutMs = 180_000

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
  const servers = options.servers ?? serverNames
  const { say = silent, signal } = options
  const programs = await findPrograms(servers, { say, signal })
  const folders = foldersOf(options.folder)
  for (const each of [folders.data, folders.logs, folders.settings]) makePrivateFolder(each)
  const passwords = keptPasswords(folders.data)
  const env = { ...envOf(options.ports, passwords), ...options.roleEnv }
  const chain = Chain.create(options.folder, env, { say, signal })
  try {
    await new Start(chain, { ...options, servers, programs, passwords }).all()
    return chain
  } catch (error) {
    await chain.stop()
    throw error
  }
}

type StartOptions = ChainOptions & {
  readonly servers: readonly ServerName[]
  readonly programs: Programs
  readonly passwords: Passwords
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
    const { servers, workers = 0, api = false, config } = this.#options
    const named = config === undefined ? [] : ['--config', config]
    const has = (name: ServerName) => servers.includes(name)
    const starting = await Promise.allSettled(servers.map((server) => this.#server(server)))
    for (const start of starting) if (start.status === 'rejected') throw start.reason
    if (has('connect') && has('postgres')) await this.#connector()
    for (let number = 1; number <= workers; number++) {
      startRole(this.#chain, { name: `worker-${number}`, args: ['worker', ...named] })
    }
    if (api) startRole(this.#chain, { name: 'api', args: ['api', ...named] })
    if (api) await this.#chain.ready('api')
  }

  async #server(name: ServerName): Promise<void> {
    const { say = silent, passwords, seed = false, servers } = this.#options
    this.#chain.spawn(await this.#spec(name))
    await this.#chain.ready(name)
    if (name === 'postgres') {
      const admin = this.#chain.env.MILLRACE_SOURCE_ADMIN ?? ''
      await setUpSource(admin, passwords, { seed })
      await setUpViewsDatabase(admin, passwords)
    }
    if (name === 'kafka' && servers.includes('connect')) {
      await createTopics(this.#chain.urls.kafka, this.#chain.env.MILLRACE_CONNECTOR ?? '')
    }
    say(`${name} is up`)
  }

  async #spec(name: ServerName): Promise<ProcessSpec> {
    const { folders, env } = this.#chain
    const { ports, programs, passwords, say = silent, ...options } = this.#options
    const { jars } = programs
    const java = { path: programs.java, flags: options.javaFlags ?? [] }
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
          passwords,
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
          env: captureEnv(env, passwords),
        })
      default:
        return unreachable(name)
    }
  }

  async #connector(): Promise<void> {
    const { transactions = true, connector, say = silent } = this.#options
    const overrides = { ...(transactions ? {} : withoutTransactions), ...connector }
    await putConnector(connectorSettings(overrides), {
      connect: this.#chain.urls.connect,
      name: this.#chain.env.MILLRACE_CONNECTOR ?? '',
      timeoutMs: connectorTimeoutMs,
    })
    say('the connector runs')
  }
}
