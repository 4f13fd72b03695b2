import { describe, MillraceError, type ErrorCode } from '../../errors.ts'

type Meaning = readonly [code: ErrorCode, hint: string]

const altered =
  'Put the table back as it was, or drop it and start a worker: the view is built anew.'

/** By SQLSTATE, or by its first two digits, the class. */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': ['store-away', 'The connection broke. Is Postgres up, and MILLRACE_POSTGRES right?'],
  '22': ['store-type', `A value does not fit its column. ${altered}`],
  '22003': ['store-overflow', 'A value would leave the 64 bits of its column.'],
  '23514': ['store-overflow', 'A value would leave the range that its table allows.'],
  '25006': ['store-away', 'This is a standby. Point MILLRACE_POSTGRES at the primary.'],
  '28': [
    'store-refused',
    'User or password in MILLRACE_POSTGRES is wrong, or pg_hba.conf refuses them.',
  ],
  '3D000': [
    'store-refused',
    'The database in MILLRACE_POSTGRES does not exist. CREATE DATABASE it.',
  ],
  '40': ['store-away', 'Postgres chose this transaction to give way to others.'],
  '42': ['store-type', `Somebody altered the tables. ${altered}`],
  '42501': [
    'store-refused',
    'The role lacks rights. A worker must own its tables; a reader needs SELECT on them.',
  ],
  '53': ['store-full', 'Postgres lacks disk, memory or connections. See its log.'],
  '54': ['store-refused', 'A limit of Postgres was passed. See its log.'],
  '55P03': ['store-away', 'Another transaction holds a lock for too long. See pg_stat_activity.'],
  '57': ['store-away', 'Postgres stops or starts, or cancelled the statement for its time.'],
  '58': ['store-full', 'Postgres could not reach its files. See its log.'],
}

/** Names whatever pg rejected with. What carries no SQLSTATE is the connection's fault. */
export function postgresError(error: unknown, what: string): MillraceError {
  if (error instanceof MillraceError) return error
  const [code, hint] = meaningOf(sqlStateOf(error))
  return new MillraceError(code, `postgres: ${what}: ${describe(error)}`, { hint, cause: error })
}

/** Five characters, where the server itself refused; the connection is still good then. */
export function sqlStateOf(error: unknown): string | undefined {
  const state = (Object(error) as { code?: unknown }).code
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : undefined
}

/** A statement names a column that its table has not. */
export function lacksColumn(error: unknown): boolean {
  return error instanceof MillraceError && sqlStateOf(error.cause) === '42703'
}

/** A statement names a table that is not there. */
export function lacksTable(error: unknown): boolean {
  return error instanceof MillraceError && sqlStateOf(error.cause) === '42P01'
}

function meaningOf(state: string | undefined): Meaning {
  if (state === undefined) return meanings['08']!
  return meanings[state] ?? meanings[state.slice(0, 2)] ?? refused
}

const refused: Meaning = ['store-refused', 'See the log of Postgres.']
