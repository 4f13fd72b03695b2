/**
 * What of a connector's configuration would make views wrong in silence. Names and defaults are
 * those of Debezium 3's Postgres connector and of Kafka Connect.
 */
import { tableOf } from '../table-name.ts'
import { typeOf, type ColumnType } from '../types/types.ts'
import type { ConnectorSettings } from './connect.ts'
import { markerPrefix } from './marker.ts'
import type { SetupFault } from './source.ts'

/** What views need of the connector. */
export type ConnectorNeeds = {
  /** What its topics begin with. */
  readonly prefix: string
  readonly publication: string
  readonly slot: string
  /** Those that views read, with the columns that they need. */
  readonly tables: readonly { readonly table: string; readonly columns: readonly string[] }[]
  /** Types of these columns. */
  readonly types: readonly ColumnType[]
}

type Fault = { readonly setting: string; readonly what: string }

export function connectorFaults(
  settings: ConnectorSettings,
  needs: ConnectorNeeds,
): readonly SetupFault[] {
  const faults = [
    ...valueFaults(settings, needs),
    ...filterFaults(settings, needs),
    ...columnFaults(settings, needs),
    ...operationFaults(settings),
    ...reshapingFaults(settings, needs),
  ]
  return faults.map(({ setting, what }) => ({
    table: undefined,
    what: `the connector's ${setting} ${what}`,
    mend: undefined,
  }))
}

/** Text that stands for a long value which an update left unchanged and the log does not tell. */
export function placeholderOf(settings: ConnectorSettings): string {
  return settings['unavailable.value.placeholder'] ?? '__debezium_unavailable_value'
}

type Rule = {
  readonly setting: string
  /** What Debezium takes where the setting is missing. */
  readonly missing: string
  readonly allowed: readonly string[]
  readonly why: string
}

function valueFaults(settings: ConnectorSettings, needs: ConnectorNeeds): Fault[] {
  const rule = (setting: string, allowed: readonly string[], why: string, missing = ''): Rule => ({
    setting,
    allowed,
    why,
    missing,
  })
  const rules = [
    rule(
      'connector.class',
      ['io.debezium.connector.postgresql.PostgresConnector', 'PostgresConnector', 'Postgres'],
      'the source is read by Debezium for Postgres',
    ),
    rule('plugin.name', ['pgoutput'], 'other plug-ins know no publication', 'decoderbufs'),
    rule('slot.name', [needs.slot], 'the slot that is watched is another', 'debezium'),
    rule(
      'publication.name',
      [needs.publication],
      'the publication that is watched is another',
      'dbz_publication',
    ),
    rule('topic.prefix', [needs.prefix], 'the topics that are read begin otherwise'),
    rule(
      'offset.mismatch.strategy',
      ['trust_offset'],
      'a slot that was made anew would be read from its beginning as if nothing were missing',
      'no_validation',
    ),
    rule('slot.drop.on.stop', ['false'], 'what happens while it stands still is lost', 'false'),
    rule(
      'event.processing.failure.handling.mode',
      ['fail'],
      'a change that can not be read is left out',
      'fail',
    ),
    rule('errors.tolerance', ['none'], 'a change that can not be written is left out', 'none'),
    ...typeRules(needs),
  ]
  return rules.flatMap(({ setting, missing, allowed, why }) => {
    const value = settings[setting] ?? missing
    if (allowed.includes(value)) return []
    const what = `is ${JSON.stringify(value)}, not ${JSON.stringify(allowed[0])}: ${why}`
    return [{ setting, what }]
  })
}

/** What the types of the columns need, each setting once. */
function typeRules({ types }: ConnectorNeeds): readonly Rule[] {
  const rules = types.flatMap((type) => typeOf(type).connector)
  return [...new Map(rules.map((rule) => [rule.setting, rule])).values()]
}

/** A table or a column by the names that filters are compared with. */
function fullName(table: string, column?: string): string {
  const { schema, name } = tableOf(table)
  return [schema, name, column ?? []].flat().join('.')
}

/** Of a list to include and one to exclude, Debezium takes the first where it is given. */
function leftOut(
  settings: ConnectorSettings,
  filter: string,
  names: readonly string[],
): { readonly setting: string; readonly names: readonly string[] } {
  const included = `${filter}.include.list`
  const excluded = `${filter}.exclude.list`
  const given = (setting: string) => (settings[setting] ?? '').trim() !== ''
  if (given(included)) {
    const matches = matcher(settings[included]!)
    return { setting: included, names: names.filter((name) => matches(name) !== true) }
  }
  if (!given(excluded)) return { setting: excluded, names: [] }
  const matches = matcher(settings[excluded]!)
  return { setting: excluded, names: names.filter((name) => matches(name) !== false) }
}

type Needed = readonly [filter: string, word: string, names: readonly string[]]

/** What each filter has to let through. */
function neededNames(tables: ConnectorNeeds['tables']): readonly Needed[] {
  return [
    ['schema', 'schema', [...new Set(tables.map(({ table }) => tableOf(table).schema))]],
    ['table', 'table', tables.map(({ table }) => fullName(table))],
    ['column', 'column', columnNames(tables)],
    ['message.prefix', 'messages with the prefix', [markerPrefix]],
  ]
}

function filterFaults(settings: ConnectorSettings, { tables }: ConnectorNeeds): Fault[] {
  return neededNames(tables).flatMap(([filter, word, needed]) => {
    const { setting, names } = leftOut(settings, filter, needed)
    return names.length === 0 ? [] : [{ setting, what: `leaves out ${word} ${names.join(', ')}` }]
  })
}

/** The same settings with lists of what to include that have all that is needed. */
export function widenedSettings(
  settings: ConnectorSettings,
  { tables }: Pick<ConnectorNeeds, 'tables'>,
): ConnectorSettings {
  const added = neededNames(tables).flatMap(([filter, , needed]) => {
    const { setting, names } = leftOut(settings, filter, needed)
    if (names.length === 0 || !setting.endsWith('.include.list')) return []
    return [[setting, [settings[setting], ...names.map(expressionOf)].join(',')] as const]
  })
  return { ...settings, ...Object.fromEntries(added) }
}

/** What settings that include nothing yet need to include. */
export function includingSettings(tables: ConnectorNeeds['tables']): ConnectorSettings {
  const lists = neededNames(tables)
    .filter(([filter]) => filter === 'table' || filter === 'column')
    .map(([filter, , names]) => [`${filter}.include.list`, names.map(expressionOf).join(',')])
  return Object.fromEntries(lists) as ConnectorSettings
}

/** A regular expression for this name alone, as it stands in a list. */
function expressionOf(name: string): string {
  return name
    .replaceAll(/[.*+?^${}()|[\]\\,]/g, '\\$&')
    .replaceAll(/^\s|\s$/g, (blank) => `\\x${blank.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function columnNames(tables: ConnectorNeeds['tables']): string[] {
  return tables.flatMap(({ table, columns }) => columns.map((column) => fullName(table, column)))
}

const altering = /^column\.(mask\.hash\.|mask\.with\.|truncate\.to\.)/

function columnFaults(settings: ConnectorSettings, { tables }: ConnectorNeeds): Fault[] {
  const columns = columnNames(tables)
  return Object.keys(settings).flatMap((setting) => {
    if (!altering.test(setting)) return []
    const matches = matcher(settings[setting]!)
    const altered = columns.filter((column) => matches(column) !== false)
    if (altered.length === 0) return []
    return [{ setting, what: `alters the values of ${altered.join(', ')}` }]
  })
}

function operationFaults(settings: ConnectorSettings): Fault[] {
  const setting = 'skipped.operations'
  const names: Readonly<Record<string, string>> = { c: 'inserts', u: 'updates', d: 'deletes' }
  const skipped = listOf(settings[setting]).flatMap((operation) => names[operation] ?? [])
  if (skipped.length === 0) return []
  return [{ setting, what: `leaves out ${skipped.join(', ')}` }]
}

/** Transforms that leave key, value and topic of every record as they are. */
const harmless = new Set([
  'org.apache.kafka.connect.transforms.InsertHeader',
  'org.apache.kafka.connect.transforms.DropHeaders',
  'io.debezium.transforms.tracing.ActivateTracingSpan',
])

function reshapingFaults(settings: ConnectorSettings, needs: ConnectorNeeds): Fault[] {
  const transforms = listOf(settings['transforms']).flatMap((name) => {
    const setting = `transforms.${name}.type`
    const type = settings[setting] ?? 'nothing'
    if (harmless.has(type)) return []
    return [{ setting, what: `is ${type}, which may alter or reroute records` }]
  })
  const keyed = keyColumnTables(
    settings['message.key.columns'] ?? '',
    needs.tables.map(({ table }) => table),
  )
  return [
    ...transforms,
    ...['converters', 'post.processors'].flatMap((setting) =>
      listOf(settings[setting]).length === 0
        ? []
        : [{ setting, what: 'may alter the values of columns' }],
    ),
    ...(keyed.length === 0
      ? []
      : [
          {
            setting: 'message.key.columns',
            what: `gives records of ${keyed.join(', ')} another key than the primary key`,
          },
        ]),
  ]
}

/** Of the form `schema.table:column,column;schema.table:column`, each table an expression. */
function keyColumnTables(value: string, tables: readonly string[]): string[] {
  const expressions = value.split(';').flatMap((part) => part.split(':', 1)[0]!.trim() || [])
  return tables.filter((table) =>
    expressions.some((expression) => matchesWhole(expression, fullName(table)) !== false),
  )
}

/**
 * Whether one of the expressions matches a whole name, upper and lower case alike. Undefined when
 * that can't be told: Java knows expressions that JavaScript does not, and a value that Connect
 * fetches from elsewhere stands as its placeholder.
 */
function matcher(list: string): (name: string) => boolean | undefined {
  const expressions = list
    .split(/(?<=(?<!\\)(?:\\\\)*),/)
    .map((part) => part.trim().replaceAll('\\,', ','))
    .filter((part) => part !== '')
  return (name) => {
    const results = expressions.map((expression) => matchesWhole(expression, name))
    if (results.includes(true)) return true
    return results.includes(undefined) ? undefined : false
  }
}

function matchesWhole(expression: string, name: string): boolean | undefined {
  if (expression.includes('${')) return undefined
  try {
    return new RegExp(`^(?:${expression})$`, 'i').test(name)
  } catch {
    return undefined
  }
}

function listOf(value: string | undefined): string[] {
  return (value ?? '').split(',').flatMap((part) => part.trim() || [])
}
