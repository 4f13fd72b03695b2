import type { ViewLayout } from '../../mutation.ts'
import type {
  CorrectionResult,
  CorrectionStep,
  LookAnswer,
  LookQuestion,
  ProgressStep,
  ScanPage,
  ViewAudit,
} from '../audit.ts'
import { checkCorrections, checkKeys } from '../checks.ts'
import { absentText, encodeEntry } from '../entry-text.ts'
import { limits } from '../limits.ts'
import type { Epoch } from '../state.ts'
import type { MemoryData } from './data.ts'
import { keep, mutated } from './writer.ts'

export class MemoryAudit implements ViewAudit {
  readonly #data: MemoryData
  readonly #layout: ViewLayout
  readonly #cellsMax: number

  constructor(data: MemoryData, layout: ViewLayout, cellsMax: number) {
    this.#data = data
    this.#layout = layout
    this.#cellsMax = cellsMax
  }

  async look({ epoch, keys, ticket }: LookQuestion): Promise<LookAnswer> {
    checkKeys(keys, limits.lookKeysMax)
    const data = this.#data
    if (data.state?.epoch !== epoch) return { kind: 'conflict' }
    for (const key of ticket === undefined ? [] : keys) {
      data.tickets.set(key, ticket!)
      data.rowTickets.set(key, ticket!)
    }
    const texts = keys.map((key) => this.#text(key))
    const { keepFrom } = data.state
    return { kind: 'entries', texts, checkpoints: new Map(data.checkpoints), keepFrom }
  }

  async correct(step: CorrectionStep): Promise<CorrectionResult> {
    checkCorrections(step, this.#layout)
    const { epoch, ticket, corrections } = step
    const data = this.#data
    if (data.state?.epoch !== epoch) return { kind: 'conflict' }
    const lost: number[] = []
    const next = corrections.flatMap(({ entry, put, add, cells }, index) => {
      const adds = Object.keys(add).length > 0 || cells !== undefined
      const mayAdd = data.tickets.get(entry) === ticket
      const mayPut = data.rowTickets.get(entry) === ticket
      if ((adds && !mayAdd) || (put !== undefined && !mayPut)) lost.push(index)
      if (!mayAdd && !mayPut) return []
      const amounts = mayAdd ? { add, cells } : { add: {} }
      const allowed = { entry, put: mayPut ? put : undefined, ...amounts }
      return [[entry, mutated(data, this.#layout, allowed)] as const]
    })
    for (const [entry, held] of next) {
      keep(data, this.#layout, entry, held)
      if (data.tickets.get(entry) === ticket) data.tickets.delete(entry)
      if (data.rowTickets.get(entry) === ticket) data.rowTickets.delete(entry)
    }
    return { kind: 'applied', lost }
  }

  async scan(cursor: string | undefined): Promise<ScanPage> {
    const all = [...this.#data.entries.keys()].toSorted()
    const after = cursor === undefined ? all : all.filter((key) => key > cursor)
    const keys = after.slice(0, limits.scanPageKeys)
    return { keys, cursor: after.length > keys.length ? keys.at(-1) : undefined }
  }

  async sweep(epoch: Epoch, keys: readonly string[], fields: readonly string[]): Promise<boolean> {
    const data = this.#data
    if (data.state?.epoch !== epoch) return false
    for (const key of keys) {
      const held = data.entries.get(key)
      if (held) {
        const left = held.fields && without(held.fields, fields)
        const counts = without(held.counts, fields)
        const tallies = new Map(held.tallies)
        for (const name of fields) tallies.delete(name)
        const rest = tallies.size === 0 ? {} : { tallies }
        keep(data, this.#layout, key, { fields: left, counts, ...rest })
      }
    }
    return true
  }

  async progress({ epoch, before, after, ended, completed }: ProgressStep): Promise<boolean> {
    const { state } = this.#data
    if (state?.epoch !== epoch || state.pass !== before) return false
    const doubts = state.doubts.filter(({ id }) => !ended.includes(id))
    const declarations = state.declarations.map((each) =>
      completed.includes(each.id) ? { ...each, complete: true } : each,
    )
    this.#data.state = { ...state, pass: after, doubts, declarations }
    return true
  }

  #text(key: string): string {
    const held = this.#data.entries.get(key)
    if (!held) return absentText(this.#layout)
    const text = encodeEntry(this.#layout, key, held, this.#cellsMax)
    const lies = Object.keys(held.counts).length > 0
    const saysNothing = text === absentText(this.#layout)
    return lies && saysNothing ? `!${text.slice(1)}` : text
  }
}

function without<T>(record: Readonly<Record<string, T>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
}
