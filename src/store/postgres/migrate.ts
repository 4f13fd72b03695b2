import { readdirSync, readFileSync } from 'node:fs'
import { MillraceError } from '../../errors.ts'
import type { PostgresConnection, Transaction } from './connection.ts'
import { schemaLock } from './locks.ts'

/** Numbered files, only ever appended to: `0001-books.sql`. */
const folder = new URL('../../../sql/store/', import.meta.url)

/**
 * Brings the schema `millrace` to what this release knows, one process at a time. Rejects with
 * code `store-newer` when a newer release was here.
 */
export async function migrate(connection: PostgresConnection): Promise<void> {
  const steps = stepsKnown()
  await connection.transaction([schemaLock], async (transaction) => {
    const applied = await appliedSoFar(transaction)
    refuseNewer(applied, steps.length)
    for (const { file, number } of steps.filter((step) => step.number > applied)) {
      await transaction.query(readFileSync(new URL(file, folder), 'utf8'))
      await transaction.query('insert into millrace.migrations (number) values ($1)', [number])
    }
    return true
  })
}

/**
 * Asks for the right to read alone. Rejects with `store-layout` when the schema is missing or of an
 * older release, with `store-newer` when a newer one was here.
 */
export async function requireSchema(connection: PostgresConnection): Promise<void> {
  const known = stepsKnown().length
  const applied = (await exists(connection, 'millrace.migrations')) ? await newest(connection) : 0
  refuseNewer(applied, known)
  if (applied === known) return
  const found =
    applied === 0 ? 'there is no schema millrace' : `the schema millrace is at ${applied}`
  throw new MillraceError('store-layout', `${found}, this release needs it at ${known}`, {
    hint: 'Start a worker of this release first: it makes the schema, and readers never do.',
  })
}

function stepsKnown(): readonly { readonly file: string; readonly number: number }[] {
  return readdirSync(folder)
    .filter((file) => /^\d{4}-.*\.sql$/.test(file))
    .toSorted((a, b) => Number(a > b) - Number(a < b))
    .map((file) => ({ file, number: Number(file.slice(0, 4)) }))
}

async function appliedSoFar(transaction: Transaction): Promise<number> {
  if (await exists(transaction, 'millrace.migrations')) return newest(transaction)
  // Where the schema is there already, its owner may have given rights to nothing more.
  const schema = await transaction.query(`select to_regnamespace('millrace') is null as missing`)
  if (schema.rows[0]?.missing) await transaction.query('create schema millrace')
  await transaction.query(`create table millrace.migrations (
    number integer primary key,
    applied_at timestamptz not null default now()
  )`)
  return 0
}

async function exists(asked: Pick<Transaction, 'query'>, table: string): Promise<boolean> {
  const { rows } = await asked.query('select to_regclass($1) is not null as there', [table])
  return rows[0]!.there === true
}

async function newest(asked: Pick<Transaction, 'query'>): Promise<number> {
  const text = 'select coalesce(max(number), 0) as number from millrace.migrations'
  const { rows } = await asked.query(text)
  return Number(rows[0]!.number)
}

function refuseNewer(applied: number, known: number): void {
  if (applied <= known) return
  throw new MillraceError(
    'store-newer',
    `the schema millrace is at ${applied}, this release knows it up to ${known}`,
    { hint: 'A newer Millrace has written here. Upgrade this one, or use another database.' },
  )
}
