import { captureRole, readerRole } from '../../src/plan/roles.ts'
import type { Login, RoleFacts } from '../../src/source/source-roles.ts'

const fitting: RoleFacts = {
  exists: true,
  mayLogIn: true,
  mayConnect: true,
  mayReplicate: true,
  mayReadStats: true,
  mayUse: { public: true },
}
const login: Login = { role: 'a"b', password: 'secret', host: 'h', port: 1, database: 'shop' }

function statementsOf(
  make: typeof captureRole,
  facts: Partial<RoleFacts>,
  { replicationRole = null, ...changed }: Partial<Login> & { replicationRole?: string | null } = {},
) {
  const given = { ...login, ...changed }
  const roles = { [given.role]: { ...fitting, ...facts } }
  return make(given, { database: 'shop', replicationRole, roles }).flatMap(
    ({ statements }) => statements,
  )
}

test('a role that fits is left as it is', () => {
  expect(statementsOf(readerRole, {})).toEqual([])
  expect(statementsOf(captureRole, {})).toEqual([])
  // Neither may do what the other needs.
  expect(statementsOf(readerRole, { mayReplicate: false })).toEqual([])
  expect(statementsOf(captureRole, { mayReadStats: false })).toEqual([])
})

test('each right that is missing is given', () => {
  const shown = (make: typeof captureRole, facts: Partial<RoleFacts>) =>
    statementsOf(make, facts).map((statement) => statement.shown)
  expect(shown(readerRole, { mayLogIn: false })).toEqual(['alter role "a""b" login;'])
  expect(shown(readerRole, { mayConnect: false })).toEqual([
    'grant connect on database "shop" to "a""b";',
  ])
  expect(shown(readerRole, { mayReadStats: false })).toEqual(['grant pg_read_all_stats to "a""b";'])
  expect(shown(captureRole, { mayReplicate: false })).toEqual(['alter role "a""b" replication;'])
  const mayUse = { public: true, 'my shop': false, gone: null }
  expect(shown(captureRole, { mayUse })).toEqual(['grant usage on schema "my shop" to "a""b";'])
})

test('a password is shown by where it stands, and sent as Postgres keeps it', () => {
  const [made] = statementsOf(captureRole, { exists: false, mayReplicate: false })
  expect(made).toEqual({
    shown: `create role "a""b" login replication password '<the password in MILLRACE_CAPTURE>';`,
    sent: expect.stringMatching(
      /^create role "a""b" login replication password 'SCRAM-SHA-256\$4096:[\w+/=]+\$[\w+/=]+:[\w+/=]+';$/,
    ),
  })
})

test('without a password a role is made without one', () => {
  const none = { password: undefined }
  expect(statementsOf(readerRole, { exists: false, mayReadStats: true }, none)).toEqual([
    { shown: 'create role "a""b" login;' },
  ])
})

test('a password that Connect alone knows is for people to set', () => {
  const [made] = statementsOf(
    captureRole,
    { exists: false },
    { password: '${file:/run/secrets:capture}' },
  )
  expect(made!.sent).toBeUndefined()
  expect(made!.byHand).toContain('MILLRACE_CAPTURE does not hold the password')
})

test('where a service rents databases, its own role lets others replicate', () => {
  const rented = { replicationRole: 'rds_replication' }
  const shown = (facts: Partial<RoleFacts>) =>
    statementsOf(captureRole, facts, rented).map((statement) => statement.shown)
  expect(shown({ mayReplicate: false })).toEqual(['grant "rds_replication" to "a""b";'])
  expect(shown({ exists: false, mayReplicate: false })).toEqual([
    `create role "a""b" login password '<the password in MILLRACE_CAPTURE>';`,
    'grant "rds_replication" to "a""b";',
  ])
})
