import type { TopicAdmin } from '../consume/change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { createCommandLog } from '../log.ts'
import type { ConnectAddress } from '../source/connect-call.ts'
import { SourceDatabase } from '../source/source-database.ts'
import type { PlanParts } from './words.ts'

/** What a plan is made with. */
export type Tools = {
  /** The source, by the role that may change it. */
  readonly owner: SourceDatabase
  readonly ownerUrl: string
  readonly admin: TopicAdmin
  readonly connect: ConnectAddress
}

export async function withTools<T>(
  { project: { config } }: PlanParts,
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { callTimeoutMs, kafka: brokers } = config
  const log = createCommandLog(config.logLevel, 'plan')
  const ownerUrl = config.sourceOwner ?? config.source
  const tools: Tools = {
    ownerUrl,
    owner: new SourceDatabase({
      url: ownerUrl,
      connectionsMax: 2,
      messageTimeoutMs: callTimeoutMs * 2,
      connectTimeoutMs: callTimeoutMs,
    }),
    admin: kafkaTopicAdmin({ brokers, log, callTimeoutMs }),
    connect: { connect: config.connect, name: config.connector, callTimeoutMs },
  }
  try {
    return await work(tools)
  } finally {
    await Promise.allSettled([tools.owner.close(), tools.admin.close()])
  }
}
