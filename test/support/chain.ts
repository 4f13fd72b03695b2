import { existsSync } from 'node:fs'
import { MillraceError } from '../../src/errors.ts'
import { Chain } from '../../src/dev/chain.ts'
import { chainEnvPath, envOfRole, type ChainRole } from '../../src/dev/chain-env.ts'
import type { ChainOptions } from '../../src/dev/chain-options.ts'
import { runCommand } from '../../src/dev/command.ts'
import { mainPath } from '../../src/dev/folders.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { startChain } from '../../src/dev/start-chain.ts'
import { exampleSchema, exampleSeed, userInformationConfig } from '../../src/traffic/example.ts'
import { newTestFolder, removeOrphans, removeTestFolder, sharedFolders } from './test-folders.ts'

/** One real server of a test's own, on a free port with a folder of its own. */
export type TestServer = {
  /** `redis://…`, `postgres://…` by the superuser, or `host:port` of the broker. */
  readonly url: string
  readonly chain: Chain
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>
  pause(): void
  resume(): void
  /** Ends it and removes its data. Every test calls this, also when it failed. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type RedisServerOptions = { readonly args?: readonly string[] }

export async function redisServer(options: RedisServerOptions = {}): Promise<TestServer> {
  const { args = [] } = options
  const chain = await startTestChain({ servers: ['redis'], redisArgs: args })
  return testServer(chain, 'redis', chain.urls.redis)
}

export type ServerSettings = { readonly settings?: Readonly<Record<string, string>> }

/**
 * A cluster with the source's roles, tables and publication in its database `millrace`, an empty
 * database `millrace_views`, and every role's URL in `chain.env`.
 */
export async function postgresServer(options: ServerSettings = {}): Promise<TestServer> {
  const { settings = {} } = options
  const chain = await startTestChain({ servers: ['postgres'], postgresSettings: settings })
  return testServer(chain, 'postgres', chain.env.MILLRACE_SOURCE_ADMIN ?? '')
}

/** A broker without any topic. */
export async function kafkaServer(options: ServerSettings = {}): Promise<TestServer> {
  const { settings = {} } = options
  const chain = await startTestChain({ servers: ['kafka'], kafkaSettings: settings })
  return testServer(chain, 'kafka', chain.urls.kafka)
}

/** The whole chain is up within half a minute, on a busy machine within minutes. */
export const chainTimeoutMs = 400_000

export type TestChainOptions = Omit<ChainOptions, 'folder' | 'ports'> & {
  /** Whether the example's tables begin with a small network. */
  readonly seed?: boolean
}

/** A chain of a test's own, without roles unless asked for. `stopTestChain` ends it. */
export async function startTestChain(options: TestChainOptions): Promise<Chain> {
  await removeOrphans()
  return startIn(newTestFolder(), options)
}

/** Ends a chain at once and removes its folder. */
export function stopTestChain(chain: Chain): Promise<void> {
  return removeTestFolder(chain.folders.chain)
}

/**
 * The chain that the files of one of jest's workers share: every server, seeded, with one worker and the
 * API. The first file starts it, the run's end stops it. What an earlier file left down or paused
 * is brought up again; what it started beside is ended.
 */
export async function sharedChain(): Promise<Chain> {
  const folder = sharedFolders()[Number(process.env['JEST_WORKER_ID'] ?? 1) - 1]
  if (folder === undefined) {
    throw new MillraceError('no-chain', 'the chain suite shares a chain that its set-up prepares', {
      hint: 'Run jest with .jest.config.mjs.',
    })
  }
  if (!existsSync(chainEnvPath(folder))) {
    await removeOrphans()
    return startIn(folder, { workers: 1, api: true, seed: true })
  }
  const chain = Chain.attach(folder)
  for (const { name } of chain.processes.list()) await bringBack(chain, name)
  return chain
}

export type RoleRun = { readonly code: number; readonly output: string }

/** Runs a command of `millrace` on a chain to its end, as `['verify']`; answers code and output. */
export async function runRole(
  chain: Chain,
  args: readonly string[],
  timeoutMs = 60_000,
): Promise<RoleRun> {
  const lines: string[] = []
  const onLine = (line: string) => void lines.push(line)
  const env = {
    ...envOfRole(args[0] as ChainRole, chain.env),
    MILLRACE_FOLDER: chain.folders.chain,
  }
  try {
    await runCommand(process.execPath, ['--no-warnings', mainPath, ...args], {
      timeoutMs,
      env,
      onLine,
    })
    return { code: 0, output: lines.join('\n') }
  } catch (error) {
    const code =
      error instanceof MillraceError ? Number(/ended with (\d+)/.exec(error.message)?.[1]) : NaN
    if (Number.isNaN(code)) throw error
    return { code, output: lines.join('\n') }
  }
}

async function startIn(
  folder: string,
  { seed = false, ...options }: TestChainOptions,
): Promise<Chain> {
  return startChain({
    folder,
    ports: await randomPorts(),
    init: [exampleSchema, ...(seed ? [exampleSeed] : [])],
    config: userInformationConfig,
    ...options,
    // A test kills processes, never the machine, so nothing has to reach the disk.
    postgresSettings: { fsync: 'off', ...options.postgresSettings },
    // A killed worker's partitions go to the next one soon.
    roleEnv: { MILLRACE_SESSION_TIMEOUT_MS: '3000', ...options.roleEnv },
  })
}

async function bringBack(chain: Chain, name: string): Promise<void> {
  const extra = /^(worker|api)-/.test(name) && name !== 'worker-1'
  if (extra) {
    await chain.kill(name)
    return chain.forget(name)
  }
  chain.resume(name)
  if (!chain.processes.isAlive(name)) await chain.start(name)
}

function testServer(chain: Chain, name: string, url: string): TestServer {
  const stop = () => stopTestChain(chain)
  return {
    url,
    chain,
    kill: () => chain.kill(name),
    start: () => chain.start(name),
    pause: () => chain.pause(name),
    resume: () => chain.resume(name),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
