import type { Chain } from '../../src/dev/chain.ts'
import { randomPorts, type Ports } from '../../src/dev/ports.ts'
import type { Say } from '../../src/dev/say.ts'
import { startChain } from '../../src/dev/start-chain.ts'
import { startRole } from '../../src/dev/start-role.ts'
import { exampleSchema, userInformationConfig } from '../../src/traffic/example.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { newTestFolder, removeOrphans, removeTestFolder } from '../support/test-folders.ts'
import type { Wires } from './scene.ts'

/** Faults are noticed soon, and a busy machine alone makes nobody give up. */
const roleEnv = {
  MILLRACE_SESSION_TIMEOUT_MS: '3000',
  MILLRACE_LEASE_MS: '2000',
  MILLRACE_CALL_TIMEOUT_MS: '4000',
  MILLRACE_READ_TIMEOUT_MS: '5000',
  // Looks are what is tested: the more of them, the better.
  MILLRACE_LOOK_SHARE_PERCENT: '30',
  MILLRACE_LOOK_ROWS_PER_SECOND: '200000',
}

export type ChainWithWires = {
  readonly chain: Chain
  readonly wires: Wires
  readonly startWorker: (name: string) => void
  /** Ends everything and removes the folder. */
  readonly stop: () => Promise<void>
}

export type ChainWithWiresOptions = {
  readonly say: Say
  readonly signal: AbortSignal
}

/** A chain of its own with an API and without workers, which reach everything through wires. */
export async function chainWithWires({
  say,
  signal,
}: ChainWithWiresOptions): Promise<ChainWithWires> {
  await removeOrphans()
  const ports = await randomPorts()
  const wires = await wiresTo(ports)
  const folder = newTestFolder()
  const stop = async () => {
    await removeTestFolder(folder)
    await Promise.all(Object.values(wires).map((wire) => wire.stop()))
  }
  try {
    const chain = await startChain({
      folder,
      ports,
      say,
      signal,
      init: [exampleSchema],
      config: userInformationConfig,
      api: true,
      roleEnv,
      postgresSettings: { fsync: 'off' },
      // Brokers tell clients where to connect to: so everybody comes through the wire.
      kafkaSettings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${wires.kafka.port}` },
    })
    const env = workerEnv(chain, wires)
    const startWorker = (name: string) => startRole(chain, { name, args: ['worker'], env })
    return { chain, wires, startWorker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function wiresTo(ports: Ports): Promise<Wires> {
  const to = (port: number) => tcpProxy(`tcp://127.0.0.1:${port}`)
  const [source, redis, connect, registry, kafka] = await Promise.all(
    [ports.postgres, ports.redis, ports.connect, ports.registry, ports.kafka].map(to),
  )
  return { source: source!, redis: redis!, connect: connect!, registry: registry!, kafka: kafka! }
}

function workerEnv({ env }: Chain, wires: Wires): Readonly<Record<string, string>> {
  return {
    ...roleEnv,
    MILLRACE_SOURCE: wires.source.through(env['MILLRACE_SOURCE'] ?? ''),
    MILLRACE_REDIS: wires.redis.through(env['MILLRACE_REDIS'] ?? ''),
    MILLRACE_CONNECT: wires.connect.through(env['MILLRACE_CONNECT'] ?? '').replace(/\/$/, ''),
    MILLRACE_REGISTRY: wires.registry.through(env['MILLRACE_REGISTRY'] ?? ''),
    MILLRACE_KAFKA: `127.0.0.1:${wires.kafka.port}`,
  }
}
