import { replicaIdentityOf } from '../view/replica-identity.ts'
import { identifier, tableName } from '../view/sql-text.ts'
import { columnsOf, tablesOf, type View } from '../view/view.ts'
import { columnFaults, digitFaults, nameFaults } from './column-faults.ts'
import { oldestVersion, readFacts, type SetupFacts, type TableFacts } from './setup-facts.ts'
import type { SourceDatabase } from './source-database.ts'
import type { SetupFault } from './source.ts'

/** What of the database and the publication would make these views wrong; each fault once. */
export async function findFaults(
  database: SourceDatabase,
  views: readonly View[],
  publication: string,
): Promise<readonly SetupFault[]> {
  const tables = [...new Set(views.flatMap(tablesOf))]
  return faultsIn(await readFacts(database, { tables, publication }), views, publication)
}

/** The same, of what was read. */
export function faultsIn(
  facts: SetupFacts,
  views: readonly View[],
  publication: string,
): readonly SetupFault[] {
  const tables = [...new Set(views.flatMap(tablesOf))]
  const found = [
    ...serverFaults(facts),
    ...publicationFaults(facts, publication, tables),
    ...tables.flatMap((table) => tableFaults(table, { facts, views, publication })),
  ]
  return [...new Map(found.map((fault) => [fault.what, fault])).values()]
}

function serverFaults({ server }: SetupFacts): SetupFault[] {
  const fault = (what: string, mend?: string): SetupFault => ({ table: undefined, what, mend })
  return [
    ...(server.inRecovery
      ? [fault('the server is a standby: MILLRACE_SOURCE must name the primary')]
      : []),
    ...(server.version < oldestVersion
      ? [fault(`the server is older than Postgres ${oldestVersion / 10_000}`)]
      : []),
    ...(server.walLevel === 'logical'
      ? []
      : [
          fault(
            `wal_level is ${server.walLevel}: the log does not tell rows (restart after the change)`,
            'alter system set wal_level = logical;',
          ),
        ]),
    ...(server.encoding === 'UTF8'
      ? []
      : [fault(`the database is encoded in ${server.encoding}, views are compared in UTF8`)]),
    ...Object.entries(server.mayUse).flatMap(([schema, mayUse]) =>
      mayUse === false
        ? [
            {
              ...fault(
                `role ${server.role} may not use schema ${schema}`,
                `grant usage on schema ${schema === 'public' ? schema : identifier(schema)} to ${identifier(server.role)};`,
              ),
              does: `let role ${server.role} use schema ${schema}`,
            },
          ]
        : [],
    ),
  ]
}

function publicationFaults(
  { server, publication }: SetupFacts,
  name: string,
  tables: readonly string[],
): SetupFault[] {
  if (server.version < oldestVersion) return []
  const fault = (what: string, mend: string, does: string): SetupFault[] => [
    { table: undefined, what, mend, does },
  ]
  if (!publication) {
    const names = tables.map(tableName).join(', ')
    const mend =
      `create publication ${identifier(name)} for table ${names} ` +
      'with (publish_via_partition_root = true);'
    return fault(`there is no publication ${name}`, mend, `create publication ${name}`)
  }
  const lacking = (['insert', 'update', 'delete'] as const).filter((kind) => !publication[kind])
  if (lacking.length === 0) return []
  return fault(
    `publication ${name} leaves out every ${lacking.join(' and ')}`,
    `alter publication ${identifier(name)} set (publish = 'insert, update, delete, truncate');`,
    `have publication ${name} publish every operation`,
  )
}

type Context = {
  readonly facts: SetupFacts
  readonly views: readonly View[]
  readonly publication: string
}

function tableFaults(table: string, context: Context): SetupFault[] {
  const facts = context.facts.tables[table]
  if (context.facts.server.version < oldestVersion) return []
  if (!facts) return [{ table, what: `table ${table} is not there`, mend: undefined }]
  if (facts.kind !== 'r' && facts.kind !== 'p') {
    return [{ table, what: `${table} is not a table that holds rows`, mend: undefined }]
  }
  const users = context.views.filter((view) => tablesOf(view).includes(table))
  return [
    ...storageFaults(table, facts),
    ...rightFaults(table, facts, context.facts.server.role),
    ...users.flatMap((view) => columnFaults(table, facts, view)),
    ...users.flatMap((view) => digitFaults(table, facts, view)),
    ...nameFaults(table, facts, users),
    ...keyFaults(table, facts, users),
    ...identityFaults(table, facts, users),
    ...publishedFaults(table, facts, context),
  ]
}

function storageFaults(table: string, { inherited, parts }: TableFacts): SetupFault[] {
  const faults: SetupFault[] = parts.flatMap(({ name, persistence }) => {
    if (persistence === 'p') return []
    const what = `${name} is ${persistence === 'u' ? 'unlogged' : 'temporary'}: no log tells its rows`
    return [
      { table, what, mend: persistence === 'u' ? `alter table ${name} set logged;` : undefined },
    ]
  })
  if (!inherited) return faults
  const what = `other tables inherit from ${table}: their rows are among its own, but not in its log`
  return [...faults, { table, what, mend: undefined }]
}

function rightFaults(table: string, facts: TableFacts, role: string): SetupFault[] {
  const faults: SetupFault[] = []
  if (!facts.mayRead) {
    faults.push({
      table,
      what: `role ${role} may not read ${table}`,
      mend: `grant select on ${tableName(table)} to ${identifier(role)};`,
      does: `let role ${role} read ${table}`,
    })
  }
  if (facts.rowSecurity) {
    faults.push({
      table,
      what: `row level security may hide rows of ${table} from role ${role}`,
      mend: `alter role ${identifier(role)} bypassrls;`,
    })
  }
  return faults
}

function keyFaults(table: string, facts: TableFacts, users: readonly View[]): SetupFault[] {
  const { primaryKey } = facts
  if (!primaryKey) {
    const mend = `alter table ${tableName(table)} add primary key (…);`
    return [{ table, what: `table ${table} has no primary key`, mend }]
  }
  const columns = (names: readonly string[]) => names.toSorted().join(', ')
  const faults: SetupFault[] = users
    .filter(({ row }) => row.table === table && columns(primaryKey.columns) !== columns(row.key))
    .map(({ name, row }) => ({
      table,
      what:
        `${row.key.join(', ')}, the key of view ${name}, is not the primary key of ${table} ` +
        `(${primaryKey.columns.join(', ')})`,
      mend: undefined,
    }))
  const unlike = users.flatMap((view) =>
    listKeys(view, table)
      .filter(({ key }) => columns(primaryKey.columns) !== columns(key))
      .map(({ name, key }) => ({
        table,
        what:
          `${key.join(', ')}, by which ${name} of view ${view.name} tells rows apart, is not the ` +
          `primary key of ${table}: its key is ${primaryKey.columns.join(', ')}`,
        mend: undefined,
      })),
  )
  const deferrable = {
    table,
    what: `the primary key of ${table} is deferrable, so it does not identify rows in the log`,
    mend: undefined,
  }
  return [...faults, ...unlike, ...(primaryKey.deferrable ? [deferrable] : [])]
}

/** Columns that tell the rows of lists apart. */
function listKeys({ tallies }: View, table: string) {
  return tallies.flatMap(({ name, table: of, item }) =>
    of === table && item.kind === 'row'
      ? [{ name, key: item.key.map(({ column }) => column) }]
      : [],
  )
}

function identityFaults(table: string, facts: TableFacts, users: readonly View[]): SetupFault[] {
  const key = facts.primaryKey?.columns ?? []
  const full = users.some((view) => replicaIdentityOf(view, table, key) === 'full')
  const needed = full ? 'full' : 'default'
  return facts.parts
    .filter(({ identity }) => identity !== 'f' && (full || identity !== 'd'))
    .map(({ name }) => ({
      table,
      what: `the replica identity of ${name} gives too little of a changed row`,
      mend: `alter table ${name} replica identity ${needed};`,
      does: `have the log tell ${needed === 'full' ? 'whole rows' : 'the primary key'} of ${name}`,
    }))
}

function publishedFaults(table: string, facts: TableFacts, context: Context): SetupFault[] {
  const { views, publication: name } = context
  const { publication } = context.facts
  if (!publication) return []
  const alter = `alter publication ${identifier(name)}`
  const fault = (what: string, mend: string, does?: string): SetupFault[] => [
    { table, what: `publication ${name} ${what}`, mend, ...(does !== undefined && { does }) },
  ]
  if (facts.kind === 'p' && !publication.viaRoot) {
    const mend = `${alter} set (publish_via_partition_root = true);`
    const { othersParted } = publication
    const does = `have publication ${name} publish partitioned tables by their own names`
    return othersParted.length === 0
      ? fault(`publishes ${table} by the names of its partitions`, mend, does)
      : fault(
          `publishes ${table} by the names of its partitions, and others read ` +
            `${othersParted.join(', ')} so: name another in the setting publication`,
          mend,
        )
  }
  const published = publication.tables[table]
  const add = `${alter} add table ${tableName(table)};`
  if (!published) {
    return fault(`does not have table ${table}`, add, `add ${table} to publication ${name}`)
  }
  const anew = `begin; ${alter} drop table ${tableName(table)}; ${add} commit;`
  const whole = `have publication ${name} publish all of ${table}`
  const needed = new Set([
    ...views.flatMap((view) => Object.keys(columnsOf(view, table))),
    ...(facts.primaryKey?.columns ?? []),
  ])
  const lacking = [...needed].filter(
    (column) => facts.columns[column] && !published.columns.includes(column),
  )
  return [
    ...(published.filtered ? fault(`leaves out rows of ${table} by a filter`, anew, whole) : []),
    ...(lacking.length > 0
      ? fault(`leaves out ${lacking.join(', ')} of ${table}`, anew, whole)
      : []),
  ]
}
