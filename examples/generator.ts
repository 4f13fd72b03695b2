/**
 * What the generators of the examples share: options, chance that one seed repeats, rows in bulk,
 * and changes at a pace.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { Chance } from './chance.ts'

export type Value = string | number | null

export type Row = { readonly table: string; readonly values: readonly Value[] }

/** One statement; those of one change are a transaction. */
export type Statement = { readonly sql: string; readonly values: readonly Value[] }

export type Scene = {
  readonly chance: Chance
  /** How many rows there are to begin with, of the application's largest table. */
  readonly size: number
  /** What the application takes for the present. */
  readonly nowMs: number
}

/** What lives in the tables of an example. */
export type Application = {
  /** By table: its columns in their order, and their types in SQL. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** What there is to begin with. */
  rows(scene: Scene): Iterable<Row>
  /** The next thing that somebody does. */
  change(scene: Scene): readonly Statement[]
}

/** The statement that writes a row, where none has its key. */
export function inserted({ tables }: Application, { table, values }: Row): Statement {
  const names = Object.keys(tables[table]!)
  const places = names.map((_, at) => `$${at + 1}`)
  const sql = `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`
  return { sql: `${sql} on conflict do nothing`, values }
}

export type Generated = {
  readonly seed: number
  readonly size: number
  readonly nowMs?: number
  /** Told of rows now and then. */
  readonly onProgress?: (count: number) => void
}

const rowsPerStatement = 2_000

/** Fills the tables; the same seed, size and present make the same rows. Answers how many. */
export async function fill(
  client: Client,
  application: Application,
  { seed, size, nowMs = Date.now(), onProgress = () => undefined }: Generated,
): Promise<number> {
  const waiting = new Map<string, Row[]>()
  let count = 0
  const write = async (table: string) => {
    const rows = waiting.get(table) ?? []
    if (rows.length === 0) return
    await insert(client, application, rows)
    waiting.delete(table)
    count += rows.length
    onProgress(count)
  }
  for (const row of application.rows({ chance: new Chance(seed), size, nowMs })) {
    const rows = waiting.get(row.table) ?? []
    waiting.set(row.table, rows)
    rows.push(row)
    if (rows.length === rowsPerStatement) await write(row.table)
  }
  for (const table of waiting.keys()) await write(table)
  return count
}

async function insert(
  client: Client,
  { tables }: Application,
  rows: readonly Row[],
): Promise<void> {
  const { table } = rows[0]!
  const columns = Object.entries(tables[table]!)
  const names = columns.map(([name]) => name).join(', ')
  const arrays = columns.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')
  await client.query(
    `insert into ${table} (${names}) select * from unnest(${arrays}) on conflict do nothing`,
    columns.map((_, at) => rows.map(({ values }) => values[at])),
  )
}

export type Changing = Generated & {
  /** Changes a second; as fast as it goes where left out. */
  readonly rate?: number
  readonly changesMax?: number
  readonly signal?: AbortSignal
}

/** Lets people change rows, until the signal or as many times as asked. Answers how many. */
export async function change(
  client: Client,
  application: Application,
  { seed, size, nowMs, rate, changesMax = Infinity, signal, onProgress }: Changing,
): Promise<number> {
  const chance = new Chance(seed)
  const startedMs = performance.now()
  let count = 0
  const isOver = () => count >= changesMax || signal?.aborted === true
  while (!isOver()) {
    const statements = application.change({ chance, size, nowMs: nowMs ?? Date.now() })
    await perform(client, statements)
    count += 1
    onProgress?.(count)
    const earlyMs = rate ? startedMs + (count * 1_000) / rate - performance.now() : 0
    if (earlyMs > 1) await sleep(earlyMs, undefined, { signal }).catch(() => undefined)
  }
  return count
}

async function perform(client: Client, statements: readonly Statement[]): Promise<void> {
  const isOne = statements.length === 1
  if (!isOne) await client.query('begin')
  for (const { sql, values } of statements) await client.query(sql, [...values])
  if (!isOne) await client.query('commit')
}

const usage = `usage: node generate.ts --source postgres://… [options]

  --source URL   the source database, by a role that may write (MILLRACE_SOURCE_APP)
  --seed N       the same seed makes the same rows (1)
  --rows N       rows to begin with, of the largest table (10000); 0 makes none
  --rate N       then changes a second, until Ctrl-C (0, which makes none)
`

/** Runs a generator by the arguments of its command line. */
export async function generate(application: Application): Promise<void> {
  const asked = optionsOf(process.argv.slice(2))
  if (asked === undefined) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const { source, seed, rows, rate } = asked
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const client = new Client({ connectionString: source })
  await client.connect()
  try {
    const startedMs = performance.now()
    const size = Math.max(rows, 1)
    if (rows > 0) {
      const made = await fill(client, application, { seed, size, onProgress: shown('rows') })
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
      process.stdout.write(`\r${made} rows in ${seconds} s\n`)
    }
    if (rate === 0) return
    const options = { seed: seed + 1, size, rate, signal: stop.signal }
    const done = await change(client, application, { ...options, onProgress: shown('changes') })
    process.stdout.write(`\r${done} changes\n`)
  } finally {
    await client.end()
  }
}

/** A line that changes in place on a terminal, and nothing elsewhere. */
function shown(what: string): (count: number) => void {
  let lastMs = 0
  return (count) => {
    if (!process.stdout.isTTY || performance.now() - lastMs < 200) return
    lastMs = performance.now()
    process.stdout.write(`\r${count} ${what} `)
  }
}

type Asked = Readonly<Record<'seed' | 'rows' | 'rate', number>> & { readonly source: string }

function optionsOf(args: readonly string[]): Asked | undefined {
  const option = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { source: option, seed: option, rows: option, rate: option },
    })
    const { source = process.env['MILLRACE_SOURCE_APP'] } = values
    const [seed, rows, rate] = [values.seed ?? '1', values.rows ?? '10000', values.rate ?? '0'].map(
      Number,
    ) as [number, number, number]
    const isFit = [seed, rows, rate].every((each) => Number.isInteger(each) && each >= 0)
    return source && isFit ? { source, seed, rows, rate } : undefined
  } catch {
    return undefined
  }
}
