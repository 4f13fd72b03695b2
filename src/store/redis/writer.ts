import { topicPartitionName, type TopicPartition } from '../../position.ts'
import type { ViewLayout } from '../../mutation.ts'
import { checkCommit, checkPour, overflowError } from '../checks.ts'
import { decodeCheckpoint, encodeCheckpoint, encodeMark, encodeProblem } from '../codec.ts'
import { encodeParked } from '../parked.ts'
import type {
  Checkpoint,
  Commit,
  CommitResult,
  Generation,
  GenerationId,
  Mark,
  Pour,
  Problem,
  ViewWriter,
} from '../store.ts'
import type { RedisConnection, Reply } from './connection.ts'
import type { RedisLayout } from './keys.ts'
import { pairs, readStatus } from './state.ts'

type Step = {
  readonly phase: 'building' | ''
  /** What must stand at the partition, as `commit.lua` says it. */
  readonly expected: string
  readonly unparked: readonly bigint[]
  readonly mark: Mark | undefined
  readonly markBelowZero: Mark | undefined
}

export class RedisWriter implements ViewWriter {
  readonly #connection: RedisConnection
  readonly #view: ViewLayout
  readonly #layout: RedisLayout

  constructor(connection: RedisConnection, view: ViewLayout, layout: RedisLayout) {
    this.#connection = connection
    this.#view = view
    this.#layout = layout
  }

  async generation(): Promise<Generation | undefined> {
    return (await readStatus(this.#connection, this.#layout)).generation
  }

  async checkpoints(generation: GenerationId): Promise<ReadonlyMap<string, Checkpoint>> {
    const { state, checkpoints } = this.#layout
    const reply = await this.#connection.run('checkpoints', [state, checkpoints], [generation])
    const found = [...pairs(reply.slice(1))].map(
      ([partition, text]) => [partition, decodeCheckpoint(text, checkpoints)] as const,
    )
    return new Map(found)
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#view)
    return this.#apply(commit, { ...commit, phase: '', expected: `live ${commit.from}` })
  }

  async pour(pour: Pour): Promise<CommitResult> {
    checkPour(pour, this.#view)
    const expected = pour.poured === 0 ? 'absent' : `pouring ${pour.poured}`
    const none = { unparked: [], mark: undefined, markBelowZero: undefined }
    return this.#apply(pour, { phase: 'building', expected, ...none })
  }

  async mark(generation: GenerationId, mark: Mark): Promise<boolean> {
    const args = [generation, encodeMark(mark)]
    const [kind] = await this.#connection.run('mark', [this.#layout.state], args)
    return kind === 'marked'
  }

  async report(partition: TopicPartition, problem: Problem | undefined): Promise<void> {
    const field = topicPartitionName(partition)
    const { problems } = this.#layout
    if (!problem) await this.#connection.command('hdel', [problems, field])
    else await this.#connection.command('hset', [problems, field, encodeProblem(problem)])
  }

  async #apply(change: Commit | Pour, step: Step): Promise<CommitResult> {
    const { state, checkpoints, parked } = this.#layout
    const keys = [state, checkpoints, parked]
    for (const { entry } of change.mutations) keys.push(this.#layout.entry(entry))
    return this.#result(
      change,
      await this.#connection.run('commit', keys, this.#args(change, step)),
    )
  }

  #args(change: Commit | Pour, step: Step): string[] {
    const { phase, expected, unparked, mark, markBelowZero } = step
    const name = topicPartitionName(change.partition)
    const args: string[] = [change.generation, phase, name, expected, encodeCheckpoint(change.to)]
    args.push(mark ? encodeMark(mark) : '', markBelowZero ? encodeMark(markBelowZero) : '')
    args.push(String(this.#layout.watched.length), ...this.#layout.watched)
    args.push(String(change.parked.length * 2))
    for (const record of change.parked) args.push(`${name}/${record.offset}`, encodeParked(record))
    args.push(String(unparked.length))
    for (const offset of unparked) args.push(`${name}/${offset}`)
    for (const mutation of change.mutations) this.#layout.pushMutation(args, mutation)
    return args
  }

  #result({ mutations }: Commit | Pour, reply: readonly Reply[]): CommitResult {
    const [kind, detail] = reply
    const entryAt = (index: Reply | undefined) => mutations[Number(index)]!.entry
    const countAt = (index: Reply | undefined) => this.#layout.counterAt(Number(index))
    if (kind === 'overflow') throw overflowError(entryAt(detail), countAt(reply[2]))
    if (kind === 'conflict') {
      const found = typeof detail === 'string' ? detail : undefined
      const { checkpoints } = this.#layout
      return { kind, found: found && decodeCheckpoint(found, checkpoints) } as CommitResult
    }
    const belowZero: { entry: string; count: string }[] = []
    for (let at = 2; at < reply.length; at += 2) {
      belowZero.push({ entry: entryAt(reply[at]), count: countAt(reply[at + 1]) })
    }
    return { kind: 'applied', belowZero, parked: Number(detail) }
  }
}
