import { formatLsn } from '../../position.ts'
import { encodeOffsets } from '../codec.ts'
import { newGeneration, newGenerationId } from '../generation.ts'
import { limits } from '../limits.ts'
import type { Barrier, Generation, GenerationId, ViewCoordination } from '../store.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisLayout } from './keys.ts'
import { scanKeys } from './reader.ts'

export class RedisCoordination implements ViewCoordination {
  readonly #connection: RedisConnection
  readonly #layout: RedisLayout

  constructor(connection: RedisConnection, layout: RedisLayout) {
    this.#connection = connection
    this.#layout = layout
  }

  async lease(holder: string, ttlMs: number): Promise<boolean> {
    const args = [holder, String(ttlMs)]
    const [kind] = await this.#connection.run('lease', [this.#layout.lease], args)
    return kind === 'held'
  }

  async open(topics: Readonly<Record<string, number>>): Promise<Generation | undefined> {
    const { state } = this.#layout
    const id = newGenerationId()
    const args = [id, JSON.stringify(topics)]
    const [kind] = await this.#connection.run('open', [state, ...this.#books()], args)
    return kind === 'opened' ? newGeneration(id, topics) : undefined
  }

  async publish(generation: GenerationId, barrier: Barrier): Promise<void> {
    const { state, barrier: key } = this.#layout
    const { lsn, from, ends, takenAtMs } = barrier
    const offsets = [encodeOffsets(from), encodeOffsets(ends)]
    const args = [generation, formatLsn(lsn), String(takenAtMs), ...offsets]
    await this.#connection.run('publish', [state, key], args)
  }

  async advance(generation: GenerationId, barrier: Barrier): Promise<boolean> {
    const { state, checkpoints } = this.#layout
    const args: string[] = [generation, formatLsn(barrier.lsn)]
    for (const [partition, end] of barrier.ends) args.push(partition, end.toString())
    const [kind] = await this.#connection.run('advance', [state, checkpoints], args)
    return kind === 'advanced'
  }

  async *drop(seen: GenerationId | undefined): AsyncIterable<number> {
    const args = [seen ?? '', newGenerationId()]
    const [turned, dropping] = await this.#connection.run('drop-begin', [this.#layout.state], args)
    if (turned === 'conflict') return
    const id = String(dropping)
    let removed = 0
    yield removed
    for await (const found of scanKeys(this.#connection, this.#layout.everyEntryPattern)) {
      const keys = found.filter((key) => this.#layout.isEntry(key))
      for (let at = 0; at < keys.length; at += limits.dropKeysPerCallMax) {
        const page = [this.#layout.state, ...keys.slice(at, at + limits.dropKeysPerCallMax)]
        const [kind, count] = await this.#connection.run('drop-keys', page, [id])
        if (kind === 'conflict') return
        removed += Number(count)
        yield removed
      }
    }
    const [, count] = await this.#connection.run('drop-end', this.#end(), [id])
    if (count) yield removed + Number(count)
  }

  #books(): readonly string[] {
    const { checkpoints, parked, problems, barrier } = this.#layout
    return [checkpoints, parked, problems, barrier]
  }

  #end(): readonly string[] {
    return [this.#layout.state, ...this.#books()]
  }
}
