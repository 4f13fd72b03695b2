import type { Violation } from './checker.ts'
import type { Excuses } from './excuses.ts'
import type { Plants } from './plants.ts'

/** What the view's pass says of its looks. */
export type Statistics = {
  readonly looks: number
  readonly entries: number
  readonly wrong: number
  readonly healed: number
  /** The latest wrong values; no more than twenty. */
  readonly latest: readonly WrongValue[]
}

type WrongValue = {
  readonly key: string
  readonly field: string
  readonly expected: string | null
  readonly found: string | null
  readonly atMs: number
}

export type VerdictsParts = {
  readonly excuses: Excuses
  readonly plants: Plants
  readonly violated: (violation: Violation) => void
}

/** Between a correction and its being counted, and between clocks. */
const slackMs = 5_000

/** Every verdict of a look has to be explained: by a planted error, or by what the log did not tell. */
export class Verdicts {
  looks = 0
  entries = 0
  /** Wrong entries by what explains them. */
  planted = 0
  blind = 0
  readonly #parts: VerdictsParts
  readonly #known = new Set<string>()
  #last: Statistics | undefined

  constructor(parts: VerdictsParts) {
    this.#parts = parts
  }

  /** The view was begun anew: its statistics count from nothing. */
  forget(): void {
    this.#last = undefined
  }

  take(statistics: Statistics): void {
    const last = this.#last
    const isNew = last === undefined || statistics.looks < last.looks
    const before = isNew ? { looks: 0, entries: 0, wrong: 0 } : last
    this.#last = statistics
    this.looks += statistics.looks - before.looks
    this.entries += statistics.entries - before.entries
    const fresh = statistics.latest.filter((value) => !this.#known.has(JSON.stringify(value)))
    for (const value of fresh) this.#known.add(JSON.stringify(value))
    const wrong = statistics.wrong - before.wrong
    const keys = [...new Set(fresh.map(({ key, atMs }) => `${key} ${atMs}`))]
    for (const each of keys) {
      this.#explain(fresh.filter(({ key, atMs }) => `${key} ${atMs}` === each))
    }
    const untold = wrong - keys.length
    if (untold > 0) this.#untold(untold, fresh.at(-1)?.atMs ?? Date.now())
  }

  #explain(values: readonly WrongValue[]): void {
    const { plants, excuses, violated } = this.#parts
    const { key, atMs } = values[0]!
    const plant = plants.of(key, atMs, slackMs)
    if (plant) {
      plant.reportedMs ??= atMs
      this.planted += 1
      return
    }
    if (excuses.covers(atMs - slackMs, atMs)) {
      this.blind += 1
      return
    }
    const what = values.map(
      ({ field, expected, found }) => `${field} is ${found ?? 'null'}, not ${expected ?? 'null'}`,
    )
    violated({ kind: 'false-verdict', text: `a look found ${key} wrong: ${what.join('; ')}`, atMs })
  }

  /** Wrong entries that are counted and not listed any more: only a blind fault makes so many. */
  #untold(count: number, atMs: number): void {
    const { excuses, violated } = this.#parts
    if (excuses.covers(atMs - slackMs, atMs)) {
      this.blind += count
      return
    }
    violated({
      kind: 'false-verdict',
      text: `${count} entries were counted as wrong and are not listed`,
      atMs,
    })
  }
}
