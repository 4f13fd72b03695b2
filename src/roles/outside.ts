import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { kafkaChangeLog } from '../consume/kafka/kafka-change-log.ts'
import { kafkaChangeSource } from '../consume/kafka/kafka-change-source.ts'
import { SharedFetches } from '../consume/kafka/shared-fetches.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { MarkerLog } from '../consume/marker-log.ts'
import { ConnectorTask } from '../coordinate/connector-task.ts'
import { connectorProgress, Marks } from '../coordinate/marks.ts'
import { decoder } from '../decode/decoder.ts'
import { schemaRegistry } from '../decode/registry.ts'
import type { Log } from '../log.ts'
import { connectRest } from '../source/connect-rest.ts'
import { postgresSource } from '../source/postgres-source.ts'
import type { Outside } from './keep-view.ts'

/** What every store of a process shares. */
export function openOutside(config: Config, log: Log): Outside {
  const { kafka: brokers, callTimeoutMs, connector, publication, slot } = config
  const { sessionTimeoutMs, batchRecordsMax: recordsMax, unknownSchemaMs } = config
  const clock = systemClock
  const registry = schemaRegistry(config.registry, { callTimeoutMs })
  const changeLog = kafkaChangeLog({ brokers, callTimeoutMs, recordsMax: 1_000, log })
  const source = postgresSource({ url: config.source, publication, slot, callTimeoutMs })
  const connect = connectRest({ connect: config.connect, name: connector, callTimeoutMs })
  const fetches = new SharedFetches()
  const admin = kafkaTopicAdmin({ brokers, callTimeoutMs, log })
  const topic = `${connector}.message`
  const partitions = async () => (await admin.ends([topic])).size
  const markers = new MarkerLog({ changeLog, topic, partitions, clock, log })
  return {
    admin,
    source,
    connect,
    changeLog,
    markers,
    marks: new Marks({
      source,
      capture: connectorProgress(connect),
      markers,
      clock,
      intervalMs: config.barrierIntervalMs,
    }),
    connectorTask: new ConnectorTask({ connect, clock, log }),
    clock,
    changeSource: (of) =>
      kafkaChangeSource({ ...of, brokers, sessionTimeoutMs, recordsMax, fetches, log }),
    decoder: (of) => decoder({ ...of, registry, clock, unknownSchemaMs }),
  }
}

export async function closeOutside({ admin, source, changeLog }: Outside): Promise<void> {
  await Promise.allSettled([admin.close(), source.close(), changeLog.close()])
}
