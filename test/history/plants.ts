import { countNames, fieldNames, type CountName, type RowState } from './components.ts'
import type { Reachable } from './histories.ts'
import type { Read } from './checker.ts'

/** An error that was written into Redis by hand. */
export type Plant = {
  readonly user: string
  readonly error:
    | { readonly kind: 'amount'; readonly count: CountName; readonly amount: bigint }
    | { readonly kind: 'text'; readonly text: string }
    /** The hash was deleted. */
    | { readonly kind: 'gone' }
    /** An entry of a user that SQL does not have. */
    | { readonly kind: 'phantom' }
  readonly beganMs: number
  /** When Redis did not show it any more. */
  endedMs: number | undefined
  /** What a look said of it, and when. */
  reportedMs: number | undefined
  /** What ended it other than a look: a flush of the store, or the user's own next write. */
  lostBy: string | undefined
}

const nameField = fieldNames.findIndex(([column]) => column === 'name')

/** Planted errors are known exactly, so that everything beside them is judged as ever. */
export class Plants {
  readonly #plants: Plant[] = []
  readonly #byUser = new Map<string, Plant[]>()

  add(plant: Pick<Plant, 'user' | 'error' | 'beganMs'>): Plant {
    const added: Plant = {
      ...plant,
      endedMs: undefined,
      reportedMs: undefined,
      lostBy: undefined,
    }
    this.#plants.push(added)
    this.#byUser.set(plant.user, [...(this.#byUser.get(plant.user) ?? []), added])
    return added
  }

  get all(): readonly Plant[] {
    return this.#plants
  }

  get open(): readonly Plant[] {
    return this.#plants.filter(({ endedMs }) => endedMs === undefined)
  }

  isPlanted(user: string): boolean {
    return this.open.some((plant) => plant.user === user)
  }

  /** The plant that a verdict of this moment speaks of, whose correction may just have ended it. */
  of(user: string, atMs: number, slackMs: number): Plant | undefined {
    const plants = this.#byUser.get(user) ?? []
    return plants.findLast(
      ({ beganMs, endedMs = Infinity }) => beganMs <= atMs + slackMs && endedMs >= atMs - slackMs,
    )
  }

  /** True for a user of whom a planted error makes a counter fall below zero. */
  mayFallBelowZero(user: string): boolean {
    return (this.#byUser.get(user) ?? []).some(
      ({ error }) => error.kind === 'gone' || (error.kind === 'amount' && error.amount < 0n),
    )
  }

  explainsRow(read: Read, states: readonly (RowState | null)[]): boolean {
    return this.#during(read).some(({ error }) => {
      switch (error.kind) {
        case 'amount':
          return false
        case 'gone':
        case 'phantom':
          return true
        case 'text':
          return read.row?.[nameField] === error.text && matchesButName(read.row, states)
        default:
          throw new Error(`unreachable: ${String(error satisfies never)}`)
      }
    })
  }

  /** The API tells a counter below zero as 0. */
  explainsCount(read: Read, count: CountName, { least, most }: Reachable): boolean {
    const found = read.counts![count]
    return this.#during(read).some(({ error }) => {
      if (error.kind === 'gone' || error.kind === 'phantom') return true
      if (error.kind === 'text' || error.count !== count) return false
      const shown = (value: bigint) => (read.where === 'api' && value < 0n ? 0n : value)
      return found >= shown(least + error.amount) && found <= shown(most + error.amount)
    })
  }

  #during({ user, beganMs, endedMs }: Read): readonly Plant[] {
    const plants = this.#byUser.get(user) ?? []
    return plants.filter(
      (plant) => plant.beganMs <= endedMs && (plant.endedMs ?? Infinity) >= beganMs,
    )
  }
}

/** Whether what stands in Redis still shows the error. */
export function shows(
  { error }: Plant,
  entry: { readonly row: RowState | null; readonly counts: Read['counts'] },
): boolean {
  switch (error.kind) {
    case 'amount': {
      const found = entry.counts?.[error.count] ?? 0n
      const size = error.amount < 0n ? -error.amount : error.amount
      return error.amount < 0n ? found < -(size / 2n) : found > size / 2n
    }
    case 'text':
      return entry.row?.[nameField] === error.text
    case 'phantom':
      return entry.row !== null || countNames.some((count) => (entry.counts?.[count] ?? 0n) !== 0n)
    case 'gone':
      // A hash may come back by halves; only a verdict, or the state of the row, says that it is whole.
      return entry.row === null
    default:
      throw new Error(`unreachable: ${String(error satisfies never)}`)
  }
}

function matchesButName(row: RowState, states: readonly (RowState | null)[]): boolean {
  return states.some((state) =>
    state?.every((value, index) => index === nameField || value === row[index]),
  )
}
