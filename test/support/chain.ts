import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chain, removeData } from '../../src/dev/chain.ts'
import type { ChainOptions } from '../../src/dev/chain-options.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { identify, isAlive, type ProcessIdentity } from '../../src/dev/process-identity.ts'
import { readFile, writeFile } from '../../src/dev/small-files.ts'
import { startChain } from '../../src/dev/start-chain.ts'

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

/** A chain of a test's own. `stopTestChain` ends it. */
export async function startTestChain(
  options: Omit<ChainOptions, 'folder' | 'ports'>,
): Promise<Chain> {
  await removeOrphans()
  const folder = mkdtempSync(join(tmpdir(), folderPrefix))
  // The cluster's user must be able to enter.
  chmodSync(folder, 0o755)
  writeFile(join(folder, ownerFile), identify(process.pid))
  return startChain({
    folder,
    ports: await randomPorts(),
    ...options,
    // A test kills processes, never the machine, so nothing has to reach the disk.
    postgresSettings: { fsync: 'off', ...options.postgresSettings },
  })
}

/** Ends a chain at once and removes its folder. */
export async function stopTestChain(chain: Chain): Promise<void> {
  await chain.killAll()
  removeData(chain.folders)
  rmSync(chain.folders.chain, { recursive: true, force: true })
}

const folderPrefix = 'millrace-test-'
const ownerFile = 'owner.json'

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

/** A run that was killed could not stop its servers: the next one does. */
async function removeOrphans(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(folderPrefix))) {
    const folder = join(tmpdir(), name)
    const owner = readFile(join(folder, ownerFile)) as ProcessIdentity | undefined
    if (owner === undefined || isAlive(owner)) continue
    writeFile(join(folder, ownerFile), identify(process.pid))
    const processes = readFile(join(folder, 'chain.env.json'))
    if (processes !== undefined) await stopTestChain(Chain.attach(folder))
    rmSync(folder, { recursive: true, force: true })
  }
}
