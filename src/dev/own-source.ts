/** The source's database where the chain has a Postgres of its own. */
import { existsSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { DatabaseError, type Client } from 'pg'
import { wrongArguments, type Command } from '../arguments.ts'
import { MillraceError } from '../errors.ts'
import type { Say } from './say.ts'
import { createDatabase, databaseExists, makeRole, withClient } from './sql-files.ts'
import { databaseOf, inDatabase, userOf } from './urls.ts'

export type OwnSource = {
  /** By a superuser, in any database. */
  readonly admin: string
  /** By the role that owns the database, and what the files make in it. */
  readonly owner: string
  /** Paths of SQL files that an empty database begins with. */
  readonly init: readonly string[]
}

/**
 * Makes the owner's role and its database, where the files are run once, in their order. The database
 * has its name only when all of them went through: one that was begun before is begun anew, and so is
 * one without any table.
 */
export async function makeOwnSource(
  { admin, owner, init }: OwnSource,
  say: Say,
): Promise<'made' | 'kept'> {
  const [name, [role]] = [databaseOf(owner), userOf(owner)]
  const unfinished = `${name}_unfinished`
  return withClient(admin, async (client) => {
    await makeRole(client, owner)
    const [from, to] = [unfinished, name].map((each) => client.escapeIdentifier(each))
    if (await databaseExists(client, name)) {
      if (init.length === 0 || (await hasTables(inDatabase(admin, name)))) return 'kept'
      await client.query(`drop database ${to}`)
    }
    await client.query(`drop database if exists ${from}`)
    await createDatabase(client, unfinished, role)
    if (init.length > 0) await runAll(inDatabase(owner, unfinished), init, say)
    await client.query(`alter database ${from} rename to ${to}`)
    return 'made'
  })
}

function hasTables(url: string): Promise<boolean> {
  return withClient(url, async (client) => {
    const { rowCount } = await client.query(
      `select from pg_class where relkind in ('r', 'p', 'v', 'm', 'f') and oid >= 16384
         and relnamespace <> 'pg_toast'::regnamespace limit 1`,
    )
    return rowCount !== 0
  })
}

/** Paths of the files that `--init` lists. Throws `arguments` for what is not there. */
export function initFiles(given: string | undefined, command: Command): readonly string[] {
  const paths = given?.split(',').filter((path) => path !== '') ?? []
  const missing = paths.filter((path) => !existsSync(path))
  if (missing.length === 0) return paths.map((path) => resolve(path))
  throw wrongArguments(`there is no file ${missing.join(', ')}`, command)
}

/** Each file in a session of its own, in one transaction, for as long as it takes. */
async function runAll(url: string, paths: readonly string[], say: Say): Promise<void> {
  for (const path of paths) {
    const text = withoutRestrict(readFileSync(path, 'utf8'))
    await withClient(url, (client) => runOne(client, path, text), { statementTimeoutMs: 0 })
    say(`${shown(path)} was run in the empty database`)
  }
}

async function runOne(client: Client, path: string, text: string): Promise<void> {
  try {
    await client.query(text)
  } catch (cause) {
    if (!(cause instanceof DatabaseError)) throw cause
    const line = text.slice(0, Number(cause.position ?? 1) - 1).split('\n').length
    const where = cause.position === undefined ? shown(path) : `${shown(path)}:${line}`
    throw new MillraceError('init', `${where} can't be run: ${cause.message}`, {
      hint:
        (cause.hint === undefined ? '' : `${cause.hint}\n`) +
        'Mend the file and start again: the database is then begun anew. A dump has to be one of\n' +
        'statements alone, as `pg_dump --no-owner --no-privileges --inserts` writes it.',
    })
  }
}

/** A dump begins and ends with a line for psql that keeps it from running other such lines. */
function withoutRestrict(text: string): string {
  return text.replaceAll(/^\\(un)?restrict .*$/gm, '')
}

function shown(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}
