import { readdirSync, readFileSync } from 'node:fs'
import { MillraceError } from '../../errors.ts'
import { lockNumber, type PostgresConnection, type Transaction } from './connection.ts'

/** Numbered files, only ever appended to: `0001-books.sql`. */
const folder = new URL('../../../sql/store/', import.meta.url)

/**
 * Brings the schema `millrace` to what this release knows, one process at a time. Rejects with
 * code `store-newer` when a newer release was here.
 */
export async function migrate(connection: PostgresConnection): Promise<void> {
  const steps = readdirSync(folder)
    .filter((file) => /^\d{4}-.*\.sql$/.test(file))
    .toSorted((a, b) => Number(a > b) - Number(a < b))
    .map((file) => ({ file, number: Number(file.slice(0, 4)) }))
  const newest = steps.at(-1)!.number
  await connection.transaction(
    `begin; select pg_advisory_xact_lock(${lockNumber('migrations')})`,
    async (transaction) => {
      const applied = await appliedSoFar(transaction)
      if (applied > newest) throw newerError(applied, newest)
      for (const { file, number } of steps.filter((step) => step.number > applied)) {
        await transaction.query(readFileSync(new URL(file, folder), 'utf8'))
        await transaction.query('insert into millrace.migrations (number) values ($1)', [number])
      }
      return true
    },
  )
}

async function appliedSoFar(transaction: Transaction): Promise<number> {
  const { rows } = await transaction.query(
    `select to_regclass('millrace.migrations') is null as new`,
  )
  if (rows[0]?.new) {
    // Where the schema is there already, its owner may have given rights to nothing more.
    const schema = await transaction.query(`select to_regnamespace('millrace') is null as new`)
    if (schema.rows[0]?.new) await transaction.query('create schema millrace')
    await transaction.query(`create table millrace.migrations (
      number integer primary key,
      applied_at timestamptz not null default now()
    )`)
  }
  const found = await transaction.query(
    'select coalesce(max(number), 0) as number from millrace.migrations',
  )
  return Number(found.rows[0]!.number)
}

function newerError(applied: number, newest: number): MillraceError {
  return new MillraceError(
    'store-newer',
    `the schema millrace is at ${applied}, this release knows it up to ${newest}`,
    { hint: 'A newer Millrace has written here. Upgrade this one, or use another database.' },
  )
}
