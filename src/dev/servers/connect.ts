import { join } from 'node:path'
import { jarsFolder } from '../downloads.ts'
import type { Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'
import { writeProperties } from '../settings.ts'
import { javaSpec, loggingFlag, type JavaProgram } from './java.ts'

export type ConnectOptions = {
  readonly java: JavaProgram
  /** Folder of the download `kafka`, which has Connect as well. */
  readonly jars: string
  /** Folders that hold plugins, each in a folder of its own. */
  readonly plugins: readonly string[]
  readonly port: number
  /** `host:port` of the broker. */
  readonly kafka: string
  /** False starts Connect without exactly-once sources. */
  readonly transactions: boolean
  /** Worker settings beside or instead of ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Variables that the connector's configuration refers to, passwords among them. */
  readonly env: Readonly<Record<string, string>>
}

/** Writes the worker's settings and answers how it is started. */
export function connectSpec(folders: Folders, options: ConnectOptions): ProcessSpec {
  const settingsPath = join(folders.settings, 'connect.properties')
  writeProperties(settingsPath, {
    'bootstrap.servers': options.kafka,
    listeners: `http://127.0.0.1:${options.port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'plugin.path': options.plugins.join(','),
    ...workerSettings,
    'exactly.once.source.support': options.transactions ? 'enabled' : 'disabled',
    ...options.settings,
  })
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed'
  return javaSpec(folders, {
    name: 'connect',
    java: options.java,
    heapMaxMb: 768,
    args: [loggingFlag, '-cp', join(options.jars, jarsFolder, '*'), main, settingsPath],
    env: options.env,
    niceness: 5,
  })
}

/** What Connect's worker is told wherever it runs; the Compose file has the same. */
export const workerSettings: Readonly<Record<string, string>> = {
  'group.id': 'millrace-connect',
  'config.storage.topic': 'millrace-connect-configs',
  'offset.storage.topic': 'millrace-connect-offsets',
  'status.storage.topic': 'millrace-connect-status',
  'config.storage.replication.factor': '1',
  'offset.storage.replication.factor': '1',
  'status.storage.replication.factor': '1',
  'offset.storage.partitions': '1',
  'status.storage.partitions': '1',
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  // The default of a minute would make a connector that was killed without transactions send a
  // minute's changes twice, and hold up every barrier.
  'offset.flush.interval.ms': '1000',
  // Only variables meant for connectors can be asked for, not the rest of the environment.
  'config.providers': 'env',
  'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
  'config.providers.env.param.allowlist.pattern': 'MILLRACE_CAPTURE_.*',
  // One worker: nobody else's rebalance is worth waiting for, and a restart must not take minutes.
  'scheduled.rebalance.max.delay.ms': '0',
  'session.timeout.ms': '6000',
  'heartbeat.interval.ms': '2000',
}
