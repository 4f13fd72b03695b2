/** One schedule: what happens in it is drawn from its seed, ahead, and then played. */
import { Cast } from './cast.ts'
import { familyOf, type FamilyName } from './families.ts'
import { drawClockFaults, drawFaults, playFault, type FaultStep } from './faults.ts'
import { mergedView } from '../../src/coordinate/view-plan.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import type { Held } from '../../src/store/memory/data.ts'
import { truthPage } from './database-source.ts'
import { Readers } from './readers.ts'
import { Random } from './random.ts'
import { letGo } from './faults-clock.ts'
import { drawWork, work, type WorkStep } from './work.ts'
import { plain } from './plain.ts'
import { ScheduleFailure, World } from './world.ts'

export type Schedule = {
  readonly seed: number
  readonly family: FamilyName
  readonly hostileMs: number
  /** True where nothing that happens may bring anything into doubt. */
  readonly benign: boolean
  readonly workers: number
  readonly work: readonly WorkStep[]
  readonly faults: readonly FaultStep[]
}

export type Outcome = {
  readonly failure: Error | undefined
  readonly counts: ReadonlyMap<string, number>
  readonly virtualMs: number
}

const calmMs = 400_000
/** How far the bound may be behind the source's clock when all is well. */
const mendedLagSeconds = 15
const endMs = 120_000

/** Of the same seed, but for what it is about, schedules of all families are alike. */
export function drawSchedule(seed: number, family = familyOf(seed)): Schedule {
  const random = new Random(seed)
  // Long enough now and then for barriers to be forgotten.
  const long = random.chance(0.02)
  const hostileMs = long ? random.between(80_000, 110_000) : random.between(5_000, 20_000)
  const benign = random.chance(0.35)
  const schedule = {
    seed,
    family,
    hostileMs,
    benign,
    workers: 1 + random.below(3),
    work: drawWork(random.fork(), hostileMs),
  }
  const drawing = { untilMs: hostileMs, benign }
  const faults = drawFaults(random.fork(), drawing)
  if (family !== 'windows') return { ...schedule, faults }
  const more = drawClockFaults(random.fork(), drawing)
  return { ...schedule, faults: [...faults, ...more].toSorted((a, b) => a.atMs - b.atMs) }
}

export async function play(schedule: Schedule, trace?: (line: string) => void): Promise<Outcome> {
  const counts = new Map<string, number>()
  const count = (kind: string, times = 1) => counts.set(kind, (counts.get(kind) ?? 0) + times)
  const { seed, family, benign } = schedule
  const world = new World({ seed, family, benign, count, trace })
  const random = Math.random
  const { stackTraceLimit } = Error
  Math.random = () => world.random.process.next()
  // Most faults of the world are thrown for nobody to read: a replay with a trace has the stacks.
  if (!trace) Error.stackTraceLimit = 0
  try {
    await new Play(world, schedule).run()
  } catch (error) {
    world.failure ??= error as Error
  } finally {
    Math.random = random
    Error.stackTraceLimit = stackTraceLimit
  }
  const outcome = {
    failure: world.failure,
    counts: new Map(counts),
    virtualMs: world.scheduler.activeMs,
  }
  world.close()
  return outcome
}

class Play {
  readonly #world: World
  readonly #schedule: Schedule
  readonly #readers: Readers
  readonly #cast: Cast

  constructor(world: World, schedule: Schedule) {
    this.#world = world
    this.#schedule = schedule
    this.#readers = new Readers(world)
    this.#cast = new Cast(world)
  }

  async run(): Promise<void> {
    const { hostileMs } = this.#schedule
    this.#begin()
    await this.#until(() => this.#world.scheduler.activeMs >= hostileMs)
    this.#calm()
    await this.#until(() => this.#isRight(), calmMs)
    if (this.#world.failure) return
    if (!this.#isRight()) throw new ScheduleFailure(`it does not come right: ${this.#report()}`)
    await this.#end()
  }

  #begin(): void {
    const world = this.#world
    const { scheduler, connector } = world
    connector.start(100)
    for (let count = 0; count < this.#schedule.workers; count += 1) this.#cast.start()
    for (const step of this.#schedule.faults) {
      scheduler.at(step.atMs, () => playFault(world, this.#cast, step))
    }
    for (const step of this.#schedule.work) {
      scheduler.at(step.atMs, () => {
        this.#watched(work(world, step))
      })
    }
    const read = () => {
      this.#watched(this.#readers.read())
      scheduler.after(world.random.reader.between(50, 500), read)
    }
    read()
  }

  #calm(): void {
    const { services, connector, say } = this.#world
    say(() => 'everything is mended')
    for (const service of Object.values(services))
      Object.assign(service, { trouble: 0, down: false })
    connector.slowness = 0.02
    this.#cast.complete()
    this.#applyAgain()
    this.#mendConnector()
    if (this.#world.family === 'windows') this.#mendClock()
  }

  /** The source's clock is put right, and whoever looks after the view lets go what has waited. */
  #mendClock(): void {
    const { scheduler, keeping } = this.#world
    this.#world.sourceOffsetMs = 0
    if (keeping.lagSeconds() > mendedLagSeconds) letGo(this.#world)
    scheduler.after(10_000, () => this.#mendClock())
  }

  /** A worker that writes down what it has done may overwrite what was applied just then. */
  #applyAgain(): void {
    const { store, scheduler, count } = this.#world
    const { wanted } = store.data
    if (wanted && wanted.declaration !== this.#cast.wanted.id) {
      count('a declaration was applied again')
      store.data.wanted = { ...wanted, declaration: this.#cast.wanted.id, prune: false, sweep: [] }
    }
    scheduler.after(30_000, () => this.#applyAgain())
  }

  /** A connector that waits for positions of a history that is over needs somebody. */
  #mendConnector(): void {
    const { connector, database, scheduler } = this.#world
    if (connector.reachedLsn > database.lsn) connector.resetTo(database.lsn)
    scheduler.after(10_000, () => this.#mendConnector())
  }

  /** Nothing is in doubt, the watermark has passed everything, and every entry equals the rows. */
  #isRight(): boolean {
    const { store, database, oracle } = this.#world
    const { state } = store.data
    if (!state || state.doubts.length > 0 || oracle.unnoticedServed.length > 0) return false
    if (state.declarations.some(({ complete }) => !complete)) return false
    if (store.data.watermark?.history !== database.history) return false
    const { wanted } = store.data
    if (wanted && (wanted.sweep.length > 0 || (wanted.prune && state.declarations.length > 1))) {
      return false
    }
    if (Number(state.watermark ?? 0) <= this.#lastLsn()) return false
    if (this.#world.keeping.lagSeconds() > mendedLagSeconds) return false
    return oracle.plantedLeft === 0 && this.#differences().length === 0
  }

  /** Of the last commit that changed a row. */
  #lastLsn(): number {
    return this.#world.database.log.findLast(({ changes }) => changes.length > 0)?.lsn ?? 0
  }

  /** Entries of the store that are not what the rows say, or that should not be there. */
  #differences(): readonly string[] {
    const { store, database, keeping } = this.#world
    const view = mergedView(store.data.state!)
    const rows = (table: string) =>
      [...database.tables.get(table)!.rows.values()].map(({ row }) => row)
    const { entries } = truthPage(
      rows,
      view,
      { kind: 'range', after: undefined, keysMax: 1e9, keepFrom: store.data.state!.keepFrom },
      { rangeKeysMax: 1e9, cellsMax: 1e9 },
    )
    const { counts, fields: named, tallies } = view.layout
    const declared = new Set([...counts, ...[...named, ...tallies].map(({ name }) => name)])
    // A tally of a declaration that went with a lost state is no part of an entry, and shown to nobody.
    const isForgotten = ({ fields, counts: numbers, tallies: others }: Held) =>
      fields === null &&
      Object.keys(numbers).length === 0 &&
      ![...(others?.keys() ?? [])].some((name) => declared.has(name))
    const lying = new Map([...store.data.entries].filter(([, value]) => !isForgotten(value)))
    const held = [...lying].flatMap(([key, value]): [string, string][] =>
      keeping.mayLie(key) ? [] : [[key, encodeEntry(view.layout, key, value, 1e9)]],
    )
    const differing = held.filter(([key, text]) => entries.get(key) !== text)
    const missing = [...entries].filter(([key]) => !lying.has(key))
    // Where nothing was lost, nothing is left of declarations that were ended.
    const left = this.#schedule.benign
      ? [...store.data.entries].flatMap(([key, lies]) =>
          namesOf(lies).flatMap((name) =>
            declared.has(name) ? [] : [`${key} has ${name}, which nobody declares`],
          ),
        )
      : []
    return [
      ...differing.map(([key, text]) => `${key} is ${text}, not ${entries.get(key) ?? 'nothing'}`),
      ...left,
      ...missing.map(([key, text]) => `${key} is missing: ${text}`),
    ]
  }

  async #end(): Promise<void> {
    const { lives } = this.#world
    this.#cast.end()
    await this.#until(() => [...lives].every(({ over }) => over), endMs)
    const left = [...lives].filter(({ over }) => !over)
    if (left.length === 0) return this.#replay()
    const waits = left.map(({ process }) => `${process.name} (${process.asked.join()})`)
    throw new ScheduleFailure(`told to end, they did not: ${waits.join()}`)
  }

  /** Every correction comes once more: what it needs is gone, or it does no harm. */
  async #replay(): Promise<void> {
    const { store, oracle, count } = this.#world
    const { layout } = mergedView(store.data.state!)
    const before = new Map(store.data.entries)
    // A store that went back has lost corrections, and not their tickets: it is wrong where it did so
    // while the workers ended, and people may have put it right before.
    const excused = new Set(oracle.mismatches().map(({ key }) => key))
    for (const step of store.corrections.filter(({ epoch }) => epoch === store.data.state!.epoch)) {
      const tallies = new Set(layout.tallies.map(({ name }) => name))
      const fits = step.corrections.every(
        ({ add, cells }) =>
          Object.keys(add).every((name) => layout.counts.includes(name)) &&
          [...(cells?.keys() ?? [])].every((name) => tallies.has(name)),
      )
      if (!fits) continue
      for (const { entry } of step.corrections) {
        if (store.isAlteredSince(step.ticket, entry)) excused.add(entry)
      }
      const ticketed = step.corrections.some(({ entry }) =>
        [store.data.tickets, store.data.rowTickets].some((each) => each.get(entry) === step.ticket),
      )
      count(ticketed ? 'a correction came again, with a ticket' : 'a correction came again in vain')
      await store.direct.audit(layout).correct(step)
    }
    const altered = [...before.keys(), ...store.data.entries.keys()].filter(
      (key) =>
        !oracle.isBelow(key) &&
        !excused.has(key) &&
        JSON.stringify(before.get(key), plain) !==
          JSON.stringify(store.data.entries.get(key), plain),
    )
    if (altered.length > 0) throw new ScheduleFailure(`corrections came twice: ${altered.join()}`)
  }

  async #until(reached: () => boolean, withinMs = Infinity): Promise<void> {
    const { scheduler } = this.#world
    const untilMs = scheduler.activeMs + withinMs
    let lookAtMs = 0
    await scheduler.run(() => {
      if (this.#world.failure || scheduler.activeMs > untilMs) return true
      if (withinMs !== Infinity && scheduler.activeMs < lookAtMs) return false
      lookAtMs = scheduler.activeMs + 500
      return reached()
    })
  }

  #watched(act: Promise<unknown>): void {
    act.catch((error: unknown) => {
      this.#world.failure ??= error as Error
    })
  }

  #report(): string {
    const { store, database, oracle } = this.#world
    const { state } = store.data
    return JSON.stringify(
      {
        watermark: state?.watermark,
        last: this.#lastLsn(),
        lsn: database.lsn,
        doubts: state?.doubts,
        declarations: state?.declarations.map(({ id, complete }) => [id, complete]),
        unnoticed: oracle.unnoticed.map(({ what }) => what),
        bound: state?.keepFrom,
        boundBehind: this.#world.keeping.lagSeconds(),
        differences: this.#differences(),
        problems: store.data.problems,
      },
      plain,
    )
  }
}

/** What lies in the store under an entry. */
function namesOf({ fields, counts, tallies }: Held): readonly string[] {
  return [...Object.keys({ ...fields, ...counts }), ...(tallies?.keys() ?? [])]
}
