/**
 * The memory store as processes meet it: every method is a call that may go wrong, and after every
 * step the oracle looks at what it has done.
 */
import type { Fields } from '../../src/mutation.ts'
import { parseTopicPartition, topicPartitionName } from '../../src/position.ts'
import type {
  CorrectionResult,
  CorrectionStep,
  LookAnswer,
  LookQuestion,
  ProgressStep,
} from '../../src/store/audit.ts'
import type { Beginning, Observation, Turn } from '../../src/store/coordination.ts'
import { emptyData, type MemoryData } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { partitionsOf, restartOf } from '../../src/store/restart.ts'
import type { Barrier, Checkpoint, Doubt, Epoch } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import type { KeepStep, Removal } from '../../src/store/keeping.ts'
import type { ItemsAnswer, ItemsQuestion } from '../../src/store/tallies.ts'
import type { Commit, CommitResult } from '../../src/store/writer.ts'
import type { LogEntry } from './database.ts'
import { BelowZero } from './below-zero.ts'
import { componentOf, type OracleMemory } from './oracle.ts'
import { plain } from './plain.ts'
import { beginningMs, type Process } from './process.ts'
import { presenceWatch } from './presence.ts'
import { cellsMax } from './tables.ts'
import { Tickets } from './tickets.ts'
import type { Meaning } from './topics.ts'
import type { World } from './world.ts'

export type StoreCopy = {
  readonly data: MemoryData
  readonly oracle: OracleMemory
  readonly served: ReadonlySet<string>
  readonly hasApplied: ReadonlySet<string>
}

type Checked = { lives: number; history: string; lsn: number }

export class SimulatedStore {
  readonly data: MemoryData = emptyData()
  wallOffsetMs = 0
  /** Counts how often the store was set back or emptied. */
  lives = 0
  /** Every correction that was ever asked for. */
  readonly corrections: CorrectionStep[] = []
  /** Who wants to know at the moment at which entries are looked at. */
  readonly onLook = new WeakMap<object, () => void>()
  /** Ids of declarations that were served. */
  served = new Set<string>()
  /** Partitions of which records were applied since their checkpoints were set to where they began. */
  hasApplied = new Set<string>()
  /** Entries of which a commit had told, while the view was filled, that a count was below zero. */
  readonly belowInBuild = new Set<string>()
  readonly #world: World
  readonly #store: ViewStore
  readonly #belowZero: BelowZero
  readonly #tickets = new Tickets()
  /** `ticket entry` of what was altered by hand with the ticket there. */
  readonly #alteredSince = new Set<string>()
  /** How far barriers, and the watermark, were checked. */
  readonly #published: Checked = { lives: 0, history: '', lsn: 0 }
  readonly #advanced: Checked = { lives: 0, history: '', lsn: 0 }

  constructor(world: World) {
    this.#world = world
    const wallMs = () => Math.floor(beginningMs + world.scheduler.nowMs + this.wallOffsetMs)
    const clock = {
      wallMs,
      monotonicMs: () => world.scheduler.nowMs,
      sleep: () => Promise.resolve(),
    }
    this.#store = memoryStore(clock, this.data, { cellsMax })
    this.#belowZero = new BelowZero(world, this.data)
  }

  /** Without trouble, for who only looks. */
  get direct(): ViewStore {
    return this.#store
  }

  client(process: Process): ViewStore {
    const { watchable, coordination, reader, writer, audit, tallies, keeping, name } = this.#store
    const through = <T extends object>(target: T) => this.#through(process, target)
    return {
      name,
      watchable: through(watchable),
      coordination: through(coordination),
      reader: (layout, served) => through(reader(layout, served)),
      writer: (layout) => through(writer(layout)),
      audit: (layout) => through(audit(layout)),
      tallies: (layout) => through(tallies(layout)),
      keeping: (layout) => this.#through(process, keeping(layout), keepingNames),
      faults: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    }
  }

  copy(): StoreCopy {
    return {
      data: copyOf(this.data),
      oracle: this.#world.oracle.remember(),
      served: new Set(this.served),
      hasApplied: new Set(this.hasApplied),
    }
  }

  /** Somebody has altered the entry by hand: what a look has found of it may be right by now. */
  altered(key: string): void {
    for (const each of [this.data.tickets, this.data.rowTickets]) {
      const ticket = each.get(key)
      if (ticket !== undefined) this.#alteredSince.add(`${ticket} ${key}`)
    }
  }

  isAlteredSince(ticket: string, key: string): boolean {
    return this.#alteredSince.has(`${ticket} ${key}`)
  }

  restore({ data, oracle, served, hasApplied }: StoreCopy): void {
    Object.assign(this.data, copyOf(data))
    this.served = new Set(served)
    this.hasApplied = new Set(hasApplied)
    this.lives += 1
    this.#world.oracle.recall(oracle)
    this.#world.keeping.restored()
  }

  empty(): void {
    Object.assign(this.data, emptyData())
    this.served.clear()
    this.lives += 1
    const { oracle } = this.#world
    oracle.recall({ ...oracle.remember(), planted: new Set() })
  }

  loseState(): void {
    this.data.state = undefined
    this.served.clear()
    this.lives += 1
  }

  /** `names` are what the methods are called here, where that is not as they are. */
  #through<T extends object>(
    process: Process,
    target: T,
    names: Readonly<Record<string, string>> = {},
  ): T {
    const { services } = this.#world
    const known = new Map<string, unknown>()
    return new Proxy(target, {
      get: (_, property: string) => {
        const method: unknown = Reflect.get(target, property)
        const name = names[property] ?? property
        if (typeof method !== 'function') return method
        if (!known.has(name)) {
          known.set(name, (...given: unknown[]) => {
            const answered = this.#belowZero.asked(process, name, given)
            const answer = process.call(services.store, name, () => {
              const compared = comparisonOf(this.data, name, given)
              const after = this.#before(process, name, given)
              this.#say(process, name, given)
              return (method.apply(target, given) as Promise<unknown>).then((result) => {
                if (compared && isDone(result))
                  this.#world.fail(`${name} went through: ${compared}`)
                after?.(result)
                this.#world.keeping.unchanged(name)
                return result
              })
            })
            return answered ? answer.then(answered) : answer
          })
        }
        return known.get(name)
      },
    })
  }

  /** Calls that matter to who reads a trace. */
  #say(process: Process, method: string, given: readonly unknown[]): void {
    if (quiet.has(method)) return
    this.#world.say(() => `${process.name} ${method} ${JSON.stringify(given, plain).slice(0, 400)}`)
  }

  /** What is to be looked at once the method has done its work. */
  #before(
    process: Process,
    method: string,
    [first, second]: readonly unknown[],
  ): ((result: unknown) => void) | undefined {
    switch (method) {
      case 'commit':
        return this.#commit(process, first as Commit)
      case 'correct':
        return this.#correct(first as CorrectionStep)
      case 'look':
        return (result) => this.#look(first as LookQuestion | ItemsQuestion, result as LookAnswer)
      case 'progress':
        this.#overlap(process)
        return (result) => this.#progress(first as ProgressStep, result as boolean)
      case 'turn':
        return this.#turn(process, first as Turn)
      case 'advance':
        this.#overlap(process)
        return this.#advance(first as Epoch, second as Barrier)
      case 'observe':
        this.#overlap(process)
        return (result) => this.#observe(first as Observation, result as boolean)
      case 'lease':
        return this.#lease(process)
      case 'open':
        return (result) => {
          if (result === undefined) return
          const { fingerprint, barrier } = first as Beginning
          this.hasApplied.clear()
          this.#world.keeping.opened()
          this.#world.oracle.begun(fingerprint, Number(barrier.lsn))
          this.#world.database.hideUncaptured()
          this.#world.count('the view was begun')
          this.#checkAll('the view was begun')
        }
      case 'raise':
        return () => {
          this.#world.count(`doubt: ${(second as Doubt).code}`)
          this.#checkAll('a doubt was raised')
        }
      case 'raiseBound':
        return this.#world.keeping.raise(first as KeepStep)
      case 'removeBelow':
        return this.#world.keeping.remove(first as Removal)
      case 'report':
        if (first !== 'keep') return undefined
        return () => this.#world.keeping.reported(second)
      case 'publish':
        this.#overlap(process)
        return () => this.#publish(first as Barrier, second as readonly number[])
      case 'sweep':
        return () => {
          this.#world.count('fields that nobody declares were swept')
          this.#checkAll('fields were swept')
        }
      default:
        return undefined
    }
  }

  /** Whoever coordinates does so until it hears that another one has taken over. */
  #overlap(process: Process): void {
    const { lease } = this.data
    if (lease && lease.holder !== process.name) this.#world.count('two coordinated at once')
  }

  #look(question: LookQuestion | ItemsQuestion, { kind }: LookAnswer | ItemsAnswer): void {
    if (kind === 'conflict') this.#world.count('a look of an earlier epoch was refused')
    else if (question.ticket !== undefined) this.#tickets.left(question.ticket, this.lives)
    const keys = 'keys' in question ? question.keys : [question.entry]
    if (keys.some((key) => this.#world.oracle.isBelow(key))) {
      this.#world.count('an entry fell below the bound before it was compared')
    }
    this.onLook.get(question)?.()
  }

  #commit(process: Process, commit: Commit): (result: unknown) => void {
    const { oracle, count, say } = this.#world
    const name = topicPartitionName(commit.partition)
    const from = this.data.checkpoints.get(name)
    const rowTickets = new Map(this.data.rowTickets)
    const countPresence = presenceWatch(this.#world, commit)
    return (given) => {
      const result = given as CommitResult
      say(() => `${process.name} commits ${name} ${commit.from}-${commit.to.next}: ${result.kind}`)
      const { topic, partition } = parseTopicPartition(name)
      const owns = this.#world.group(topic).isOwner(process, partition)
      if (result.kind === 'conflict') {
        count('a commit conflicted')
        if (!owns) count('a commit of a former owner was refused')
        if (this.data.state?.epoch !== commit.epoch)
          count('a commit of an earlier epoch was refused')
        return
      }
      if (!owns) count('a former owner committed')
      if (from && commit.to.windowFrom > from.windowFrom) count('the identity window moved')
      for (const { code } of commit.doubts) count(`doubt: ${code}`)
      for (const { entry, put } of commit.mutations) {
        const ticket = put === undefined ? undefined : rowTickets.get(entry)
        if (ticket !== undefined) this.#tickets.overtaken(ticket, entry)
      }
      countPresence()
      this.#noteBuilding(result.belowZero)
      const touched = this.#taken(commit, from!)
      oracle.noteDoubts()
      for (const key of touched) if (!this.data.entries.has(key)) oracle.vanished(key)
      const table = topic.split('.').at(-1)!
      oracle.sweepPlanted()
      this.#refuse(`a commit of ${name} up to ${commit.to.next}`, oracle.errors(touched, table))
    }
  }

  /** Whoever stands still meanwhile may take what is normal in a build for a fault of what it fills. */
  #noteBuilding(belowZero: readonly { readonly entry: string }[]): void {
    if (this.data.state!.declarations.every(({ complete }) => complete)) return
    for (const { entry } of belowZero) this.belowInBuild.add(entry)
  }

  /** Entries that it may have touched. Counts its records that stood in the partition before. */
  #taken(commit: Commit, from: Checkpoint): ReadonlySet<string> {
    const { broker, count, oracle } = this.#world
    const { topic, partition } = commit.partition
    const found = broker.partition(topic, partition)
    const keys = new Set(commit.mutations.map(({ entry }) => entry))
    if (!found) return keys
    const begin = found.indexOf(Number(commit.from))
    const end = found.indexOf(Number(commit.to.next))
    const records = found.records.slice(begin, end)
    if (records.length > 0) this.hasApplied.add(found.name)
    if (records.length > 0 && records.at(-1)!.at + 1 < Number(commit.to.next)) {
      count('a batch ended in control records')
    }
    for (const { meaning } of records) {
      if (isIncremental(meaning)) count('a row of an incremental snapshot was passed')
      if (meaning.kind !== 'change') continue
      for (const key of oracle.keysOf(meaning.change)) {
        if (!keys.has(key) && oracle.isBelow(key))
          count('a commit left out what is below the bound')
        keys.add(key)
      }
      const first = meaning.change.emitted
      if (meaning.first || first?.log !== found) continue
      if (first.offset < Number(from.windowFrom)) {
        count('a change came again beyond the window')
      } else count('a change came again and was dropped by its identity')
    }
    return keys
  }

  #correct(step: CorrectionStep): (result: unknown) => void {
    const { oracle, count, say, fail } = this.#world
    this.corrections.push(step)
    const keys = step.corrections.map(({ entry }) => entry)
    const right = new Map(keys.map((key) => [key, oracle.rightComponents(key)]))
    const held = new Map(keys.map((key) => [key, this.data.entries.get(key)]))
    return (given) => {
      const result = given as CorrectionResult
      say(() => `correction of ${keys.join()}: ${JSON.stringify(given)}`)
      if (result.kind === 'conflict') return count('a correction of an earlier epoch was refused')
      for (const index of result.lost) {
        const why = this.#tickets.whyLost(step.ticket, keys[index]!, this.lives)
        count(`a correction was refused: ${why}`)
      }
      for (const { entry, put, add, cells } of step.corrections) {
        if (this.data.entries.get(entry) === held.get(entry)) continue
        // The row's part may have been refused, for a commit has put it since, and the amounts applied.
        const fields = this.data.entries.get(entry)?.fields ?? null
        const isPut = put !== undefined && isOther(fields, held.get(entry)?.fields ?? null)
        const row = isPut ? ['row'] : []
        const items = [...(cells ?? [])].flatMap(([tally, amounts]) =>
          [...amounts.keys()].map((item) => componentOf(tally, item)),
        )
        const components = [...row, ...Object.keys(add), ...items]
        if (items.length > cellsMax) count('more cells than a look tells were corrected')
        for (const component of components) {
          if (right.get(entry)!.has(component)) {
            // Somebody has put it right by hand since the look: the error that is left is theirs.
            if (this.isAlteredSince(step.ticket, entry)) oracle.plant(entry, component)
            else {
              fail(
                `a right entry was called wrong: ${entry} ${component} ${JSON.stringify([add, cells], plain)}`,
              )
            }
          }
          if (!oracle.isPlanted(entry, component)) continue
          count('a planted error was corrected')
          const tally = held.get(entry)?.tallies?.get(component.split('[')[0]!)
          if (tally && tally.size > cellsMax) count('an error of a large tally was corrected')
        }
      }
      count('a correction was applied')
      oracle.sweepPlanted()
      this.#refuse('a correction', oracle.errors(keys))
    }
  }

  #progress({ ended, completed }: ProgressStep, went: boolean): void {
    const { count, oracle } = this.#world
    if (!went) return count('progress of another pass was refused')
    if (ended.length > 0) count('a doubt ended')
    if (completed.length > 0) count('a declaration was completed')
    oracle.noteDoubts()
    if (ended.length + completed.length > 0) this.#checkAll('a doubt ended, or a declaration')
  }

  #turn(process: Process, turn: Turn): (result: unknown) => void {
    const { count, say, oracle } = this.#world
    const before = this.data.state?.declarations
    return (result) => {
      if (result === undefined) return count('a turn of an epoch that had gone was refused')
      say(() => `${process.name} turns the epoch`)
      const kept = new Set(turn.declarations.map(({ id }) => id))
      for (const id of this.served) if (!kept.has(id)) this.served.delete(id)
      for (const name of partitionsOf(turn.topics)) {
        const how = restartOf(turn.restarts, name)
        if (how === 'stay') continue
        count(`epoch turned: ${how}`)
        if (!this.data.checkpoints.get(name)?.last) this.hasApplied.delete(name)
        oracle.restarted(name)
      }
      if (before && before.length < turn.declarations.length) count('epoch turned: declaration')
      if (before && before.length > turn.declarations.length) count('epoch turned: prune')
      this.#checkAll('the epoch was turned')
    }
  }

  /** Whatever has committed before the watermark has to be in the view. */
  #advance(epoch: Epoch, barrier: Barrier): (result: unknown) => void {
    const { oracle, database, fail, count } = this.#world
    const before = this.data.state?.watermark
    return (result) => {
      if (!result || this.data.state?.watermark === before) return
      count('the watermark rose')
      if (this.data.state?.epoch !== epoch) fail('the watermark moved under another epoch')
      if (barrier.history !== database.history) return
      for (const entry of this.#unchecked(this.#advanced, Number(barrier.lsn))) {
        for (const change of entry.changes) {
          if (!oracle.isServed(change.table) || oracle.isIncluded(change)) continue
          if (oracle.excuseFor('', change.table)) continue
          fail(
            `the watermark ${barrier.lsn} lies beyond ${change.table} ${change.name}, not applied`,
          )
        }
      }
    }
  }

  /** What has committed before that position and was not checked yet, in this life of the store. */
  #unchecked(checked: Checked, lsn: number): readonly LogEntry[] {
    const { database } = this.#world
    const { lives } = this
    const { history } = database
    const same = checked.lives === lives && checked.history === history
    const from = same ? checked.lsn : 0
    Object.assign(checked, { lives, history, lsn })
    return database.log.filter((entry) => entry.lsn >= from && entry.lsn < lsn)
  }

  /** Whatever has committed before the barrier has to stand below its ends. */
  #publish({ number, lsn, history, ends }: Barrier, forget: readonly number[]): void {
    const { oracle, database, fail, count } = this.#world
    if (forget.length > 0) count('barriers were forgotten')
    if (history !== database.history) return
    for (const entry of this.#unchecked(this.#published, Number(lsn))) {
      for (const { table, name, emitted, lost } of entry.changes) {
        if (!oracle.isServed(table) || lost || oracle.excuseFor('', table)) continue
        const end = emitted && ends.get(emitted.partition)
        if (emitted && !emitted.log.current) continue
        if (end !== undefined && emitted!.offset < Number(end)) continue
        fail(`barrier ${number} ends before ${table} ${name}, which was committed before it`)
      }
    }
  }

  #observe({ doubts, after }: Observation, went: boolean): void {
    const { count, oracle } = this.#world
    if (!went) return count('an observation of another epoch or set-up was refused')
    oracle.observed(after)
    for (const { code } of doubts) count(`doubt: ${code}`)
    oracle.noteDoubts()
    this.#checkAll('the set-up was observed')
  }

  #lease(process: Process): (result: unknown) => void {
    const before = this.data.lease?.holder
    return (result) => {
      if (!result) return
      const { count, coordinators } = this.#world
      if (before !== undefined && before !== process.name) {
        const former = coordinators.get(before)
        if (former?.alive) count('a coordinator was deposed while it lived')
        else count('a coordinator took over')
      }
      coordinators.set(process.name, process)
    }
  }

  #checkAll(when: string): void {
    const { oracle } = this.#world
    oracle.noteDoubts()
    oracle.sweepPlanted()
    this.#refuse(when, oracle.errors())
  }

  #refuse(when: string, errors: readonly object[]): void {
    if (errors.length > 0) this.#world.fail(`after ${when}: ${JSON.stringify(errors)}`)
  }
}

/** What keeps this step from being taken, as every store promises; undefined where nothing does. */
function comparisonOf(
  { state, checkpoints }: MemoryData,
  method: string,
  [first]: readonly unknown[],
): string | undefined {
  const { epoch, from, partition, before } = Object(first) as Partial<
    Commit & { readonly before: unknown }
  >
  switch (method) {
    case 'commit': {
      if (state?.epoch !== epoch) return 'the epoch is another one'
      const found = checkpoints.get(topicPartitionName(partition!))
      return found?.next === from ? undefined : 'the checkpoint is another one'
    }
    case 'progress':
      return state?.epoch === epoch && state?.pass === before ? undefined : 'another pass stands'
    case 'observe':
      if (state?.epoch === epoch && state?.fingerprint === before) return undefined
      return 'another set-up was observed'
    case 'correct':
    case 'look':
    case 'turn':
      return state?.epoch === epoch ? undefined : 'the epoch is another one'
    case 'raiseBound':
      if (state?.epoch === epoch && state?.keepFrom === before) return undefined
      return 'another bound stands'
    case 'removeBelow':
      return state?.epoch === epoch ? undefined : 'the epoch is another one'
    case 'raise':
    case 'sweep':
    case 'advance':
      return state?.epoch === first ? undefined : 'the epoch is another one'
    default:
      return undefined
  }
}

function isDone(result: unknown): boolean {
  if (result === false || result === undefined) return false
  return (Object(result) as { readonly kind?: string }).kind !== 'conflict'
}

/** A row that is put as it is makes an entry's counters whole, and was not called wrong. */
function isOther(put: Fields | null | undefined, fields: Fields | null): boolean {
  if (put === undefined) return false
  if (put === null || fields === null) return put !== fields
  return Object.entries(put).some(([name, value]) => fields[name] !== value)
}

function isIncremental(meaning: Meaning): boolean {
  const decoded = meaning.kind === 'other' ? meaning.decoded : undefined
  if (decoded?.kind !== 'change' || decoded.change.kind !== 'read') return false
  return decoded.change.incremental
}

function copyOf(data: MemoryData): MemoryData {
  return {
    ...data,
    barriers: [...data.barriers],
    entries: new Map(data.entries),
    checkpoints: new Map(data.checkpoints),
    parked: new Map(data.parked),
    problems: new Map(data.problems),
    tickets: new Map(data.tickets),
    rowTickets: new Map(data.rowTickets),
  }
}

const keepingNames = { raise: 'raiseBound', remove: 'removeBelow' }

const quiet = new Set(['state', 'barriers', 'checkpoints', 'lease', 'wanted', 'commit', 'status'])
