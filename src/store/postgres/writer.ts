import type { Mutation, NamedColumn, ViewLayout } from '../../mutation.ts'
import { postgresTimestamptz } from '../../timestamptz.ts'
import type { TopicPartition } from '../../position.ts'
import { checkCommit, checkPour } from '../checks.ts'
import { encodeMark, encodeProblem } from '../codec.ts'
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
import type { PostgresConnection, SqlRow, Statement, Transaction } from './connection.ts'
import { checkpointValues, parseCheckpoint, readGeneration } from './state.ts'
import type { ViewTable } from './table.ts'

/**
 * A partition's checkpoint moves only by one of these, each of which compares the generation and
 * what stands there. Whoever holds the view shared sees a state that does not turn to dropping.
 */
const claims = {
  commit: claim(
    'move live',
    `${move()} where ${place()} and c.phase = 'live' and c.next = $13
    and exists (select from millrace.views v where v.view = $1 and v.generation = $14
      and v.phase <> 'dropping')`,
  ),
  pour: claim(
    'move pouring',
    `${move()} where ${place()} and c.phase = 'pouring' and c.poured = $13
    and exists (select from millrace.views v where v.view = $1 and v.generation = $14
      and v.phase = 'building')`,
  ),
  first: claim(
    'begin pouring',
    `insert into millrace.checkpoints
    select $1, $2, $3::integer, $4, $5::integer, $6::bigint, $7::bigint, $8, $9::bigint,
      $10::bigint, $11::bigint, $12::integer
    where $13 = 0 and exists (select from millrace.views v where v.view = $1
      and v.generation = $14 and v.phase = 'building')
    on conflict do nothing`,
  ),
}

export class PostgresWriter implements ViewWriter {
  readonly #connection: PostgresConnection
  readonly #layout: ViewLayout
  readonly #table: ViewTable

  constructor(connection: PostgresConnection, layout: ViewLayout, table: ViewTable) {
    this.#connection = connection
    this.#layout = layout
    this.#table = table
  }

  generation(): Promise<Generation | undefined> {
    return readGeneration(this.#connection, this.#layout.name)
  }

  async checkpoints(generation: GenerationId): Promise<ReadonlyMap<string, Checkpoint>> {
    const { rows } = await this.#connection.query(
      `select c.* from millrace.views v join millrace.checkpoints c using (view)
       where view = $1 and v.generation = $2`,
      [this.#layout.name, generation],
    )
    return new Map(rows.map(parseCheckpoint))
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#layout)
    const result = await this.#connection.change('shared', async (transaction) => {
      const claimed = await this.#claim(transaction, claims.commit, {
        ...commit,
        found: commit.from,
      })
      if (!claimed) return undefined
      const applied = await this.#apply(transaction, commit, commit.unparked)
      const broken = applied.belowZero.length > 0 && applied.parked === 0
      const mark = commit.mark ?? (broken ? commit.markBelowZero : undefined)
      if (mark) await transaction.query(markText, this.#markValues(commit.generation, mark))
      return applied
    })
    return result ?? this.#conflict(commit)
  }

  async pour(pour: Pour): Promise<CommitResult> {
    checkPour(pour, this.#layout)
    const statement = pour.poured === 0 ? claims.first : claims.pour
    const result = await this.#connection.change('shared', async (transaction) => {
      const claimed = await this.#claim(transaction, statement, { ...pour, found: pour.poured })
      return claimed ? this.#apply(transaction, pour, []) : undefined
    })
    return result ?? this.#conflict(pour)
  }

  async mark(generation: GenerationId, mark: Mark): Promise<boolean> {
    const values = this.#markValues(generation, mark)
    const { rowCount } = await this.#connection.query(markText, values)
    return rowCount === 1
  }

  async report({ topic, partition }: TopicPartition, problem: Problem | undefined): Promise<void> {
    const where = [this.#layout.name, topic, partition]
    if (!problem) {
      const text = 'delete from millrace.problems where view = $1 and topic = $2 and partition = $3'
      await this.#connection.query(text, where)
      return
    }
    await this.#connection.query(
      `insert into millrace.problems values ($1, $2, $3, $4)
       on conflict (view, topic, partition) do update set problem = excluded.problem`,
      [...where, withoutNul(encodeProblem(problem))],
    )
  }

  async #claim(
    transaction: Transaction,
    statement: Statement,
    change: {
      partition: TopicPartition
      to: Checkpoint
      found: bigint | number
      generation: string
    },
  ): Promise<boolean> {
    const { partition, to, found, generation } = change
    const where = [this.#layout.name, partition.topic, partition.partition]
    const values = [...where, ...checkpointValues(to), found, generation]
    return (await transaction.query(statement, values)).rowCount === 1
  }

  async #apply(
    transaction: Transaction,
    change: Commit | Pour,
    unparked: readonly bigint[],
  ): Promise<Extract<CommitResult, { kind: 'applied' }>> {
    const belowZero = await this.#applyMutations(transaction, change.mutations)
    const { topic, partition } = change.partition
    const where = [this.#layout.name, topic, partition]
    for (const record of change.parked) {
      const { offset, timestampMs, key, value, phase, reason } = record
      await transaction.query(parkText, [
        ...where,
        offset,
        timestampMs,
        key && Buffer.from(key),
        value && Buffer.from(value),
        phase,
        withoutNul(reason),
      ])
    }
    if (unparked.length > 0) await transaction.query(unparkText, [...where, unparked])
    const { rows } = await transaction.query(countParked, [this.#layout.name])
    return { kind: 'applied', belowZero, parked: Number(rows[0]!.parked) }
  }

  async #applyMutations(transaction: Transaction, mutations: readonly Mutation[]) {
    if (mutations.length === 0) return []
    const { fields, counts } = this.#layout
    const columns = [
      mutations.map(({ entry }) => entry),
      mutations.map(({ put }) => (put === undefined ? null : put !== null)),
      ...fields.map((field) => mutations.map(({ put }) => sqlValue(field, put?.[field.name]))),
      ...counts.map((count) => mutations.map(({ add }) => add[count] ?? 0n)),
    ]
    const { rows } = await transaction.query(this.#table.apply, columns)
    const empty = rows.filter((row) => this.#isEmpty(row)).map(({ key }) => key)
    if (empty.length > 0) await transaction.query(this.#table.remove, [empty])
    const order = new Map(mutations.map(({ entry }, index) => [entry, index]))
    return rows
      .flatMap((row) => {
        const { counts: amounts, key: entry } = this.#table.parse(row)
        return counts.filter((count) => amounts[count]! < 0n).map((count) => ({ entry, count }))
      })
      .toSorted((a, b) => order.get(a.entry)! - order.get(b.entry)!)
  }

  #isEmpty(row: SqlRow): boolean {
    const { fields, counts } = this.#table.parse(row)
    return fields === null && Object.values(counts).every((amount) => amount === 0n)
  }

  async #conflict({ generation, partition }: Commit | Pour): Promise<CommitResult> {
    const { rows } = await this.#connection.query(
      `select c.* from millrace.views v join millrace.checkpoints c using (view)
       where view = $1 and v.generation = $2 and v.phase <> 'dropping'
         and c.topic = $3 and c.partition = $4`,
      [this.#layout.name, generation, partition.topic, partition.partition],
    )
    return { kind: 'conflict', found: rows[0] && parseCheckpoint(rows[0])[1] }
  }

  #markValues(generation: GenerationId, mark: Mark): readonly unknown[] {
    return [this.#layout.name, generation, withoutNul(encodeMark(mark))]
  }
}

const markText = `update millrace.views set mark = coalesce(mark, $3)
  where view = $1 and generation = $2 and phase <> 'dropping'`

const parkText = `insert into millrace.parked values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (view, topic, partition, record_offset) do update set
    timestamp_ms = excluded.timestamp_ms, key = excluded.key, value = excluded.value,
    phase = excluded.phase, reason = excluded.reason`

const unparkText = `delete from millrace.parked
  where view = $1 and topic = $2 and partition = $3 and record_offset = any($4::bigint[])`

const countParked = 'select count(*) as parked from millrace.parked where view = $1'

function claim(name: string, text: string): Statement {
  return { name, text }
}

function move(): string {
  return `update millrace.checkpoints c set phase = $4, poured = $5, next = $6, last_offset = $7,
    last_hash = $8, window_from = $9, window_at_ms = $10, at_ms = $11, key_schema = $12`
}

function place(): string {
  return 'c.view = $1 and c.topic = $2 and c.partition = $3'
}

/** Text of Postgres holds any character but this one, as itself or as JSON writes it. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\uFFFD').replaceAll(String.raw`\u0000`, String.raw`\uFFFD`)
}

function sqlValue({ type }: NamedColumn, value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null
  return type === 'timestamptz' ? postgresTimestamptz(value) : value
}
