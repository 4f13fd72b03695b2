import type { Config } from '../config.ts'
import { decodeFingerprint } from '../coordinate/fingerprint.ts'
import { topicOf } from '../coordinate/setup.ts'
import { mergedView, refuseReplaced, type OwnView } from '../coordinate/view-plan.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { PartitionPlan } from '../partition/keep.ts'
import type { Plan } from '../reconcile/plan.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import { decodeView } from '../view/declarations.ts'
import { tablesOf, type View } from '../view/view.ts'
import type { Outside } from './keep-view.ts'

export type PlansParts = {
  readonly own: OwnView
  readonly store: ViewStore
  readonly outside: Outside
  readonly watch: ViewWatch
  readonly config: Pick<Config, 'connector'>
  readonly log: Log
}

/** What follows from a view's state for those who fold, write and compare; made once for each. */
export class Plans {
  readonly #parts: PlansParts
  #known: { readonly of: string; readonly made: Made } | undefined

  constructor(parts: PlansParts) {
    this.#parts = parts
  }

  /** Throws `declaration-replaced` when another process is to keep the view. */
  partition(state: ViewState, table: string): PartitionPlan {
    const { own, store } = this.#parts
    refuseReplaced(own, state)
    const { view, decoders } = this.#made(state)
    return { view, writer: store.writer(view.layout), decoder: decoders.get(table)! }
  }

  reconcile(state: ViewState): Plan {
    const { store, outside, watch, config, log } = this.#parts
    const { view, decoders } = this.#made(state)
    const tables = new Map(tablesOf(view).map((table) => [topicOf(config.connector, table), table]))
    return {
      ...outside,
      watch,
      log,
      view,
      layout: view.layout,
      epoch: state.epoch,
      audit: store.audit(view.layout),
      keeping: store.keeping(view.layout),
      tallies: store.tallies(view.layout),
      writer: store.writer(view.layout),
      complete: completeNames(state),
      tableOf: (topic) => {
        const table = tables.get(topic)
        return table === undefined ? undefined : { table, decoder: decoders.get(table)! }
      },
    }
  }

  #made(state: ViewState): Made {
    const { fingerprint } = state
    if (fingerprint === undefined) {
      throw new MillraceError('not-serving', 'the set-up was not looked at yet')
    }
    const { connector, unique } = decodeFingerprint(fingerprint)
    const { placeholder } = connector
    const declarations = state.declarations.map(({ declaration }) => declaration)
    const of = JSON.stringify([declarations, placeholder, unique])
    if (this.#known?.of === of) return this.#known.made
    const view = mergedView(state)
    const { outside, config } = this.#parts
    const decoders = tablesOf(view).map((table): [string, Decoder] => {
      const topic = topicOf(config.connector, table)
      return [table, outside.decoder({ view, table, topic, placeholder, unique: unique?.[table] })]
    })
    const made = { view, decoders: new Map(decoders) }
    this.#known = { of, made }
    return made
  }
}

type Made = { readonly view: View; readonly decoders: ReadonlyMap<string, Decoder> }

function completeNames({ declarations }: ViewState): ReadonlySet<string> {
  const names = declarations
    .filter(({ complete }) => complete)
    .flatMap(({ declaration }) => {
      const { fields, counts, tallies } = decodeView(declaration).layout
      return ['*', ...[...fields, ...tallies].map(({ name }) => name), ...counts]
    })
  return new Set(names)
}
