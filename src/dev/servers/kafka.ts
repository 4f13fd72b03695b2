import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { kafkaTopicAdmin } from '../../consume/kafka/topic-admin.ts'
import { MillraceError } from '../../errors.ts'
import { createLog } from '../../log.ts'
import { runCommand } from '../command.ts'
import { jarsFolder } from '../downloads.ts'
import { makePrivateFolder, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'
import { writeProperties } from '../settings.ts'
import { readFile, writeFile } from '../small-files.ts'
import { versions } from '../versions.ts'
import { javaFlags, javaSpec, loggingFlag } from './java.ts'

export type KafkaOptions = {
  readonly java: string
  /** Folder of the download `kafka`. */
  readonly jars: string
  readonly port: number
  readonly controllerPort: number
  /** Broker settings beside or instead of ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

const callTimeoutMs = 10_000
const formatTimeoutMs = 60_000

/**
 * Writes the broker's settings, formats its storage once, and answers how it is started. Throws
 * `kafka-data` when a newer Kafka has written to that storage.
 */
export async function kafkaSpec(folders: Folders, options: KafkaOptions): Promise<ProcessSpec> {
  const data = join(folders.data, 'kafka')
  const settingsPath = join(folders.settings, 'kafka.properties')
  makePrivateFolder(data)
  writeProperties(settingsPath, kafkaSettings(data, options))
  const classPath = ['-cp', join(options.jars, jarsFolder, '*')]
  const versionPath = join(folders.data, 'kafka-version.json')
  const formatted = existsSync(join(data, 'meta.properties'))
  if (formatted) refuseNewerData(data, versionPath)
  writeFile(versionPath, versions.kafka)
  if (!formatted) {
    const id = randomBytes(16).toString('base64url').replace(/^-/, 'm')
    const format = ['kafka.tools.StorageTool', 'format', '-t', id, '-c', settingsPath]
    await runCommand(options.java, [...javaFlags, ...classPath, ...format], {
      timeoutMs: formatTimeoutMs,
    })
  }
  return javaSpec(folders, {
    name: 'kafka',
    java: options.java,
    heapMaxMb: 512,
    args: [loggingFlag, ...classPath, 'kafka.Kafka', settingsPath],
    niceness: 5,
  })
}

/** Most brokers do not start on what a newer one wrote. Data without a version is of 4.3.1. */
function refuseNewerData(data: string, versionPath: string): void {
  const found = (readFile(versionPath) as string | undefined) ?? '4.3.1'
  if (found.localeCompare(versions.kafka, 'en', { numeric: true }) <= 0) return
  throw new MillraceError(
    'kafka-data',
    `Kafka ${found} wrote ${data}, and this is ${versions.kafka}`,
    {
      hint: 'Delete that folder: workers go on from what Postgres holds, and compare every entry with it.',
    },
  )
}

/** Throws while the broker doesn't answer. */
export async function brokerAnswers(broker: string): Promise<void> {
  const log = createLog('silent', 'dev')
  const admin = kafkaTopicAdmin({ brokers: [broker], log, callTimeoutMs })
  try {
    await admin.describe([])
  } finally {
    await admin.close()
  }
}

function kafkaSettings(data: string, options: KafkaOptions): Record<string, string> {
  const broker = `PLAINTEXT://127.0.0.1:${options.port}`
  const controller = `127.0.0.1:${options.controllerPort}`
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${controller}`,
    listeners: `${broker},CONTROLLER://${controller}`,
    'advertised.listeners': broker,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': data,
    ...brokerSettings,
    ...options.settings,
  }
}

/** One broker that everything of one machine shares; the Compose file has the same. */
export const brokerSettings: Readonly<Record<string, string>> = {
  'offsets.topic.replication.factor': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  // 50 of each is the default, and opening them is a good part of a small broker's start.
  'offsets.topic.num.partitions': '8',
  'transaction.state.log.num.partitions': '8',
  // A broker that was killed must not wait for its own old session for long.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'group.initial.rebalance.delay.ms': '0',
  // A killed consumer is taken out of its group after its own, short session time-out.
  'group.min.session.timeout.ms': '1000',
  // A topic that a client made by accident would have neither our partitions nor our clean-up.
  'auto.create.topics.enable': 'false',
  // The default of 128 MB would be a quarter of the heap.
  'log.cleaner.dedupe.buffer.size': '33554432',
}
