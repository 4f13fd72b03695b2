import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { servedView, type OwnView } from '../coordinate/view-plan.ts'
import { describe, MillraceError, unreachable } from '../errors.ts'
import { decodePass, type PassState } from '../reconcile/pass-state.ts'
import type { ReadResult, StoreStatus, ViewReader } from '../store/reader.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import type { Looked } from '../view/lookup.ts'
import { fieldsOf, type Count, type View } from '../view/view.ts'

export type ServedViewOptions = {
  readonly own: OwnView
  readonly clock: Clock
  readonly config: Pick<Config, 'statusIntervalMs' | 'callTimeoutMs'>
}

/** What one read of the store says, and `view`, which has the stored names of its entries. */
export type ViewAnswer =
  | (Extract<ReadResult, { kind: 'unavailable' }> & {
      /** Of a view that is looked up, where it is that one. */
      readonly name?: string
    })
  | (Extract<ReadResult, { kind: 'serving' }> & {
      readonly view: View
      /** What was read with the entries of the views that are looked up. */
      readonly looked?: Looked | undefined
    })

/** What is known of the view and its store without asking it. */
export type Seen = {
  /** Undefined until the store has answered for the first time. */
  readonly status: StoreStatus | undefined
  /** How far the comparison with the source is; undefined also in a form that is not known here. */
  readonly pass: PassState | undefined
  /** Milliseconds since the store was asked for `status`. */
  readonly agoMs: number
  /** Milliseconds since the store has answered anything, a read among that. */
  readonly silentMs: number
  /** Why it could not be asked the last time that this was tried. */
  readonly failure: string | undefined
  /** Why the own declaration can't be served. */
  readonly refused: MillraceError | undefined
}

/** What the view is read with, and `view`, which has the stored names of its entries. */
export type Source = {
  readonly view: View
  readonly reader: ViewReader
  /** The same for these fields and aggregates alone. */
  only(names: readonly string[]): NarrowSource
}

export type NarrowSource = Pick<Source, 'view' | 'reader'>

/** What the state says about reading the own declaration. */
type Knowledge =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly error: MillraceError }
  | ({
      readonly kind: 'kept'
      readonly declaration: string
    } & Source)

/**
 * A view as this process declares it, in a store where that may be one of several declarations.
 * Which names its fields have there is said by the view's state, so nothing is read before the
 * store was asked for that. It is asked again all the time, and by nobody else.
 */
export class ServedView {
  readonly own: OwnView
  readonly #clock: Clock
  readonly #config: ServedViewOptions['config']
  #store: Pick<ViewStore, 'reader'> | undefined
  #statusReader: Pick<ViewReader, 'status'> | undefined
  #knowledge: Knowledge = { kind: 'unknown' }
  #status: StoreStatus | undefined
  #pass: PassState | undefined
  #failure: string | undefined
  #askedMs = 0
  #answeredMs = 0

  constructor({ own, clock, config }: ServedViewOptions) {
    this.own = own
    this.#clock = clock
    this.#config = config
  }

  /** Takes what it says from this store, from the next poll on. */
  use(store: Pick<ViewStore, 'reader'>): void {
    this.#store = store
    this.#statusReader = store.reader(this.own.view.layout, this.own.id)
  }

  /** Polls the store until `signal` aborts; one that is away is asked again. */
  async follow(store: Pick<ViewStore, 'reader'>, signal: AbortSignal): Promise<void> {
    this.use(store)
    while (!signal.aborted) {
      await this.poll()
      await this.#clock.sleep(this.#config.statusIntervalMs, signal)
    }
  }

  /** Asks the store once; never rejects, and waits for `callTimeoutMs` at most. */
  async poll(): Promise<void> {
    if (this.#statusReader === undefined) return
    const askedMs = this.#clock.monotonicMs()
    try {
      const status = await within(this.#statusReader.status(), this.#config.callTimeoutMs)
      this.#knowledge = this.#know(status.state)
      this.#pass = knownPass(status.state?.pass)
      this.#status = status
      this.#askedMs = askedMs
      this.#answeredMs = this.#clock.monotonicMs()
      this.#failure = undefined
    } catch (error) {
      this.failed(error)
    }
  }

  /** Notes why the store can't be asked now. */
  failed(error: unknown): void {
    this.#failure = describe(error)
  }

  /**
   * Reads at most `limits.readKeysMax` entries. Rejects like the store does, with `store-away` while
   * it has never answered, and with `declaration-unknown` while nobody has applied the declaration.
   */
  async read(keys: readonly string[]): Promise<ViewAnswer> {
    const source = this.source()
    if (!source) return { kind: 'unavailable', phase: 'absent' }
    const result = await source.reader.read(keys)
    this.answered()
    return result.kind === 'serving' ? { ...result, view: source.view } : result
  }

  /** For whoever reads it together with others; undefined while it is absent. Throws as `read` rejects. */
  source(): Source | undefined {
    const known = this.#knowledge
    switch (known.kind) {
      case 'unknown':
        throw new MillraceError('store-away', this.#failure ?? 'the store has not answered yet')
      case 'absent':
        return undefined
      case 'refused':
        throw known.error
      case 'kept':
        return known
      default:
        return unreachable(known)
    }
  }

  /** Notes that the store has answered a read. */
  answered(): void {
    this.#answeredMs = this.#clock.monotonicMs()
  }

  seen(): Seen {
    const nowMs = this.#clock.monotonicMs()
    return {
      status: this.#status,
      pass: this.#pass,
      agoMs: nowMs - this.#askedMs,
      silentMs: nowMs - this.#answeredMs,
      failure: this.#failure,
      refused: this.#knowledge.kind === 'refused' ? this.#knowledge.error : undefined,
    }
  }

  #know(state: ViewState | undefined): Knowledge {
    if (state === undefined) return { kind: 'absent' }
    const { id } = this.own
    const kept = state.declarations.find((each) => each.id === id)
    const known = this.#knowledge
    if (known.kind === 'kept' && known.declaration === kept?.declaration) return known
    try {
      const view = { ...servedView(this.own, state), lookups: this.own.view.lookups }
      const store = this.#store!
      const reader = store.reader(view.layout, id)
      const only = memorized((names) => {
        const narrow = narrowView(view, names)
        return { view: narrow, reader: store.reader(narrow.layout, id) }
      })
      return { kind: 'kept', declaration: kept!.declaration, view, reader, only }
    } catch (error) {
      if (error instanceof MillraceError) return { kind: 'refused', error }
      throw error
    }
  }
}

/** What readers see of it under these names, with what their items look up. */
function narrowView(view: View, names: readonly string[]): View {
  const { row, counts, layout, lookups } = view
  const isNamed = ({ name }: { readonly name: string }) => names.includes(name)
  const fields = fieldsOf(view).filter(isNamed)
  const aggregates = view.aggregates.filter(isNamed)
  const counted = aggregates.flatMap((aggregate) => aggregate.counts)
  const isRead = ({ name, stored }: Count) =>
    counted.includes(name) || layout.presence.includes(stored)
  return {
    ...view,
    row: row && { ...row, fields },
    aggregates,
    lookups: lookups?.filter(({ by }) => by.kind === 'items' && names.includes(by.aggregate)),
    layout: {
      ...layout,
      fields: fields.map(({ stored, type }) => ({ name: stored, type })),
      counts: counts.filter(isRead).map(({ stored }) => stored),
      slices: layout.slices.filter(isNamed),
    },
  }
}

function memorized<Result>(make: (names: readonly string[]) => Result) {
  const made = new Map<string, Result>()
  return (names: readonly string[]): Result => {
    const known = made.get(names.join()) ?? make(names)
    made.set(names.join(), known)
    return known
  }
}

/** A release with another form of it may run beside this one: that must not keep readers waiting. */
function knownPass(text: string | undefined): PassState | undefined {
  try {
    return decodePass(text)
  } catch {
    return undefined
  }
}

/** The call itself goes on; nobody waits for it any more. */
async function within<Result>(call: Promise<Result>, timeoutMs: number): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new MillraceError('call-timeout', `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await Promise.race([call, promise])
  } finally {
    clearTimeout(timer)
  }
}
