import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { LogRecord, Row } from '../change.ts'
import { consolidator, merge } from '../view/consolidate.ts'
import type { Mutation } from '../mutation.ts'
import type { KafkaOffset } from '../position.ts'

/** What the last record of a key leaves of its row. */
export type RowState =
  | { readonly kind: 'row'; readonly key: Row; readonly contributions: readonly Mutation[] }
  /** Deleted: the key is emptied. */
  | { readonly kind: 'gone' }
  /** Counts only if it stays the last of its key: then the record is parked with the pour. */
  | { readonly kind: 'undecodable'; readonly record: LogRecord; readonly reason: string }

/** Rows handled at once: a few milliseconds of work. */
const rowsPerPage = 1_000

/**
 * Primary key to what its row gives to the view: the last record of a key wins. It lives in a
 * temporary SQLite database, which stays in memory while it is small and goes to disk by itself.
 */
export class RowTable {
  readonly #db = new DatabaseSync('')
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #removeUntouched: StatementSync

  constructor() {
    // One transaction that never ends: nothing here outlives the process, so nothing is committed.
    this.#db.exec(`
      pragma journal_mode = off;
      pragma synchronous = off;
      pragma cache_size = -65536;
      create table row (
        id integer primary key,
        key blob not null unique,
        last_offset integer not null,
        primary_key text,
        contributions text,
        reason text,
        record_key blob,
        record_value blob,
        timestamp_ms integer
      );
      begin`)
    this.#put = this.#db.prepare(`
      insert into row (key, last_offset, primary_key, contributions, reason, record_key,
        record_value, timestamp_ms)
      values (?, ?, ?, ?, ?, ?, ?, ?)
      on conflict (key) do update set last_offset = excluded.last_offset,
        primary_key = excluded.primary_key, contributions = excluded.contributions,
        reason = excluded.reason, record_key = excluded.record_key,
        record_value = excluded.record_value, timestamp_ms = excluded.timestamp_ms`)
    this.#remove = this.#db.prepare('delete from row where key = ?')
    this.#removeUntouched = this.#db.prepare('delete from row where id = ? and last_offset < ?')
  }

  /** Sets what `record` leaves of the row with its key. */
  set({ key, offset, value, timestampMs }: LogRecord, state: RowState): void {
    // A record without a key stands for itself alone.
    const name = key ?? Buffer.from(`offset ${offset}`)
    if (state.kind === 'gone') {
      this.#remove.run(name)
    } else if (state.kind === 'row') {
      const [primaryKey, body] = [serialize(state.key), serialize(state.contributions)]
      this.#put.run(name, offset, primaryKey, body, null, null, null, null)
    } else {
      this.#put.run(name, offset, null, null, state.reason, key, value, timestampMs)
    }
  }

  /** Pages of rows, each with an id to remove it by. */
  *rows(): Generator<readonly { readonly id: number; readonly key: Row }[]> {
    for (const page of this.#pages('primary_key')) {
      yield page.map(({ id, text }) => ({ id, key: deserialize(text) as Row }))
    }
  }

  /** Removes the row unless a record at or above `offset` has touched it. True if removed. */
  removeUntouched(id: number, offset: KafkaOffset): boolean {
    return this.#removeUntouched.run(id, offset).changes > 0
  }

  /**
   * Merged contributions of all rows, one mutation an entry, in the order of the entries. Summed
   * in pages with turns of the event loop between them: heartbeats go on, however many rows.
   */
  async *mutations(): AsyncGenerator<Mutation> {
    this.#db.exec('create table sum (entry text primary key, mutation text) without rowid')
    const find = this.#db.prepare('select mutation from sum where entry = ?')
    const set = this.#db.prepare('insert or replace into sum (entry, mutation) values (?, ?)')
    for (const page of this.#pages('contributions')) {
      const sums = consolidator()
      for (const { text } of page) sums.add(deserialize(text) as Mutation[])
      for (const mutation of sums.take()) {
        const known = find.get(mutation.entry)?.['mutation']
        const before = known === undefined ? undefined : (deserialize(String(known)) as Mutation)
        set.run(mutation.entry, serialize(before ? merge(before, mutation) : mutation))
      }
      await turnOfTheLoop()
    }
    const page = this.#db.prepare(
      'select entry, mutation from sum where ?1 is null or entry > ?1 order by entry limit ?2',
    )
    let last: string | null = null
    for (;;) {
      const rows: Record<string, unknown>[] = page.all(last, rowsPerPage)
      for (const row of rows) yield deserialize(String(row['mutation'])) as Mutation
      if (rows.length < rowsPerPage) return
      last = String(rows.at(-1)!['entry'])
      await turnOfTheLoop()
    }
  }

  /** The first records that are the last of their key and could not be decoded, by offset. */
  undecodable(most: number): readonly { readonly record: LogRecord; readonly reason: string }[] {
    const rows = this.#db
      .prepare('select * from row where contributions is null order by last_offset limit ?')
      .all(most)
    return rows.map((row) => ({
      record: {
        offset: BigInt(Number(row['last_offset'])) as KafkaOffset,
        timestampMs: Number(row['timestamp_ms']),
        key: row['record_key'] as Uint8Array | null,
        value: row['record_value'] as Uint8Array | null,
      },
      reason: String(row['reason']),
    }))
  }

  get size(): number {
    return Number(this.#db.prepare('select count(*) as rows from row').get()!['rows'])
  }

  close(): void {
    this.#db.close()
  }

  *#pages(column: 'contributions' | 'primary_key') {
    const page = this.#db.prepare(
      `select id, ${column} as text from row
        where id > ? and contributions is not null order by id limit ?`,
    )
    let last = 0
    for (;;) {
      const rows = page
        .all(last, rowsPerPage)
        .map((row) => ({ id: Number(row['id']), text: String(row['text']) }))
      if (rows.length === 0) return
      yield rows
      last = rows.at(-1)!.id
    }
  }
}

/** JSON in which a bigint is `{"$": "123"}`. */
function serialize(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? { $: inner.toString() } : inner,
  )
}

function deserialize(text: string): unknown {
  return JSON.parse(text, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && '$' in inner ? BigInt(String(inner.$)) : inner,
  )
}
