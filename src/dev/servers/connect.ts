import { join } from 'node:path'
import { jarsFolder } from '../downloads.ts'
import { packageFolder, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'
import { readProperties, writeProperties } from '../settings.ts'
import { javaSpec, loggingFlag } from './java.ts'

export type ConnectOptions = {
  readonly java: string
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
    // Looking into every class of every jar for plugins is most of Connect's start; manifests say
    // where they are. The converter's jars lack theirs, so one stands on the class path.
    'plugin.discovery': 'service_load',
    ...readProperties(join(packageFolder, 'connectors', 'connect.properties')),
    'exactly.once.source.support': options.transactions ? 'enabled' : 'disabled',
    ...options.settings,
  })
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed'
  const classPath = [
    join(options.jars, jarsFolder, '*'),
    join(packageFolder, 'connectors', 'services'),
  ]
  return javaSpec(folders, {
    name: 'connect',
    java: options.java,
    heapMaxMb: 768,
    args: [loggingFlag, '-cp', classPath.join(':'), main, settingsPath],
    env: options.env,
    niceness: 5,
    // It waits for a broker that may be away, and loses nothing by a hard end.
    stopTimeoutMs: 15_000,
  })
}
