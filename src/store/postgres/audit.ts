import { MillraceError } from '../../errors.ts'
import type { ViewLayout } from '../../mutation.ts'
import type {
  CorrectionResult,
  CorrectionStep,
  LookAnswer,
  LookQuestion,
  ProgressStep,
  ScanPage,
  ViewAudit,
} from '../audit.ts'
import { checkCorrections, checkKeys } from '../checks.ts'
import { limits } from '../limits.ts'
import type { Epoch } from '../state.ts'
import { tallyName } from './cell-sql.ts'
import { parseCheckpoints } from './checkpoints.ts'
import { statement, type SqlRow, type Transaction } from './connection.ts'
import type { EntrySql } from './entry-sql.ts'
import { mutate, rejectNamed } from './mutate.ts'
import { scanText } from './scan.ts'
import { cleanTickets, consumeTickets, holdTickets, leaveTickets } from './tickets.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresAudit implements ViewAudit {
  readonly #parts: ViewParts
  readonly #layout: ViewLayout

  constructor(parts: ViewParts, layout: ViewLayout) {
    this.#parts = parts
    this.#layout = layout
  }

  async look({ epoch, keys, ticket }: LookQuestion): Promise<LookAnswer> {
    checkKeys(keys, limits.lookKeysMax)
    const { connection, view, table, locks } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const possible = new Set(table.possible(keys))
      if (ticket !== undefined) {
        const leaving = { view, epoch, lock: locks.tickets, ticket, keys: [...possible] }
        await leaveTickets(connection, leaving)
      }
      // One statement sees one moment, and this one begins after the tickets lie there.
      const asked = keys.map((key) => (possible.has(key) ? key : null))
      const { rows } = await connection.query(sql.look, [view, epoch, ...sql.values(asked)])
      if (ticket !== undefined) await cleanTickets(connection)
      const [row] = rows
      if (!row) return { kind: 'conflict' }
      return {
        kind: 'entries',
        texts: row.texts as readonly string[],
        checkpoints: parseCheckpoints(row.checkpoints as readonly SqlRow[]),
        keepFrom: (row.keep_from as number | null) ?? undefined,
      }
    })
  }

  async correct(step: CorrectionStep): Promise<CorrectionResult> {
    checkCorrections(step, this.#layout)
    const { connection, table } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const changes = step.corrections
      const done = this.#correct(step, sql)
      return done.catch((error) => rejectNamed(error, { connection, sql, changes }))
    })
  }

  async scan(cursor: string | undefined): Promise<ScanPage> {
    const { connection, table } = this.#parts
    if (cursor !== undefined && table.possible([cursor]).length === 0) throw scanLost(cursor)
    return table.with(this.#layout, async (sql) => {
      const withCells = await table.cells.exists()
      const { rows } = await (cursor === undefined
        ? connection.query(scanText(sql, { withCells, after: undefined }))
        : connection.query(
            scanText(sql, { withCells, after: sql.parameters(1) }),
            sql.values([cursor]).flat(),
          ))
      const all = rows.map(({ entry }) => entry as string)
      const keys = all.slice(0, limits.scanPageKeys)
      return { keys, cursor: all.length > keys.length ? keys.at(-1) : undefined }
    })
  }

  /**
   * Sets the fields to null and leaves their columns. Dropping these would need a lock that readers
   * of every declaration wait behind; a column without values costs nothing, and may be dropped by
   * whoever runs the database. Tallies of these names are removed, some of them at a time: nobody
   * writes what no declaration has.
   */
  async sweep(epoch: Epoch, keys: readonly string[], fields: readonly string[]): Promise<boolean> {
    const { connection, view, table, locks } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const swept = await connection.transaction([locks.shared], async (transaction) => {
        if (!(await isEpoch(transaction, view, epoch))) return undefined
        const columns = await table.existing(transaction, fields)
        await clear(transaction, sql, { keys: table.possible(keys), columns })
        return true
      })
      return swept === true && this.#sweepCells({ epoch, keys, fields }, sql)
    })
  }

  async progress({ epoch, before, after, ended, completed }: ProgressStep): Promise<boolean> {
    const { connection, view } = this.#parts
    const values = [view, epoch, before ?? null, after, ended, completed]
    return (await connection.query(progressText, values)).rowCount === 1
  }

  async #sweepCells({ epoch, keys, fields }: Sweeping, sql: EntrySql): Promise<boolean> {
    const { connection, view, table, locks } = this.#parts
    if (!(await table.cells.exists())) return true
    const values = [fields.map(tallyName), ...sql.values(table.possible(keys))]
    for (;;) {
      const found = await connection.transaction([locks.shared], async (transaction) => {
        if (!(await isEpoch(transaction, view, epoch))) return undefined
        const { rows } = await transaction.query(sql.cells.find, values)
        const places = rows.map(({ place }) => place as string)
        if (places.length > 0) await transaction.query(sql.cells.remove, [places])
        return places.length
      })
      if (found === undefined) return false
      if (found === 0) return true
    }
  }

  async #correct(step: CorrectionStep, sql: EntrySql): Promise<CorrectionResult> {
    const { epoch, ticket, corrections } = step
    const { connection, view, locks } = this.#parts
    const begin = [locks.shared, locks.ticketsShared]
    const result = await connection.transaction<CorrectionResult>(begin, async (transaction) => {
      if (!(await isEpoch(transaction, view, epoch))) return undefined
      const entries = this.#parts.table.possible(corrections.map(({ entry }) => entry))
      const held = await holdTickets(transaction, { view, ticket, entries })
      const lost: number[] = []
      const allowed = corrections.map(({ entry, put, add, cells }, index) => {
        const mayAdd = held.get(entry)?.amounts === true
        const mayPut = held.get(entry)?.row === true
        const adds = Object.keys(add).length > 0 || cells !== undefined
        if ((adds && !mayAdd) || (put !== undefined && !mayPut)) lost.push(index)
        const amounts = mayAdd ? { add, cells } : { add: {} }
        return { entry, put: mayPut ? put : undefined, ...amounts }
      })
      const changes = allowed.filter(({ entry }) => held.has(entry))
      await mutate(transaction, sql, changes)
      await consumeTickets(transaction, { view, ticket, entries })
      return { kind: 'applied', lost }
    })
    return result ?? { kind: 'conflict' }
  }
}

type Sweeping = {
  readonly epoch: Epoch
  readonly keys: readonly string[]
  readonly fields: readonly string[]
}

const progressText = statement(
  'progress',
  `with v as (
     update millrace.views set pass = $4, declarations = (
       select coalesce(jsonb_agg(
         case when declaration->>'id' = any($6::text[])
           then declaration || '{"complete": true}' else declaration end order by place), '[]')
       from jsonb_array_elements(declarations) with ordinality as d (declaration, place))
     where view = $1 and epoch = $2 and pass is not distinct from $3
     returning view
   ), gone as (
     delete from millrace.doubts d using v where d.view = v.view and d.id = any($5::text[])
   )
   select from v`,
)

async function isEpoch(transaction: Transaction, view: string, epoch: Epoch): Promise<boolean> {
  const text = 'select from millrace.views where view = $1 and epoch = $2'
  return (await transaction.query(text, [view, epoch])).rowCount === 1
}

type Clearing = { readonly keys: readonly string[]; readonly columns: readonly string[] }

/** Entries are locked in the order of their keys, as in every batch. */
async function clear(transaction: Transaction, sql: EntrySql, { keys, columns }: Clearing) {
  const { table, order } = sql
  const those = sql.among(1)
  const values = sql.values(keys)
  await transaction.query(
    `select from ${table} e where ${those} order by ${order} for update`,
    values,
  )
  if (columns.length > 0) {
    const nulls = columns.map((column) => `${column} = null`).join(', ')
    const some = columns.map((column) => `e.${column} is not null`).join(' or ')
    await transaction.query(`update ${table} e set ${nulls} where ${those} and (${some})`, values)
  }
  await transaction.query(sql.removeEmpty, values)
}

function scanLost(cursor: string): MillraceError {
  return new MillraceError('scan-lost', `'${cursor}' is no key of the view's table`, {
    hint: 'It is the cursor of another store. The scan begins anew.',
  })
}
