import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectorSettings } from '../../src/source/connect.ts'
import {
  connectorFaults,
  includingSettings,
  placeholderOf,
  widenedSettings,
  type ConnectorNeeds,
} from '../../src/source/connector-faults.ts'
import type { ColumnType } from '../../src/types/types.ts'

const path = join(import.meta.dirname, '..', '..', 'connectors', 'millrace.json')
const settings = JSON.parse(readFileSync(path, 'utf8')) as ConnectorSettings

const needs: ConnectorNeeds = {
  prefix: 'millrace',
  slot: 'millrace',
  publication: 'millrace',
  tables: [
    { table: 'users', columns: ['user_id', 'name'] },
    { table: 'likes', columns: ['user_id', 'tweet_id'] },
  ],
  types: ['bigint', 'text'],
}

/** What is found wrong with the connector of this repository, with some settings changed. */
function faultsWith(changed: Readonly<Record<string, string | null>>): string[] {
  const merged = Object.entries({ ...settings, ...changed })
  const given = Object.fromEntries(
    merged.filter((entry): entry is [string, string] => entry[1] !== null),
  )
  return connectorFaults(given, needs).map(({ what }) => what.replace(/^the connector's /, ''))
}

test('the connector of this repository has none', () => {
  expect(faultsWith({})).toEqual([])
})

describe('what the columns need', () => {
  const faultsOf = (
    types: readonly ColumnType[],
    changed: Readonly<Record<string, string | null>>,
  ) => {
    const merged = Object.entries({ ...settings, ...changed })
    const given = Object.fromEntries(
      merged.filter((entry): entry is [string, string] => entry[1] !== null),
    )
    return connectorFaults(given, { ...needs, types }).map(({ what }) => what)
  }

  test.each<[ColumnType, string, string | null, string]>([
    ['numeric', 'decimal.handling.mode', null, 'precise'],
    ['numeric[]', 'decimal.handling.mode', 'double', 'double'],
    ['date', 'time.precision.mode', 'connect', 'connect'],
    ['time', 'time.precision.mode', 'isostring', 'isostring'],
    ['timestamp', 'time.precision.mode', 'connect', 'connect'],
    ['bytea', 'binary.handling.mode', 'base64', 'base64'],
    ['bytea[]', 'binary.handling.mode', 'hex', 'hex'],
  ])('%s needs %s, not %p', (type, setting, value, is) => {
    expect(faultsOf([type, type], { [setting]: value })).toEqual([
      expect.stringMatching(new RegExp(`^the connector's ${setting} is "${is}", not "`)),
    ])
    expect(faultsOf(['bigint', 'text', 'timestamptz'], { [setting]: value })).toEqual([])
  })

  test('times may be written in either adaptive way, and are by default', () => {
    const types = ['date', 'time', 'timestamp', 'bytea'] as const
    for (const mode of [null, 'adaptive_time_microseconds']) {
      expect(
        faultsOf(types, { 'time.precision.mode': mode, 'binary.handling.mode': null }),
      ).toEqual([])
    }
  })
})

test('tables of other schemas are named with them', () => {
  const tables = [
    { table: 'sales.v1', columns: ['Id'] },
    { table: '"a.b".c', columns: ['d e'] },
  ]
  const found = connectorFaults(settings, { ...needs, tables }).map(({ what }) => what)
  expect(found).toEqual([
    expect.stringMatching(/table.include.list leaves out table sales.v1, a.b.c$/),
    expect.stringMatching(/column.include.list leaves out column sales.v1.Id, a.b.c.d e$/),
  ])
  const included = {
    ...settings,
    'schema.include.list': 'sales,a\\.b',
    'table.include.list': 'sales\\.v1,a\\.b\\.c',
    'column.include.list': 'sales\\.v1\\.Id,a\\.b\\.c\\.d e',
  }
  expect(connectorFaults(included, { ...needs, tables })).toEqual([])
  const some = { ...included, 'schema.include.list': 'public' }
  expect(connectorFaults(some, { ...needs, tables }).map(({ what }) => what)).toEqual([
    expect.stringMatching(/schema.include.list leaves out schema sales, a.b$/),
  ])
})

describe('a connector that is', () => {
  test.each<[string, Readonly<Record<string, string | null>>, RegExp]>([
    [
      'of another database',
      { 'connector.class': 'io.debezium.connector.mysql.MySqlConnector' },
      /Debezium for Postgres/,
    ],
    ['without a class', { 'connector.class': null }, /^connector.class is ""/],
    ['of another plug-in', { 'plugin.name': null }, /^plugin.name is "decoderbufs"/],
    ['of another slot', { 'slot.name': 'other' }, /^slot.name is "other"/],
    ['of the usual slot', { 'slot.name': null }, /^slot.name is "debezium"/],
    [
      'of a slot that can not be told',
      { 'slot.name': '${env:SLOT}' },
      /^slot.name is "\$\{env:SLOT\}"/,
    ],
    [
      'of another publication',
      { 'publication.name': null },
      /^publication.name is "dbz_publication"/,
    ],
    ['of other topics', { 'topic.prefix': 'mill' }, /^topic.prefix is "mill"/],
    [
      'trusting any slot',
      { 'offset.mismatch.strategy': null },
      /^offset.mismatch.strategy is "no_validation"/,
    ],
    [
      'trusting the slot alone',
      { 'offset.mismatch.strategy': 'trust_slot' },
      /^offset.mismatch.strategy/,
    ],
    ['dropping its slot', { 'slot.drop.on.stop': 'true' }, /^slot.drop.on.stop/],
    [
      'skipping what it can not read',
      { 'event.processing.failure.handling.mode': 'warn' },
      /is left out/,
    ],
    ['skipping what it can not write', { 'errors.tolerance': 'all' }, /^errors.tolerance/],
  ])('%s', (_, changed, expected) => {
    expect(faultsWith(changed)).toEqual([expect.stringMatching(expected)])
  })
})

describe('a filter', () => {
  test.each<[string, Readonly<Record<string, string | null>>, string[]]>([
    ['of no tables', { 'table.include.list': null }, []],
    ['that is empty', { 'table.include.list': ' ' }, []],
    ['of expressions', { 'table.include.list': 'public\\.(users|likes)' }, []],
    [
      'of names with blanks, in upper case',
      { 'table.include.list': ' PUBLIC.Users , public.likes ' },
      [],
    ],
    [
      'without a table',
      { 'table.include.list': 'public.users' },
      ['table.include.list leaves out table public.likes'],
    ],
    [
      'of half a name',
      { 'table.include.list': 'public.use,likes' },
      ['table.include.list leaves out table public.users, public.likes'],
    ],
    [
      'that JavaScript can not read',
      { 'table.include.list': 'public.users,public.lik(?>es)' },
      ['table.include.list leaves out table public.likes'],
    ],
    [
      'with a table too many',
      { 'table.include.list': null, 'table.exclude.list': 'public.l.*,audit.*' },
      ['table.exclude.list leaves out table public.likes'],
    ],
    ['that is passed over for another', { 'table.exclude.list': 'public.likes' }, []],
    [
      'that JavaScript can not read, of what is left out',
      { 'table.include.list': null, 'table.exclude.list': 'x(?>y)' },
      ['table.exclude.list leaves out table public.users, public.likes'],
    ],
    [
      'of schemas',
      { 'schema.include.list': 'audit' },
      ['schema.include.list leaves out schema public'],
    ],
    [
      'of schemas that are left out',
      { 'schema.exclude.list': 'pub.*' },
      ['schema.exclude.list leaves out schema public'],
    ],
    [
      'of columns',
      { 'column.include.list': 'public.users.(user_id|other),public.likes.*' },
      ['column.include.list leaves out column public.users.name'],
    ],
    [
      'of a column that nobody needs',
      { 'column.include.list': null, 'column.exclude.list': 'public.users.email' },
      [],
    ],
    [
      'of a column that is needed',
      { 'column.include.list': null, 'column.exclude.list': '.*_id' },
      [
        'column.exclude.list leaves out column public.users.user_id, public.likes.user_id, public.likes.tweet_id',
      ],
    ],
    [
      'of messages',
      { 'message.prefix.include.list': 'outbox' },
      ['message.prefix.include.list leaves out messages with the prefix millrace'],
    ],
    [
      'of all messages',
      { 'message.prefix.exclude.list': '.*' },
      ['message.prefix.exclude.list leaves out messages with the prefix millrace'],
    ],
    ['of messages by our name', { 'message.prefix.include.list': 'outbox,millrace' }, []],
    ['with a comma in an expression', { 'message.prefix.include.list': 'a{1\\,2},millrac\\w' }, []],
    ['with a backslash before its comma', { 'message.prefix.include.list': 'a\\\\,millrace' }, []],
  ])('%s', (_, changed, expected) => {
    expect(faultsWith(changed)).toEqual(expected)
  })
})

describe('what alters values or keys', () => {
  test.each<[Readonly<Record<string, string>>, string[]]>([
    [{ 'column.mask.with.0.chars': 'public.users.email' }, []],
    [
      { 'column.mask.with.0.chars': 'public.users.name' },
      ['column.mask.with.0.chars alters the values of public.users.name'],
    ],
    [
      { 'column.mask.hash.SHA-256.with.salt.x': '.*name' },
      ['column.mask.hash.SHA-256.with.salt.x alters the values of public.users.name'],
    ],
    [
      { 'column.mask.hash.v2.SHA-256.with.salt.x': '.*name' },
      ['column.mask.hash.v2.SHA-256.with.salt.x alters the values of public.users.name'],
    ],
    [
      { 'column.truncate.to.20.chars': 'public.users.name' },
      ['column.truncate.to.20.chars alters the values of public.users.name'],
    ],
    [{ 'column.propagate.source.type': '.*' }, []],
    [{ converters: 'isbn' }, ['converters may alter the values of columns']],
    [{ 'post.processors': 'reselector' }, ['post.processors may alter the values of columns']],
    [{ 'message.key.columns': 'public.tweets:author' }, []],
    [
      { 'message.key.columns': 'public.tweets:author;(.*).likes:tweet_id' },
      ['message.key.columns gives records of likes another key than the primary key'],
    ],
    [{ 'skipped.operations': 'none' }, []],
    [{ 'skipped.operations': 't' }, []],
    [{ 'skipped.operations': 't, d,u' }, ['skipped.operations leaves out deletes, updates']],
    [{ 'skipped.operations': 'c' }, ['skipped.operations leaves out inserts']],
  ])('%j', (changed, expected) => {
    expect(faultsWith(changed)).toEqual(expected)
  })

  test.each(['no_data', 'always', 'when_needed', 'initial'])(
    'is not the snapshot mode %s',
    (mode) => {
      expect(faultsWith({ 'snapshot.mode': mode, 'tombstones.on.delete': 'false' })).toEqual([])
    },
  )
})

describe('a transform', () => {
  const transforms = (type: string | null) => ({
    transforms: 'a',
    ...(type === null ? {} : { 'transforms.a.type': type }),
  })

  test.each([
    'io.debezium.transforms.ExtractNewRecordState',
    'io.debezium.transforms.ByLogicalTableRouter',
    'org.apache.kafka.connect.transforms.RegexRouter',
    'com.example.Unknown',
  ])('%s is named', (type) => {
    expect(faultsWith(transforms(type))).toEqual([
      `transforms.a.type is ${type}, which may alter or reroute records`,
    ])
  })

  test('that touches headers alone is none, one without a type is', () => {
    expect(faultsWith(transforms('org.apache.kafka.connect.transforms.InsertHeader'))).toEqual([])
    expect(faultsWith(transforms(null))).toHaveLength(1)
    expect(faultsWith({ transforms: ' ' })).toEqual([])
    expect(
      faultsWith({
        transforms: 'a, b',
        'transforms.a.type': 'org.apache.kafka.connect.transforms.InsertHeader',
        'transforms.b.type': 'org.apache.kafka.connect.transforms.Filter',
      }),
    ).toEqual([expect.stringMatching(/^transforms.b.type is .*Filter/)])
  })
})

test('the placeholder is the configured one, or that of Debezium', () => {
  expect(placeholderOf({ 'unavailable.value.placeholder': 'x\0y' })).toBe('x\0y')
  expect(placeholderOf({})).toBe('__debezium_unavailable_value')
})

describe('lists that leave something out', () => {
  const tables = [
    { table: 'users', columns: ['id', 'the "Name", .*'] },
    { table: 'Sales.orders+', columns: ['id '] },
  ]
  const wanted = { tables }

  test('are widened by what is missing alone', () => {
    const given = {
      'schema.include.list': 'public',
      'table.include.list': 'public.users,public.others',
      'column.include.list': 'public\\.users\\.id',
      'message.prefix.include.list': 'audit',
      'slot.name': 'mine',
    }
    expect(widenedSettings(given, wanted)).toEqual({
      ...given,
      'schema.include.list': 'public,Sales',
      'table.include.list': 'public.users,public.others,Sales\\.orders\\+',
      'column.include.list':
        'public\\.users\\.id,public\\.users\\.the "Name"\\, \\.\\*,Sales\\.orders\\+\\.id\\x20',
      'message.prefix.include.list': 'audit,millrace',
    })
  })

  test('are left as they are where all is in them, or where there are none', () => {
    for (const given of [{}, includingSettings(tables), { 'table.exclude.list': '.*' }]) {
      expect(widenedSettings(given, wanted)).toEqual(given)
    }
  })

  test('have what they are to include, whatever its name, once they were made or widened', () => {
    const all = { ...includingSettings(tables), 'schema.include.list': 'x' }
    const faults = (given: Readonly<Record<string, string>>) =>
      connectorFaults(given, { ...wanted, prefix: 'p', publication: 'p', slot: 's', types: [] })
        .map(({ what }) => what)
        .filter((what) => what.includes('leaves out'))
    expect(faults(all)).toEqual([expect.stringContaining('schema.include.list')])
    expect(faults(widenedSettings(all, wanted))).toEqual([])
  })
})
