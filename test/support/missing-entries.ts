/** Whether an entry that the API did not find is one that it should have found. */
import { Pool } from 'pg'
import { parseLsn } from '../../src/position.ts'

/** What the API said of an entry. */
export type Told = {
  readonly isThere: boolean
  /** The view's; undefined where it says none. */
  readonly watermark: bigint | undefined
  readonly isDoubted: boolean
}

/** What the source said of the entry's row, and where its log ended then. */
export type Truth = { readonly has: boolean; readonly lsn: bigint }

export type MissingParts = {
  /** Undefined while the source is away. */
  readonly truth: () => Promise<Truth | undefined>
  /** The first answer whose watermark is at or above `lsn`, that has the entry, or is in doubt. */
  readonly readBehind: (lsn: bigint) => Promise<Told | undefined>
}

/** A row that is deleted and made again just between the questions would be told wrong, but not so often. */
const rounds = 3

/**
 * True when the view lacks an entry whose row was committed before its watermark, and no doubt says
 * that it may. A source whose log ends below the watermark has gone back: nothing is told of it.
 */
export async function isMissing(
  first: Told,
  { truth, readBehind }: MissingParts,
): Promise<boolean> {
  let told = first
  for (let round = 0; round < rounds; round += 1) {
    if (told.isThere || told.isDoubted || told.watermark === undefined) return false
    const found = await truth()
    if (!found?.has || found.lsn <= told.watermark) return false
    const next = await readBehind(found.lsn)
    if (!next) return false
    told = next
  }
  return !told.isThere && !told.isDoubted && (await truth())?.has === true
}

/** Asks a source for users. */
export class UsersOfSource {
  readonly #pool: Pool

  constructor(source: string) {
    this.#pool = new Pool({ connectionString: source, max: 1, connectionTimeoutMillis: 5_000 })
    this.#pool.on('error', () => undefined)
  }

  /** Undefined while it is away. */
  async truth(id: string): Promise<Truth | undefined> {
    const sql = `select exists (select from users where user_id = $1) as has,
                        pg_current_wal_lsn()::text as lsn`
    try {
      const { rows } = await this.#pool.query<{ has: boolean; lsn: string }>(sql, [id])
      return { has: rows[0]!.has, lsn: parseLsn(rows[0]!.lsn) }
    } catch {
      return undefined
    }
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }
}
