import { formatLsn } from '../../position.ts'
import { decodeBarrier, decodeWanted, encodeBarrier } from '../codec.ts'
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
import { newEpoch, newInstance, refuseOtherFormat } from '../epoch.ts'
import { partitionsOf, restarted, restartOf } from '../restart.ts'
import type { Barrier, Epoch, ViewState } from '../state.ts'
import type { RedisConnection } from './connection.ts'
import type { ViewKeys } from './keys.ts'
import { scanEntries } from './scan.ts'
import { declarationFields, readStatus, stateFields } from './state.ts'
import { checkpointText, doubtText, orNone, pushDoubt, pushList } from './texts.ts'

export class RedisWatchable implements ViewWatchable {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys

  constructor(connection: RedisConnection, keys: ViewKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async state(): Promise<ViewState | undefined> {
    return (await readStatus(this.#connection, this.#keys)).state
  }

  async barriers(): Promise<readonly Barrier[]> {
    const { barriers } = this.#keys
    const texts = (await this.#connection.ask('hvals', [barriers])) as readonly string[]
    const found = texts.map((text) => decodeBarrier(text, barriers))
    return found.toSorted((a, b) => a.number - b.number)
  }

  async wanted(): Promise<Wanted | undefined> {
    return (await this.#wanted()).before
  }

  async want(change: WantedChange): Promise<Wanted | undefined> {
    for (;;) {
      const { text, before } = await this.#wanted()
      const after = change(before)
      if (!after) return before
      const args = [orNone(text), JSON.stringify(after)]
      const [kind] = await this.#connection.run('want', [this.#keys.wanted], args)
      if (kind === 'changed') return after
    }
  }

  async #wanted() {
    const { wanted } = this.#keys
    const text = await this.#connection.ask('get', [wanted])
    if (typeof text !== 'string') return { text: undefined, before: undefined }
    return { text, before: decodeWanted(text, wanted) }
  }

  async occupant(): Promise<string | undefined> {
    let cursor: string | undefined
    do {
      const page = await scanEntries(this.#connection, this.#keys, cursor)
      if (page.keys.length > 0) return page.keys[0]
      cursor = page.cursor
    } while (cursor !== undefined)
    return undefined
  }
}

export class RedisCoordination implements ViewCoordination {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys

  constructor(connection: RedisConnection, keys: ViewKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async lease({ holder, declaration, ttlMs, over }: LeaseClaim): Promise<boolean> {
    const args = [holder, declaration, String(ttlMs), over ? 'over' : '']
    const [kind] = await this.#connection.run('lease', [this.#keys.lease], args)
    return kind === 'held'
  }

  async open(beginning: Beginning): Promise<Epoch | undefined> {
    const { state, checkpoints, barriers, parked, problems } = this.#keys
    const { doubts, tickets, rowTickets } = this.#keys
    const left = [parked, problems, doubts, tickets, rowTickets]
    const epoch = newEpoch()
    const { barrier } = beginning
    const args = [String(barrier.number), encodeBarrier(barrier)]
    pushList(args, stateFields(epoch, beginning))
    const begun = [...beginning.checkpoints]
    pushList(
      args,
      begun.flatMap(([partition, each]) => [partition, checkpointText(each)]),
    )
    const keys = [state, checkpoints, barriers, ...left]
    const [kind, format] = await this.#connection.run('open', keys, args)
    if (kind === 'opened') return epoch
    refuseOtherFormat(format, state)
    return undefined
  }

  async giveInstance(epoch: Epoch): Promise<void> {
    await this.#connection.run('give-instance', [this.#keys.state], [epoch, newInstance()])
  }

  async turn(turn: Turn): Promise<Epoch | undefined> {
    const { state, checkpoints, problems, doubts } = this.#keys
    const epoch = newEpoch()
    const args: string[] = [turn.epoch, epoch]
    const fall = turn.watermarkMayFall === true ? ['watermark-history', ''] : []
    pushList(args, [...declarationFields(turn.declarations, turn.topics), ...fall])
    pushList(
      args,
      partitionsOf(turn.topics).flatMap((name) => restartArgs(turn, name)),
    )
    pushList(
      args,
      turn.doubts.flatMap((doubt) => [doubt.id, doubt.name, doubtText(doubt)]),
    )
    const keys = [state, checkpoints, problems, doubts]
    const [kind, partition] = await this.#connection.run('turn', keys, args)
    if (kind === 'offset') {
      throw new Error(`checkpoint ${String(partition)} is moved without an offset to go to`)
    }
    return kind === 'turned' ? epoch : undefined
  }

  async publish(barrier: Barrier, forget: readonly number[]): Promise<void> {
    const { state, barriers } = this.#keys
    const args = [String(barrier.number), encodeBarrier(barrier), ...forget.map(String)]
    await this.#connection.run('publish', [state, barriers], args)
  }

  async advance(epoch: Epoch, barrier: Barrier, takenAgoMs: number): Promise<boolean> {
    const { state, checkpoints } = this.#keys
    const { lsn, history, ends } = barrier
    const args: string[] = [epoch, formatLsn(lsn), history, String(Math.round(takenAgoMs))]
    for (const [partition, end] of ends) args.push(partition, end.toString())
    const [kind] = await this.#connection.run('advance', [state, checkpoints], args)
    return kind === 'advanced'
  }

  async observe({ epoch, before, after, doubts }: Observation): Promise<boolean> {
    const args: string[] = [epoch, orNone(before), after]
    for (const doubt of doubts) pushDoubt(args, doubt)
    const keys = [this.#keys.state, this.#keys.doubts]
    const [kind] = await this.#connection.run('observe', keys, args)
    return kind === 'observed'
  }
}

/** A partition as `turn.lua` reads it. */
function restartArgs({ restarts, offsets }: Turn, name: string): readonly string[] {
  const to = offsets.get(name)
  const how = restartOf(restarts, name)
  if (to === undefined) return [name, how, '', '']
  return [name, how, to.toString(), checkpointText(restarted(undefined, how, to))]
}
