import { describe, MillraceError } from '../../errors.ts'
import { overflowError } from '../checks.ts'

type Meaning = { readonly code: string; readonly retriable: boolean; readonly hint: string }

/** By SQLSTATE, or by its first two digits, the class. */
const states: Readonly<Record<string, Meaning>> = {
  '08': away('The connection broke. Is Postgres up, and MILLRACE_POSTGRES right?'),
  '25006': away('This is a standby now. Point MILLRACE_POSTGRES at the primary.'),
  '40': away('Postgres chose this transaction to give way to others.'),
  '53': full('Postgres lacks disk, memory or connections. See its log.'),
  '54': refused('A limit of Postgres was passed. See its log.'),
  '55P03': away('Another transaction holds a lock for too long. See pg_stat_activity.'),
  '57': away('Postgres stops or starts, or cancelled the statement for its time.'),
  '58': full('Postgres could not reach its files. See its log.'),
  '28': refused('User or password in MILLRACE_POSTGRES is wrong, or pg_hba.conf refuses them.'),
  '3D000': refused('The database in MILLRACE_POSTGRES does not exist. CREATE DATABASE it.'),
  '42501': refused('The role lacks rights: it must own, or be able to create, its tables.'),
  '42': typed('Somebody altered the tables. Drop the view table and rebuild the view.'),
  '22': typed('A value does not fit its column. Drop the view table and rebuild the view.'),
}

/** Names whatever pg rejected with. What carries no SQLSTATE is the connection's fault. */
export function postgresError(error: unknown, what: string): MillraceError {
  if (error instanceof MillraceError) return error
  const state = sqlState(error)
  if (state === '22003') return overflowError('the batch')
  const known = state === undefined ? states['08'] : (states[state] ?? states[state.slice(0, 2)])
  const meaning = known ?? refused('See the log of Postgres.')
  return new MillraceError(meaning.code, `postgres: ${what}: ${describe(error)}`, {
    ...meaning,
    cause: error,
  })
}

/** Five characters, where the server itself refused; the connection is still good then. */
export function sqlState(error: unknown): string | undefined {
  const state = (Object(error) as { code?: unknown }).code
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : undefined
}

function away(hint: string): Meaning {
  return { code: 'store-away', retriable: true, hint }
}

function full(hint: string): Meaning {
  return { code: 'store-full', retriable: true, hint }
}

function refused(hint: string): Meaning {
  return { code: 'store-refused', retriable: false, hint }
}

function typed(hint: string): Meaning {
  return { code: 'store-type', retriable: false, hint }
}
