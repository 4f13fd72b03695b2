import { topicPartitionName } from '../../position.ts'
import type { ViewLayout } from '../../mutation.ts'
import { checkCommit, overflowError } from '../checks.ts'
import { encodeProblem } from '../codec.ts'
import { limits } from '../limits.ts'
import { encodeParked } from '../parked.ts'
import type { Checkpoint, Doubt, Epoch, Problem } from '../state.ts'
import type { Commit, CommitResult, ViewWriter } from '../writer.ts'
import type { RedisConnection, Reply } from './connection.ts'
import { EntryHash } from './entry-hash.ts'
import { EntryTallies } from './entry-tallies.ts'
import type { ViewKeys } from './keys.ts'
import { checkpointText, parseCheckpoint, parseCheckpoints, pushDoubt, pushList } from './texts.ts'

export class RedisWriter implements ViewWriter {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  readonly #layout: ViewLayout
  readonly #hash: EntryHash
  readonly #tallies: EntryTallies

  constructor(connection: RedisConnection, keys: ViewKeys, layout: ViewLayout) {
    this.#connection = connection
    this.#keys = keys
    this.#layout = layout
    this.#hash = new EntryHash(layout)
    this.#tallies = new EntryTallies(layout, keys, this.#hash.watched.length)
  }

  async checkpoints(epoch: Epoch): Promise<ReadonlyMap<string, Checkpoint>> {
    const { state, checkpoints } = this.#keys
    const [kind, found] = await this.#connection.run('checkpoints', [state, checkpoints], [epoch])
    return kind === 'conflict' ? new Map() : parseCheckpoints(found!, checkpoints)
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#layout)
    const { state, checkpoints, parked, doubts, rowTickets, entry: keyOf } = this.#keys
    const keys = [state, checkpoints, parked, doubts, rowTickets]
    const args = this.#args(commit)
    for (const mutation of commit.mutations) {
      keys.push(keyOf(mutation.entry))
      this.#hash.pushMutation(args, mutation)
      this.#tallies.pushCells({ keys, args }, mutation.entry, mutation.cells)
    }
    return this.#result(commit, await this.#connection.run('commit', keys, args))
  }

  async raise(epoch: Epoch, doubt: Doubt): Promise<boolean> {
    const { state, doubts } = this.#keys
    const args: string[] = [epoch]
    pushDoubt(args, doubt)
    const [kind] = await this.#connection.run('raise', [state, doubts], args)
    return kind === 'raised'
  }

  async report(place: string, problem: Problem | undefined): Promise<void> {
    const args = [place, problem ? encodeProblem(problem) : '']
    await this.#connection.run('report', [this.#keys.problems], args)
  }

  async displace(epoch: Epoch, entry: string, doubt?: Doubt): Promise<string | undefined> {
    const { state, tickets, rowTickets, doubts, displaced, entry: keyOf } = this.#keys
    const places = [keyOf(entry)]
    this.#tallies.pushKeys(places, entry)
    const args: string[] = [epoch]
    if (doubt) pushDoubt(args, doubt)
    else args.push('', '', '')
    pushList(args, this.#hash.counters)
    pushList(args, places.map(displaced))
    const keys = [state, tickets, rowTickets, doubts, ...places]
    const [kind, ...names] = await this.#connection.run('displace', keys, args)
    return kind === 'displaced' ? names.join(', ') : undefined
  }

  /** All but the mutations. */
  #args({ epoch, partition, from, to, leftOutBelow, parked, doubts }: Commit): string[] {
    const name = topicPartitionName(partition)
    const args = [epoch, name, String(from), checkpointText(to), String(limits.parkedMax)]
    args.push(leftOutBelow === undefined ? '' : String(leftOutBelow))
    pushList(args, this.#hash.watched)
    const records = parked.flatMap((record) => [`${name}/${record.offset}`, encodeParked(record)])
    pushList(args, records)
    args.push(String(doubts.length * 3))
    for (const doubt of doubts) pushDoubt(args, doubt)
    return args
  }

  #result({ mutations }: Commit, reply: readonly Reply[]): CommitResult {
    const [kind, detail] = reply
    const entryAt = (index: Reply | undefined) => mutations[Number(index)]!.entry
    const countAt = (index: Reply | undefined) =>
      this.#hash.counterAt(Number(index)) ?? this.#tallies.nameAt(Number(index))!
    if (kind === 'overflow') throw overflowError(entryAt(detail), countAt(reply[2]))
    if (kind === 'conflict') {
      const { checkpoints } = this.#keys
      const found = typeof detail === 'string' ? parseCheckpoint(detail, checkpoints) : undefined
      return { kind, found }
    }
    const belowZero: { entry: string; count: string }[] = []
    for (let at = 1; at < reply.length; at += 2) {
      belowZero.push({ entry: entryAt(reply[at]), count: countAt(reply[at + 1]) })
    }
    return { kind: 'applied', belowZero }
  }
}
