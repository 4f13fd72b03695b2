/** Faults of the source database: of its life, and of what people do to its tables. */
import { oidOf, readFingerprint } from './fingerprints.ts'
import type { Fault, Stage } from './faults.ts'
import { linger } from './work.ts'
import type { World } from './world.ts'

export const sourceFaults: Readonly<Record<string, Fault>> = {
  'the source crashes': benign(8, (stage) => {
    const { world, random } = stage
    goDown(stage, () => {
      const lost = world.database.crash()
      if (lost.length > 0) world.count('a crash took commits that had been seen')
    })
    if (random.chance(0.5)) world.connector.crash(random.between(100, 2_000))
  }),

  'the source is away': benign(2, (stage) => goDown(stage, () => {})),

  'the standby is slow': benign(5, ({ world, random }) => {
    world.standbyMs = random.between(300, 6_000)
    world.scheduler.after(random.between(500, 6_000), () => {
      world.standbyMs = 2
    })
  }),

  'questions go to a copy of the source': doubtful(2, ({ world, random }) => {
    world.asked = world.database.copy()
    world.scheduler.after(random.between(500, 9_000), () => {
      world.asked = world.database
    })
  }),

  'a table is truncated': doubtful(3, (stage) => {
    const table = stage.random.pick([...stage.world.views.tables])
    rewrite(stage, table, () => undefined)
  }),

  'a table is rewritten': doubtful(2, (stage) => {
    rewrite(stage, stage.random.pick([...stage.world.views.tables]), (row) => row)
  }),

  'a column is computed anew': doubtful(2, (stage) => {
    const { table, rowOf } = stage.world.views.computed
    rewrite(stage, table, rowOf)
  }),

  'a table is left out of the publication for a while': doubtful(4, ({ world, random }) => {
    const { database, oracle, scheduler } = world
    const table = random.pick([...world.views.tables])
    if (!database.tables.get(table)!.published) return
    database.publish(table, false)
    let mendedAt = Infinity
    oracle.taint({
      what: `${table} was not published`,
      tables: [table],
      isKnownTo: (text) => readFingerprint(text).publication >= mendedAt,
    })
    const ms = random.between(50, 6_000)
    scheduler.after(ms, () => {
      database.publish(table, true)
      mendedAt = database.publication
    })
    if (random.chance(0.5)) void linger(world, table, ms + random.between(0, 12_000))
  }),

  'a replica identity is weak for a while': doubtful(4, (stage) => {
    const { world, random } = stage
    const table = random.pick(world.views.whole)
    whenFree(stage, table, () => {
      world.database.alter(table, { identity: 'default' })
      world.scheduler.after(random.between(50, 6_000), () => {
        whenFree(stage, table, () => world.database.alter(table, { identity: 'full' }))
      })
    })
  }),

  'a column is renamed for a while': doubtful(3, (stage) => {
    const { world, random } = stage
    const [table, column] = random.pick(world.views.renamed)
    whenFree(stage, table, () => {
      const { columns } = world.database.tables.get(table)!
      world.database.alter(table, { columns: columns.filter((each) => each !== column) })
      world.scheduler.after(random.between(500, 8_000), () => {
        whenFree(stage, table, () => {
          const left = world.database.tables.get(table)!.columns
          world.database.alter(table, { columns: [...new Set([...left, column])] })
        })
      })
    })
  }),

  'the source fails over': doubtful(4, (stage) => {
    const { world, random } = stage
    const back = random.chance(0.3) ? 0 : 1 + random.below(random.chance(0.3) ? 60 : 8)
    goDown(stage, () => goBack(world, back))
    if (random.chance(0.6)) world.connector.crash(random.between(100, 2_000))
  }),

  'the slot is lost and made anew': doubtful(2, ({ world, random }) => {
    const { database, connector, oracle, scheduler, services } = world
    if (services.source.down || connector.stuck) return
    connector.fail()
    connector.stuck = true
    scheduler.after(random.between(200, 3_000), () => {
      const slot = (database.slot = database.catalog += 1)
      connector.stuck = false
      if (connector.resetTo(database.lsn) > 0) world.count('a lost slot lost changes')
      oracle.taint({
        what: 'the slot was lost',
        tables: [],
        isKnownTo: (text) => readFingerprint(text).slot >= slot,
      })
    })
  }),

  'the source is put back to an earlier state': doubtful(2, (stage) => {
    const { world, random } = stage
    const { database, connector, scheduler } = world
    goDown(stage, () => {
      connector.fail()
      goBack(world, Math.ceil(database.log.length * random.between(0.2, 0.8)))
      // Its slot is gone: until somebody lets it go on from here, every start fails.
      connector.stuck = true
      scheduler.after(random.between(1_000, 6_000), () => {
        connector.stuck = false
        connector.resetTo(database.lsn)
      })
    })
  }),
}

function benign(weight: number, play: Fault['play']): Fault {
  return { benign: true, weight, play }
}

function doubtful(weight: number, play: Fault['play']): Fault {
  return { benign: false, weight, play }
}

/** The server is down, and what `act` does has happened before it is there again. */
function goDown({ world, random }: Stage, act: () => void): void {
  const { source } = world.services
  source.down = true
  act()
  if (world.fullPace) world.count('full pace was lost with its session')
  world.fullPace?.lost.abort()
  world.scheduler.after(random.between(100, 4_000), () => {
    source.down = false
    world.connector.wake()
  })
}

/** Another server goes on, without the last commits. */
function goBack(world: World, commits: number): void {
  const { database, oracle } = world
  const lsn = database.log.at(-1 - commits)?.lsn ?? database.log[0]?.lsn ?? database.lsn
  const lost = database.failOver(lsn)
  if (lost.length > 0) world.count('a failover lost commits')
  if (lost.some(({ changes }) => changes.some(({ emitted }) => emitted))) {
    world.count('a failover lost commits that the log has')
  }
  const { timeline } = database
  oracle.taint({
    what: 'the source goes on another history',
    tables: [],
    isKnownTo: (text) => Number(readFingerprint(text).history.split('/')[1]) >= timeline,
  })
}

/** As soon as nobody holds a lock on the table. */
function whenFree(stage: Stage, table: string, act: () => void): void {
  const { world, random } = stage
  if (!world.database.isLocked(table) && !world.services.source.down) return act()
  world.scheduler.after(random.between(50, 800), () => {
    whenFree(stage, table, act)
  })
}

type RowMaker = Parameters<World['database']['rewrite']>[1]

function rewrite(stage: Stage, table: string, rowOf: RowMaker): void {
  const { world } = stage
  whenFree(stage, table, () => {
    const { database, oracle } = world
    let file = Infinity
    oracle.taint({
      what: `${table} was rewritten`,
      tables: [table],
      isKnownTo: (text) =>
        (readFingerprint(text).tables[table]?.files[oidOf(world, table)] ?? 0) >= file,
    })
    const entry = database.rewrite(table, rowOf)
    file = database.tables.get(table)!.file
    oracle.committed(entry)
  })
}
