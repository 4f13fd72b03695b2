import { countNames, fieldNames, type CountName, type RowState } from './components.ts'
import type { Histories } from './histories.ts'
import { Excuses, type BlindFault } from './excuses.ts'
import type { Plants } from './plants.ts'

/** One answer to a reader, of one moment. */
export type Read = {
  /** The API by `GET /users/…`, or Redis itself. */
  readonly where: 'api' | 'redis'
  readonly user: string
  readonly watermark: bigint
  /** Codes of the doubts that stood in that moment. */
  readonly doubts: readonly string[]
  /** Null where there is no owning row. */
  readonly row: RowState | null
  /** Undefined where the answer does not tell them. */
  readonly counts: Readonly<Record<CountName, bigint>> | undefined
  readonly beganMs: number
  readonly endedMs: number
}

export const violationKinds = [
  'behind-its-watermark',
  'never-committed',
  'half-an-entry',
  'watermark-fell',
  'refused-without-reason',
  'false-verdict',
  'planted-error-stays',
  'planted-error-missed',
  'differs-at-rest',
  'doubt-without-cause',
  'run',
] as const

export type Violation = {
  readonly kind: (typeof violationKinds)[number]
  readonly text: string
  readonly atMs: number
}

/** What the judged reads came to. */
export type ReadTally = {
  judged: number
  /** Reads that were held to one single state of each component. */
  exact: number
  /** Components that were not as the watermark says, while a doubt said so. */
  doubted: number
  /** The same without a doubt, while what the log does not tell was not noticed yet. */
  unnoticed: number
  /** Components that showed a planted error. */
  planted: number
}

export type CheckerParts = {
  readonly histories: Histories
  readonly plants: Plants
  readonly excuses: Excuses
  readonly violated: (violation: Violation) => void
}

/** Judges what readers saw by the histories of what was committed. */
export class Checker {
  readonly tally: ReadTally = { judged: 0, exact: 0, doubted: 0, unnoticed: 0, planted: 0 }
  readonly #parts: CheckerParts
  /** The highest watermark of all reads that have ended, which no later one may fall below. */
  #watermark = 0n

  constructor(parts: CheckerParts) {
    this.#parts = parts
  }

  get watermark(): bigint {
    return this.#watermark
  }

  /** To be called as soon as an answer is there; `floor` is `watermark` as it was when it was asked. */
  answered(read: Read, floor: bigint): void {
    if (read.watermark < floor) {
      this.#violated('watermark-fell', read, `watermark fell from ${lsnText(floor)}`)
    }
    if (read.watermark > this.#watermark) this.#watermark = read.watermark
    this.#parts.excuses.read(read)
  }

  /** To be called once the histories have everything below `ceiling`. */
  judge(read: Read, ceiling: bigint): void {
    this.tally.judged += 1
    const exact = [
      this.#judgeRow(read, ceiling),
      ...countNames.map((count) => this.#judgeCount(read, count, ceiling)),
    ]
    if (exact.every(Boolean)) this.tally.exact += 1
  }

  /** Whether every component is the only one that the watermark allows, whatever may excuse it. */
  isExact(read: Read, ceiling: bigint): boolean {
    const { histories } = this.#parts
    const { watermark, user } = read
    const states = histories.rowStates(user, watermark, ceiling)
    const counts = countNames.every((count) => {
      const found = read.counts?.[count]
      const { least, most } = histories.countReachable(user, count, { watermark, ceiling })
      return least === found && most === found
    })
    return counts && states.length === 1 && sameRow(states[0]!, read.row)
  }

  /** Whether there was but one state that the row could be in. */
  #judgeRow(read: Read, ceiling: bigint): boolean {
    const { histories, plants } = this.#parts
    const states = histories.rowStates(read.user, read.watermark, ceiling)
    if (states.some((state) => sameRow(state, read.row))) return states.length === 1
    if (plants.explainsRow(read, states)) {
      this.tally.planted += 1
      return false
    }
    const known = histories.allRowStates(read.user, ceiling)
    const before = known.some((state) => sameRow(state, read.row))
    this.#deviates(read, 'users', {
      kind: before ? 'behind-its-watermark' : 'never-committed',
      text: `row is ${rowText(read.row)}, may be ${states.map(rowText).join(' or ')}`,
    })
    return false
  }

  #judgeCount(read: Read, count: CountName, ceiling: bigint): boolean {
    const { histories, plants } = this.#parts
    const found = read.counts?.[count]
    if (found === undefined) return true
    const { watermark } = read
    const reachable = histories.countReachable(read.user, count, { watermark, ceiling })
    const { least, most } = reachable
    if (found >= least && found <= most) return least === most
    if (plants.explainsCount(read, count, reachable)) {
      this.tally.planted += 1
      return false
    }
    this.#deviates(read, tableOf(count), {
      kind: 'behind-its-watermark',
      text: `${count} is ${found}, may be ${least} to ${most}`,
    })
    return false
  }

  #deviates(
    read: Read,
    table: BlindFault['tables'][number],
    { kind, text }: { readonly kind: Violation['kind']; readonly text: string },
  ): void {
    const excuse = this.#parts.excuses.of(read, table)
    switch (excuse) {
      case 'doubted':
        this.tally.doubted += 1
        return
      case 'unnoticed':
        this.tally.unnoticed += 1
        return
      case undefined:
        this.#violated(kind, read, text)
        return
      default:
        throw new Error(`unreachable: ${String(excuse satisfies never)}`)
    }
  }

  #violated(kind: Violation['kind'], read: Read, text: string): void {
    const { where, user, watermark, endedMs } = read
    this.#parts.violated({
      kind,
      text: `${where} ${user} at ${lsnText(watermark)}: ${text}`,
      atMs: endedMs,
    })
  }
}

export function lsnText(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase()
}

/** Throws where it is none. */
export function lsnOf(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? []
  if (high === undefined || low === undefined) throw new Error(`'${text}' is no LSN`)
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}

export function sameRow(a: RowState | null, b: RowState | null): boolean {
  if (a === null || b === null) return a === b
  return a.every((value, index) => value === b[index])
}

const tablesOfCounts = {
  tweetCount: 'tweets',
  followingCount: 'follows',
  followerCount: 'follows',
  likeCount: 'likes',
} as const

export function tableOf(count: CountName): 'tweets' | 'follows' | 'likes' {
  return tablesOfCounts[count]
}

function rowText(row: RowState | null): string {
  if (row === null) return 'absent'
  const cells = fieldNames.map(
    ([column], index) => `${column}=${row[index]?.slice(0, 24) ?? 'null'}`,
  )
  return `{${cells.join(' ')}}`
}
