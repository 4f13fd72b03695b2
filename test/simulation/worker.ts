/** One process of Millrace: what the role `worker` runs, in the simulated world. */
import { readConfig, type Config } from '../../src/config.ts'
import { MarkerLog } from '../../src/consume/marker-log.ts'
import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { connectorProgress, Marks, type MarksParts } from '../../src/coordinate/marks.ts'
import type { OwnView } from '../../src/coordinate/view-plan.ts'
import { keepView, type Outside } from '../../src/roles/keep-view.ts'
import { tablesOf } from '../../src/view/view.ts'
import { connectorName, connectOf, messageTopic } from './connector.ts'
import { DatabaseSource } from './database-source.ts'
import { simulatedDecoder } from './decoder.ts'
import { changeSourceOf } from './groups.ts'
import type { Process } from './process.ts'
import { prober } from './prober.ts'
import { changeLogOf, topicAdminOf } from './topic-clients.ts'
import type { World } from './world.ts'

/** Runs until `signal` aborts, or its process is killed. */
export async function runWorker(
  world: World,
  process: Process,
  own: OwnView,
  signal: AbortSignal,
): Promise<void> {
  const log = world.logOf(process)
  const store = world.store.client(process)
  const { clock } = process
  const changeLog = changeLogOf(world, process)
  const source = new DatabaseSource(world, process)
  const connect = connectOf(world, process)
  const markers = new MarkerLog({
    changeLog,
    topic: messageTopic,
    partitions: async () => 1,
    clock,
    log,
  })
  const capture = connectorProgress(connect)
  const { barrierIntervalMs: intervalMs } = usual
  const outside: Outside = {
    admin: topicAdminOf(world, process),
    source,
    connect,
    changeLog,
    markers,
    marks: new Marks({ source, capture, markers: counting(world, markers), clock, intervalMs }),
    connectorTask: new ConnectorTask({ connect, clock, log }),
    clock,
    changeSource: ({ topic }) => changeSourceOf(world, process, topic),
    decoder: ({ view, table }) => simulatedDecoder({ world, process, view, table }),
  }
  const tables = tablesOf(own.view)
  const config = { ...usual, identitiesPerPartitionMax: world.identitiesMax }
  const parts = { own, store, outside, tables, config, holder: process.name, log, share: 1 }
  await Promise.all([
    outside.markers.run(signal),
    keepView(parts, signal),
    prober({ ...parts, world, process }, signal),
  ])
}

/** Counts what a marker that came in a transaction of the connector's has shown. */
function counting(world: World, markers: MarkerLog): MarksParts['markers'] {
  return {
    ready: () => markers.ready(),
    arrival: (marker, signal) => markers.arrival(marker, signal),
    readThrough: (sinceMs, signal) => markers.readThrough(sinceMs, signal),
    inTransaction: (marker) => {
      const isInTransaction = markers.inTransaction(marker)
      if (isInTransaction) world.count('a marker came in a transaction of the connector')
      return isInTransaction
    },
  }
}

const usual: Config = readConfig({
  MILLRACE_CONNECTOR: connectorName,
  MILLRACE_PUBLICATION: connectorName,
  MILLRACE_SLOT: connectorName,
})
