import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { kafkaChangeLog } from '../consume/kafka/kafka-change-log.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { MarkerLog } from '../consume/marker-log.ts'
import { schemaRegistry } from '../decode/registry.ts'
import type { Log } from '../log.ts'
import { connectRest } from '../source/connect-rest.ts'
import { postgresSource } from '../source/postgres-source.ts'
import type { Outside } from './keep-view.ts'

/** What every store of a process shares. */
export function openOutside(config: Config, log: Log): Outside {
  const { kafka: brokers, callTimeoutMs, connector, publication, slot } = config
  const changeLog = kafkaChangeLog({ brokers, callTimeoutMs, recordsMax: 1_000, log })
  return {
    admin: kafkaTopicAdmin({ brokers, callTimeoutMs, log }),
    source: postgresSource({ url: config.source, publication, slot, callTimeoutMs }),
    registry: schemaRegistry(config.registry, { callTimeoutMs }),
    connect: connectRest({ connect: config.connect, name: connector, callTimeoutMs }),
    changeLog,
    markers: new MarkerLog({ changeLog, topic: `${connector}.message`, clock: systemClock, log }),
  }
}

export async function closeOutside({ admin, source, changeLog }: Outside): Promise<void> {
  await Promise.allSettled([admin.close(), source.close(), changeLog.close()])
}
