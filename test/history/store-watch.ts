import type { Redis } from 'ioredis'
import { lsnOf, type Read, type Violation } from './checker.ts'
import { doubtOfText } from './entry-reads.ts'
import type { Excuses } from './excuses.ts'
import { shows, type Plant, type Plants } from './plants.ts'
import { openRedis, readEntry, stateKey } from './readers.ts'
import { Verdicts, type Statistics } from './verdicts.ts'

export type StoreWatchParts = {
  readonly redis: string
  readonly excuses: Excuses
  readonly plants: Plants
  readonly violated: (violation: Violation) => void
  /** Judges a read later; tells whether it is right in a moment that allows but one answer. */
  readonly probe: (read: Read, tell: (isExact: boolean) => void) => void
}

/** Right answers in a row that prove that a hash which was deleted is whole again. */
const rightInARow = 3

export type ViewStanding = {
  readonly epoch: string
  readonly watermark: bigint | undefined
  readonly complete: boolean
  readonly doubts: readonly string[]
}

/** Looks at the view's own books in Redis all the time: doubts, what looks found, planted errors. */
export class StoreWatch {
  readonly verdicts: Verdicts
  /** How often each doubt was raised. */
  readonly doubtsRaised = new Map<string, number>()
  standing: ViewStanding | undefined
  epochs = 0
  readonly redis: Redis
  readonly #parts: StoreWatchParts
  readonly #knownDoubts = new Set<string>()
  readonly #rightOf = new Map<Plant, number>()

  constructor(parts: StoreWatchParts) {
    this.#parts = parts
    this.redis = openRedis(parts.redis)
    this.verdicts = new Verdicts(parts)
  }

  /** Rejects while Redis is away. */
  async look(): Promise<void> {
    const answers = await this.redis.multi().hgetall(stateKey).hgetall(`${stateKey}:doubts`).exec()
    const [state, doubts] = (answers ?? []).map(([error, value]) => {
      if (error) throw error
      return value as Record<string, string>
    }) as [Record<string, string>, Record<string, string>]
    this.#stand(state, doubts)
    for (const [name, text] of Object.entries(doubts)) this.#doubt(name, text)
    if (state.pass !== undefined && state.epoch !== undefined) {
      const { statistics } = JSON.parse(state.pass) as { readonly statistics: Statistics }
      this.verdicts.take(statistics)
    } else this.verdicts.forget()
    for (const plant of this.#parts.plants.open) await this.#lookAtPlant(plant)
  }

  close(): void {
    this.redis.disconnect()
  }

  #stand(state: Readonly<Record<string, string>>, doubts: Readonly<Record<string, string>>): void {
    const { epoch, watermark } = state
    if (epoch === undefined) {
      this.standing = undefined
      return
    }
    if (epoch !== this.standing?.epoch) this.epochs += 1
    const complete = Object.entries(state).filter(([name]) => name.startsWith('complete:'))
    this.standing = {
      epoch,
      watermark: watermark === undefined ? undefined : lsnOf(watermark),
      complete: complete.length > 0 && complete.every(([, is]) => is === '1'),
      doubts: Object.values(doubts).map((text) => doubtOfText(text).code),
    }
  }

  #doubt(name: string, text: string): void {
    const { id, sinceMs, code } = doubtOfText(text)
    if (this.#knownDoubts.has(id)) return
    this.#knownDoubts.add(id)
    this.doubtsRaised.set(code, (this.doubtsRaised.get(code) ?? 0) + 1)
    const { excuses, plants, violated } = this.#parts
    const nowMs = Date.now()
    if (excuses.covers(sinceMs, nowMs)) return
    const { keys } = JSON.parse(text.slice(text.indexOf('{'))) as { readonly keys: string[] }
    const isPlanted = keys.every((key) => plants.mayFallBelowZero(key))
    if (code === 'below-zero' && keys.length > 0 && isPlanted) return
    violated({ kind: 'doubt-without-cause', text: `${name}: ${text.slice(0, 400)}`, atMs: nowMs })
  }

  async #lookAtPlant(plant: Plant): Promise<void> {
    const beganMs = Date.now()
    const { user } = plant
    let found: Awaited<ReturnType<typeof readEntry>>
    try {
      found = await readEntry(this.redis, user)
    } catch (error) {
      // A hash of which a half has come back.
      if (plant.error.kind === 'gone') return
      throw error
    }
    if (!found) return
    if (plant.error.kind !== 'gone') {
      if (!shows(plant, found)) plant.endedMs ??= Date.now()
      return
    }
    const read: Read = { where: 'redis', user, ...found, beganMs, endedMs: Date.now() }
    this.#parts.probe(read, (isExact) => {
      const inARow = isExact ? (this.#rightOf.get(plant) ?? 0) + 1 : 0
      this.#rightOf.set(plant, inARow)
      if (inARow >= rightInARow) plant.endedMs ??= read.endedMs
    })
  }
}
