import type { Clock } from '../../clock.ts'
import type {
  Beginning,
  LeaseClaim,
  Observation,
  Turn,
  ViewCoordination,
  ViewWatchable,
  Wanted,
  WantedChange,
} from '../coordination.ts'
import { newEpoch, newInstance } from '../epoch.ts'
import { partitionsOf, turnedCheckpoints, turnedDeclarations } from '../restart.ts'
import type { Barrier, Epoch, ViewState } from '../state.ts'
import type { MemoryData } from './data.ts'
import { raise } from './writer.ts'

export class MemoryWatchable implements ViewWatchable {
  readonly #data: MemoryData

  constructor(data: MemoryData) {
    this.#data = data
  }

  async state(): Promise<ViewState | undefined> {
    return this.#data.state
  }

  async barriers(): Promise<readonly Barrier[]> {
    return [...this.#data.barriers]
  }

  async wanted(): Promise<Wanted | undefined> {
    return this.#data.wanted
  }

  async want(change: WantedChange): Promise<Wanted | undefined> {
    this.#data.wanted = change(this.#data.wanted) ?? this.#data.wanted
    return this.#data.wanted
  }

  async occupant(): Promise<string | undefined> {
    const { value } = this.#data.entries.keys().next()
    return value
  }
}

export class MemoryCoordination implements ViewCoordination {
  readonly #data: MemoryData
  readonly #clock: Clock

  constructor(data: MemoryData, clock: Clock) {
    this.#data = data
    this.#clock = clock
  }

  async lease({ holder, declaration, ttlMs, over }: LeaseClaim): Promise<boolean> {
    const { lease } = this.#data
    const nowMs = this.#clock.monotonicMs()
    const held = lease && lease.holder !== holder && lease.untilMs > nowMs
    if (held && !(over && lease.declaration !== declaration)) return false
    this.#data.lease = { holder, declaration, untilMs: nowMs + ttlMs }
    return true
  }

  async open(beginning: Beginning): Promise<Epoch | undefined> {
    const data = this.#data
    if (data.state) return undefined
    data.checkpoints = new Map(beginning.checkpoints)
    data.barriers = [beginning.barrier]
    for (const each of [data.parked, data.problems, data.tickets, data.rowTickets]) each.clear()
    data.parkedBeyond = 0
    data.watermark = undefined
    data.state = {
      epoch: newEpoch(),
      instance: newInstance(),
      declarations: [beginning.declaration],
      topics: beginning.topics,
      watermark: undefined,
      barrier: beginning.barrier,
      fingerprint: beginning.fingerprint,
      doubts: [],
      keepFrom: beginning.keepFrom,
      pass: undefined,
    }
    return data.state.epoch
  }

  async giveInstance(epoch: Epoch): Promise<void> {
    const { state } = this.#data
    if (state?.epoch !== epoch || state.instance !== undefined) return
    this.#data.state = { ...state, instance: newInstance() }
  }

  async turn(turn: Turn): Promise<Epoch | undefined> {
    const data = this.#data
    if (data.state?.epoch !== turn.epoch) return undefined
    const checkpoints = turnedCheckpoints(data.checkpoints, turn)
    for (const name of data.checkpoints.keys()) {
      if (!checkpoints.has(name)) data.problems.delete(name)
    }
    data.checkpoints = checkpoints
    const doubts = data.state.doubts.map(
      (doubt) => turn.doubts.find(({ id }) => id === doubt.id) ?? doubt,
    )
    const declarations = turnedDeclarations(data.state.declarations, turn)
    if (turn.watermarkMayFall === true)
      data.watermark = data.watermark && { ...data.watermark, history: '' }
    data.state = { ...data.state, epoch: newEpoch(), declarations, topics: turn.topics, doubts }
    return data.state.epoch
  }

  async publish(barrier: Barrier, forget: readonly number[]): Promise<void> {
    const data = this.#data
    if (!data.state) return
    data.barriers = data.barriers.filter(({ number }) => !forget.includes(number))
    if ((data.state.barrier?.number ?? -1) >= barrier.number) return
    data.state = { ...data.state, barrier }
    data.barriers.push(barrier)
  }

  async advance(epoch: Epoch, barrier: Barrier, takenAgoMs: number): Promise<boolean> {
    const { state, checkpoints, watermark } = this.#data
    if (state?.epoch !== epoch) return false
    const passed = partitionsOf(state.topics).every((name) => {
      const next = checkpoints.get(name)?.next
      const end = barrier.ends.get(name)
      return next !== undefined && end !== undefined && next >= end
    })
    if (!passed) return false
    const falls = state.watermark !== undefined && state.watermark > barrier.lsn
    if (falls && watermark?.history === barrier.history) return true
    this.#data.state = { ...state, watermark: barrier.lsn }
    const atMs = this.#clock.monotonicMs() - takenAgoMs
    this.#data.watermark = { history: barrier.history, atMs }
    return true
  }

  async observe({ epoch, before, after, doubts }: Observation): Promise<boolean> {
    const { state } = this.#data
    if (state?.epoch !== epoch || state.fingerprint !== before) return false
    this.#data.state = { ...state, fingerprint: after }
    for (const doubt of doubts) raise(this.#data, doubt, this.#clock.wallMs())
    return true
  }
}
