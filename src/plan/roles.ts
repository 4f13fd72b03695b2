/** Millrace's own role in the source, and the one that the connector captures by. */
import { passwordVerifier } from '../source/password-verifier.ts'
import type { Login, RoleFacts, SourceRoles } from '../source/source-roles.ts'
import { identifier, literal } from '../view/sql-text.ts'
import type { SourceStep, Statement } from './owner-session.ts'

/** Reads the tables and writes markers; that it may read them is among the faults of the tables. */
export function readerRole(login: Login, { database, roles }: SourceRoles): readonly SourceStep[] {
  const { role } = login
  const facts = roles[role]!
  const name = identifier(role)
  return [
    ...roleItself(login, facts, { setting: 'MILLRACE_SOURCE', options: 'login' }),
    ...connecting(role, database, facts),
    ...(facts.mayReadStats
      ? []
      : [
          {
            what: `let role ${role} see which open transactions are idle, so that they hold nothing up`,
            statements: [{ shown: `grant pg_read_all_stats to ${name};` }],
            needs: 'a superuser, or CREATEROLE up to Postgres 15',
          },
        ]),
  ]
}

/** Reads the log alone, and what tables look like from the catalog. */
export function captureRole(
  login: Login,
  { database, replicationRole, roles }: SourceRoles,
): readonly SourceStep[] {
  const { role } = login
  const facts = roles[role]!
  const name = identifier(role)
  const options = replicationRole === null ? 'login replication' : 'login'
  const right =
    replicationRole === null
      ? `alter role ${name} replication;`
      : `grant ${identifier(replicationRole)} to ${name};`
  const made = !facts.exists && replicationRole === null
  return [
    ...roleItself(login, facts, { setting: 'MILLRACE_CAPTURE', options }),
    ...(made || facts.mayReplicate
      ? []
      : [
          {
            what: `let role ${role} replicate`,
            statements: [{ shown: right }],
            needs: 'a superuser',
          },
        ]),
    ...connecting(role, database, facts),
    ...Object.entries(facts.mayUse)
      .filter(([, mayUse]) => mayUse === false)
      .map(([schema]) => ({
        what: `let role ${role} use schema ${schema}`,
        statements: [{ shown: `grant usage on schema ${identifier(schema)} to ${name};` }],
      })),
  ]
}

type Wanted = { readonly setting: string; readonly options: string }

function roleItself(
  { role, password }: Login,
  { exists, mayLogIn }: RoleFacts,
  { setting, options }: Wanted,
): readonly SourceStep[] {
  const name = identifier(role)
  const replicates = options.includes('replication')
  if (!exists) {
    const statement = `create role ${name} ${options}`
    return [
      {
        what: `create role ${role}`,
        statements: [withPassword(statement, password, setting)],
        needs: replicates
          ? 'a superuser, or from Postgres 16 CREATEROLE and REPLICATION'
          : 'CREATEROLE',
      },
    ]
  }
  if (mayLogIn) return []
  const statements = [{ shown: `alter role ${name} login;` }]
  return [{ what: `let role ${role} log in`, statements, needs: 'CREATEROLE' }]
}

function connecting(role: string, database: string, { mayConnect }: RoleFacts): SourceStep[] {
  if (mayConnect) return []
  const shown = `grant connect on database ${identifier(database)} to ${identifier(role)};`
  const what = `let role ${role} connect to the database`
  return [{ what, statements: [{ shown }], needs: 'the owner of the database' }]
}

/** A password is shown by where it stands, and sent in the form in which Postgres keeps it. */
function withPassword(statement: string, password: string | undefined, setting: string): Statement {
  if (password === undefined) return { shown: `${statement};` }
  const shown = `${statement} password '<the password in ${setting}>';`
  if (isPlaceholder(password)) {
    return {
      shown,
      byHand: `${setting} does not hold the password itself, but where Connect has it`,
    }
  }
  const kept = passwordVerifier(password) ?? password
  return {
    shown,
    sent: `${statement} password ${literal(kept)};`,
  }
}

/** What Connect puts a secret in the place of. */
export function isPlaceholder(password: string | undefined): boolean {
  return password?.startsWith('${') ?? false
}
