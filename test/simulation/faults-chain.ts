/** Faults of the connector and of the topics that it writes to. */
import { mayBeGone } from '../../src/consume/record-identity.ts'
import { messageTopic, topicOfTable } from './connector.ts'
import { readFingerprint } from './fingerprints.ts'
import type { Fault, Stage } from './faults.ts'
import type { Partition, Topic } from './topics.ts'
import { deleteAll, linger } from './work.ts'
import type { World } from './world.ts'

export const chainFaults: Readonly<Record<string, Fault>> = {
  'the connector crashes': benign(7, ({ world, random }) => {
    for (let turn = 1 + random.below(3); turn > 0; turn -= 1) {
      world.scheduler.after(random.between(0, 3_000), () => {
        world.connector.crash(random.between(20, 1_500))
      })
    }
  }),

  "the connector's task fails": benign(2, ({ world }) => world.connector.fail()),

  'the connector is slow': benign(4, ({ world, random }) => {
    const { connector } = world
    connector.slowness = random.between(0.2, 0.9)
    connector.flushMs = random.between(200, 3_000)
    world.scheduler.after(random.between(500, 6_000), () => {
      connector.slowness = 0.02
      connector.flushMs = 150
    })
  }),

  'an incremental snapshot is taken': benign(1, ({ world }) =>
    world.connector.task?.snapshot(true),
  ),

  'a connector is replaced and goes on': doubtful(12, ({ world, random }) => {
    world.connector.slowness = 0.7
    world.scheduler.after(random.between(0, 400), () => {
      world.connector.replace(random.between(200, 8_000))
      world.connector.slowness = 0.02
    })
  }),

  "the connector's offsets are lost": doubtful(3, ({ world, random }) => {
    const { connector, services } = world
    if (random.chance(0.5) || services.source.down) return connector.loseOffsets()
    // Nothing is left of a table that a snapshot could tell of.
    connector.crash(2_000)
    void deleteAll(world, random.pick([...world.views.tables])).then(() => connector.loseOffsets())
  }),

  "the connector's configuration is altered": doubtful(2, ({ world, random }) => {
    const { connector } = world
    connector.settings = { ...connector.settings, 'snapshot.fetch.size': String(random.below(99)) }
  }),

  'keys get another schema': doubtful(3, ({ world, random }) => {
    const { connector, scheduler } = world
    // What it has not committed then comes again, with other keys.
    connector.flushMs = 9_000
    connector.slowness = random.between(0, 0.6)
    scheduler.after(random.between(100, 1_500), () => {
      connector.keySchema += 1
      if (random.chance(0.8)) connector.crash(random.between(20, 500))
      connector.flushMs = 150
      connector.slowness = 0.02
    })
  }),

  'retention takes the beginning of a log': doubtful(5, (stage) => {
    const { world, cast, random } = stage
    const take = () => {
      const partition = anyPartition(stage)
      if (!partition) return
      retain(world, partition, random.chance(0.5) ? 1 : random.next())
      if (random.chance(0.3)) retain(world, world.broker.partition(messageTopic, 0)!, 1)
    }
    if (random.chance(0.4)) return take()
    // Nobody works for longer than it keeps what comes.
    for (const life of cast.lives) cast.kill(life, random.between(3_500, 6_000))
    for (let count = 0; count < 4; count += 1) world.scheduler.after(3_000, take)
  }),

  'nobody works for days': doubtful(3, ({ world, cast, random }) => {
    for (const life of cast.lives) cast.kill(life, random.between(3_000, 5_000))
    for (let day = 0; day < 3; day += 1) {
      world.scheduler.after(random.between(0, 2_900), () => {
        world.scheduler.leap(86_400_000)
        for (const topic of world.broker.topics.values()) {
          compact(world, topic)
        }
      })
    }
  }),

  'a log loses its end': doubtful(5, (stage) => {
    const { world, random } = stage
    const partition = anyPartition(stage)
    if (!partition) return
    const grows = random.chance(0.6)
    cut(world, partition, 1 + random.below(grows ? 2 : 6))
    if (!grows) return
    const { end } = partition
    // It grows beyond where it was before anybody reads it again.
    partition.unreadable = true
    partition.wakeAll()
    const table = tableOf(partition)
    for (let count = 0; count < 8; count += 1) void linger(world, table, random.between(0, 300))
    world.scheduler.after(random.between(500, 2_500), () => {
      partition.unreadable = false
      if (partition.end > end) world.count('a log was cut and grew again before it was read')
    })
  }),

  'a topic is made anew': doubtful(3, (stage) => {
    const { world, random } = stage
    const table = random.pick([...world.views.tables])
    const { length } = world.topicOf(table)?.partitions ?? []
    const count = random.chance(0.7) ? length : 1 + random.below(3)
    if (random.chance(0.5)) return makeAnew(stage, { table, count, goneMs: 0 })
    // What nothing was applied from can't tell by itself that it is another one.
    const quiet = [...world.views.tables].filter((each) => isQuiet(world, each))
    const other = quiet.length > 0 ? random.pick(quiet) : table
    const least = world.topicOf(other)?.partitions.length ?? 1
    const goneMs = random.between(200, 9_000)
    makeAnew(stage, { table: other, count: least + random.below(3), goneMs })
  }),

  'a topic gets more partitions': doubtful(3, ({ world, random }) => {
    const { broker, oracle, connector, scheduler } = world
    const table = random.pick([...world.views.tables])
    const name = topicOfTable(table)
    const topic = world.topicOf(table)
    const count = (topic?.partitions.length ?? 4) + 1
    if (!topic || count > 4) return
    broker.grow(name, count)
    oracle.taint({
      what: `topic ${name} has ${count} partitions`,
      tables: [table],
      // Or it was made anew before anybody saw them.
      isKnownTo: (text) =>
        (readFingerprint(text).topics[name]?.partitions ?? 0) >= count ||
        idOf(text, name) > Number(topic.id.split('-')[1]),
    })
    scheduler.after(random.between(0, 9_000), () => connector.task?.refresh())
  }),

  "a topic's settings are altered": doubtful(2, ({ world, random }) => {
    const topic = world.topicOf(random.pick([...world.views.tables]))
    if (topic) topic.compactionLagMs += 60_000
  }),

  'records make no sense': doubtful(4, ({ world, random }) => {
    world.connector.garbles = 1 + random.below(4)
  }),

  'a partition has no leader for a while': benign(5, (stage) => {
    const partition = anyPartition(stage)
    if (!partition) return
    partition.unreadable = true
    partition.wakeAll()
    stage.world.scheduler.after(stage.random.between(500, 14_000), () => {
      partition.unreadable = false
    })
  }),
}

function benign(weight: number, play: Fault['play']): Fault {
  return { benign: true, weight, play }
}

function doubtful(weight: number, play: Fault['play']): Fault {
  return { benign: false, weight, play }
}

/** Whether the view goes on, and nothing was applied from the table's topic. */
function isQuiet({ store, topicOf }: World, table: string): boolean {
  const { partitions = [] } = topicOf(table) ?? {}
  const checkpoints = partitions.map(({ name }) => store.data.checkpoints.get(name))
  return checkpoints.length > 0 && checkpoints.every((at) => at && !at.last)
}

type Anew = { readonly table: string; readonly count: number; readonly goneMs: number }

/** Deletes the table's topic, and makes another one of its name so much later. */
function makeAnew({ world }: Stage, { table, count, goneMs }: Anew): void {
  const { broker, oracle, connector, scheduler } = world
  const topic = world.topicOf(table)
  if (!topic) return
  const { name } = topic
  let madeAnew = Infinity
  const make = () => {
    madeAnew = Number(broker.create(name, count).id.split('-')[1])
  }
  broker.remove(name)
  for (const partition of topic.partitions) oracle.restarted(partition.name)
  oracle.taint({
    what: `topic ${name} was made anew`,
    tables: [table],
    isKnownTo: (text) => idOf(text, name) >= madeAnew,
  })
  if (goneMs === 0) return make()
  scheduler.after(goneMs, () => {
    make()
    // Whoever could not write asks how many partitions there are by now.
    connector.task?.refresh()
    connector.wake()
  })
}

function tableOf({ name }: Partition): string {
  return name.split('/')[0]!.split('.').at(-1)!
}

/** Topics that are made later have greater ids. */
function idOf(fingerprint: string, topic: string): number {
  return Number(readFingerprint(fingerprint).topics[topic]?.id.split('-')[1] ?? 0)
}

/** None while its topic is not there. */
function anyPartition({ world, random }: Stage): Partition | undefined {
  const topic = world.topicOf(random.pick([...world.views.tables]))
  return topic && random.pick(topic.partitions)
}

/** Takes this share of the log. */
function retain(world: World, partition: Partition, share: number): void {
  world.broker.retain(partition, Math.floor(partition.end * share))
  const applied = world.store.data.checkpoints.get(partition.name)
  if (applied && partition.start > Number(applied.windowFrom)) {
    world.count('retention took what a checkpoint needs')
  }
}

function compact(world: World, topic: Topic): void {
  const before = topic.partitions.map(({ records }) => records)
  if (world.broker.compact(topic) === 0) return
  world.count('compaction took records')
  const takesUnread = topic.partitions.some(({ name, records }, index) => {
    const next = world.store.data.checkpoints.get(name)?.next
    const left = new Set(records)
    return next !== undefined && before[index]!.some((it) => it.offset >= next && !left.has(it))
  })
  if (takesUnread) world.count('compaction took records that were not applied yet')
}

function cut(world: World, partition: Partition, records: number): void {
  const { broker, oracle, store } = world
  if (partition.records.length === 0) return
  const end = partition.records.at(-records)?.at ?? partition.start
  const applied = () => store.data.checkpoints.get(partition.name)
  const { last } = applied() ?? {}
  broker.cut(partition, end)
  // Of some of them compaction had taken the records before.
  for (const change of world.database.log.flatMap(({ changes }) => changes)) {
    if (change.emitted?.log !== partition || change.emitted.offset < end) continue
    change.emitted = undefined
    change.lost = true
  }
  world.count('a log lost its end')
  if (Number(applied()?.next ?? 0) > end) world.count('a log was cut below its checkpoint')
  oracle.taint({
    what: `${partition.name} lost its end`,
    isLeftBehindBy: (name) => name === partition.name,
    tables: [tableOf(partition)],
    isNoticedBy: ({ code, reason }) => code === 'another-log' && reason.includes(partition.name),
    isSilent: () => {
      // What nobody has applied is lost without a trace: an error that looks alone find.
      if (Number(applied()?.next ?? 0) <= end) return true
      // What nothing was applied from since the view began there proves nothing either.
      if (!store.hasApplied.has(partition.name)) return true
      // So is a delete that was applied last, if nothing stands in its place: it may be compacted.
      return (
        mayBeGone(last?.hash ?? '') &&
        !partition.records.some(({ offset }) => offset === last?.offset)
      )
    },
  })
}
