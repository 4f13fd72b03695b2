import type { Turn, Wanted } from '../store/coordination.ts'
import { partitionsOf } from '../store/restart.ts'
import type { Barrier, Checkpoint, ViewState } from '../store/state.ts'
import { decodeView, mergeViews, storedNames, storedNamesLost } from '../view/declarations.ts'
import type { View } from '../view/view.ts'
import { isPassed } from './barriers.ts'
import type { Coordination } from './coordinator.ts'
import { decodeFingerprint, encodeFingerprint, type Fingerprint } from './fingerprint.ts'
import { unfit } from './setup.ts'
import { keptDeclaration, mergedView } from './view-plan.ts'

/** Workers of the earlier declaration that run move all the time, or have nothing to do. */
const standStillMs = 10_000

/** Topics as they were then, and the number that a barrier needs which was begun after that. */
type Fit = { readonly topics: Fingerprint['topics']; readonly barrier: number }

/**
 * Brings the own declaration into the view when somebody has applied it, and takes earlier ones out
 * when somebody has said so. Records of the log have the columns that a declaration needs once a
 * barrier that was begun after the set-up fitted it is passed.
 */
export class Succession {
  readonly #parts: Coordination
  /** Since the set-up was found to fit the own declaration. */
  #fit: Fit | undefined
  /** Checkpoints that have not passed that barrier, and since when they stand there. */
  #behind: { readonly at: string; readonly sinceMs: number } | undefined

  constructor(parts: Coordination) {
    this.#parts = parts
  }

  async look(state: ViewState, checkpoints: ReadonlyMap<string, Checkpoint>): Promise<void> {
    const { store, own } = this.#parts
    const wanted = await store.watchable.wanted()
    const newest = state.declarations.at(-1)!
    const isWanted = wanted?.declaration === own.id
    if (isWanted && newest.id !== own.id) return this.#bringIn(state, checkpoints)
    this.#forget()
    if (!isWanted) return
    const others = state.declarations.length > 1
    // First, for names to sweep may be those of a pruning that was broken off before its turn.
    if (wanted.prune && others && newest.complete) return this.#prune(state)
    if (wanted.sweep.length > 0) await this.#sweep(state, wanted.sweep)
  }

  async #bringIn(state: ViewState, checkpoints: ReadonlyMap<string, Checkpoint>): Promise<void> {
    const { store, own, watch, log } = this.#parts
    const kept = state.declarations.find(({ id }) => id === own.id) ?? keptDeclaration(own, state)
    const declarations = [...state.declarations.filter(({ id }) => id !== own.id), kept]
    const view = mergedView({ declarations })
    const fit = (this.#fit ??= await this.#fits(view))
    const fitting = watch.barriers.filter(({ number }) => number >= fit.barrier)
    const passed = fitting.some((barrier) => isPassed(barrier, checkpoints))
    if (!passed && !this.#standStill(fitting[0], checkpoints)) return
    const begun = await this.#withTopics(state, view, fitting)
    if (!begun) return
    const { epoch, doubts } = state
    const turned = await store.coordination.turn({
      epoch,
      declarations,
      restarts: [],
      doubts,
      ...begun,
    })
    // Where it is undefined, somebody else has turned the epoch: the set-up is looked at anew.
    this.#forget()
    if (turned === undefined) return
    log.info({ epoch: turned, declaration: own.id }, 'the applied declaration is brought in')
  }

  #forget(): void {
    this.#fit = undefined
    this.#behind = undefined
  }

  async #fits(view: View): Promise<Fit> {
    const { setup, barriers } = this.#parts
    const faults = await setup.faults(view)
    if (faults.length > 0) throw unfit(view, faults)
    const { fingerprint } = await setup.look(view)
    return { topics: fingerprint.topics, barrier: barriers.following }
  }

  /**
   * Topics of the declarations, and where those begin that are new to the view: at a barrier, as
   * all of them did when the view was begun. Undefined while no barrier knows them. What is new is
   * written down as it was before that barrier, so that whatever became of it since is a doubt.
   */
  async #withTopics(
    { epoch, fingerprint: before, ...state }: ViewState,
    view: View,
    fitting: readonly Barrier[],
  ): Promise<Pick<Turn, 'topics' | 'offsets'> | undefined> {
    const { store, setup } = this.#parts
    const news = setup.topics(view).filter((topic) => state.topics[topic] === undefined)
    const added = Object.entries(this.#fit!.topics).filter(([topic]) => news.includes(topic))
    const counts = added.map(([topic, { partitions }]) => [topic, partitions])
    const all = { ...(Object.fromEntries(counts) as Turn['topics']), ...state.topics }
    const names = partitionsOf(all)
    const barrier = fitting.findLast(({ from }) => names.every((name) => from.has(name)))
    if (!barrier) return undefined
    if (before !== undefined && added.length > 0) {
      const known = decodeFingerprint(before)
      const after = { ...known, topics: { ...known.topics, ...Object.fromEntries(added) } }
      const observed = { epoch, before, after: encodeFingerprint(after), doubts: [] }
      if (!(await store.coordination.observe(observed))) return undefined
    }
    return { topics: all, offsets: barrier.from }
  }

  /**
   * True when those that have not passed the barrier have not moved for long: nobody runs who could
   * move them. Records that lack what is needed are passed with a doubt then.
   */
  #standStill(barrier: Barrier | undefined, checkpoints: ReadonlyMap<string, Checkpoint>): boolean {
    if (!barrier) return false
    const behind = [...checkpoints].filter(([name, { next }]) => next < barrier.ends.get(name)!)
    const at = behind.map(([name, { next }]) => `${name} ${next}`).join()
    const nowMs = this.#parts.clock.monotonicMs()
    if (this.#behind?.at !== at) this.#behind = { at, sinceMs: nowMs }
    return nowMs - this.#behind.sinceMs >= standStillMs
  }

  /** Names are written down first: what was begun is ended also by another worker. */
  async #prune(state: ViewState): Promise<void> {
    const { store, own, setup, log } = this.#parts
    const left = state.declarations.filter(({ id }) => id === own.id)
    const [before, after] = [state.declarations, left].map((list) =>
      mergeViews(list.map(({ declaration }) => decodeView(declaration))),
    )
    const sweep = storedNamesLost(before!, after!)
    const { epoch, doubts } = state
    const needed = new Set(setup.topics(after!))
    const topics = Object.fromEntries(
      Object.entries(state.topics).filter(([topic]) => needed.has(topic)),
    )
    const turn = { epoch, declarations: left, topics, restarts: [], offsets: new Map(), doubts }
    if (!(await this.#want({ prune: true, sweep }))) return
    const turned = await store.coordination.turn(turn)
    if (turned !== undefined) log.info({ epoch: turned, sweep }, 'earlier declarations are ended')
  }

  /** Removes fields that nobody declares any more from every entry. */
  async #sweep(state: ViewState, names: readonly string[]): Promise<void> {
    const { store, log } = this.#parts
    // Before the turn these names are still written.
    const declared = mergedView(state)
    const known = storedNames(declared)
    const gone = names.filter((name) => !known.has(name))
    if (gone.length < names.length) return
    const audit = store.audit(declared.layout)
    let cursor: string | undefined
    let entries = 0
    do {
      const page = await audit.scan(cursor)
      if (!(await audit.sweep(state.epoch, page.keys, gone))) return
      entries += page.keys.length
      cursor = page.cursor
    } while (cursor !== undefined)
    if (!(await this.#want({ prune: false, sweep: [] }))) return
    log.info({ entries, fields: gone }, 'fields that no declaration has are removed')
  }

  /** False, and nothing is changed, where another declaration is wanted by now. */
  async #want(change: Pick<Wanted, 'prune' | 'sweep'>): Promise<boolean> {
    const { store, own } = this.#parts
    const stands = await store.watchable.want((now) =>
      now?.declaration === own.id ? { ...now, adopt: true, ...change } : undefined,
    )
    return stands?.declaration === own.id
  }
}
