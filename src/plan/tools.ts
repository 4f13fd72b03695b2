import type { TopicAdmin } from '../consume/change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { createCommandLog, createLog, type Log } from '../log.ts'
import type { ConnectAddress } from '../source/connect-call.ts'
import { SourceDatabase } from '../source/source-database.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import type { View } from '../view/view.ts'
import type { PlanConfig, PlanParts } from './words.ts'

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
  const log = planLog(config)
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

/** Opens the store of one view for `work`, which only reads there, and closes it afterwards. */
export async function withStoreToRead<T>(
  name: PlanConfig['stores'][number],
  { config, view }: { readonly config: PlanConfig; readonly view: View },
  work: (store: ViewStore) => Promise<T>,
): Promise<T> {
  const store = await openStore(name, { config, view, readOnly: true, log: planLog(config) })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** What is wrong is in the plan; the log is for who asked for more. */
export function planLog({ logLevel }: PlanConfig): Log {
  const asked = logLevel === 'debug' || logLevel === 'trace'
  return asked ? createCommandLog(logLevel, 'plan') : createLog('silent', 'plan')
}
