/** What columns may be: a declared type, a column that it is taken from, and values of it. */
import type { Client } from 'pg'
import type { ColumnType } from '../../src/types/types.ts'
import { edges, moodLabels } from '../types/edges.ts'

export type Form = {
  readonly type: ColumnType
  /** As SQL declares it. */
  readonly column: string
  readonly values: readonly (readonly [sql: string, text: string])[]
}

export const moodType = 'public.property_mood'

/** Longer texts take their time, and are tested by themselves. */
const textMax = 6_000

const fieldForms: readonly Form[] = edges.map(({ type, column, values }) => ({
  type,
  column: column.replace('EDGE_MOOD', moodType),
  values: values
    .filter(([sql, text]) => text.length <= textMax && !sql.startsWith("'5874897"))
    .map(([sql, text]) => [sql.replace('EDGE_MOOD', moodType), text] as const),
}))

export const fieldTypes: readonly ColumnType[] = [...new Set(fieldForms.map(({ type }) => type))]

/** One of the columns that the type takes. */
export function fieldForm(type: ColumnType, which: number): Form {
  const forms = fieldForms.filter((form) => form.type === type)
  return forms[which % forms.length]!
}

const quoted = (...texts: readonly string[]) =>
  texts.map((text) => [`'${text.replaceAll("'", "''")}'`, text] as const)
const far = [["'0044-03-15 BC'", '-0043-03-15']] as const

/** Few values of each, so that rows meet in entries. */
export const keyForms: readonly Form[] = [
  {
    type: 'bigint',
    column: 'bigint',
    values: quoted('0', '-9223372036854775808', '9007199254740993', '9223372036854775807'),
  },
  { type: 'bigint', column: 'integer', values: quoted('-1', '10', '9', '2147483647') },
  { type: 'integer', column: 'integer', values: quoted('0', '-2147483648', '100', '20') },
  { type: 'integer', column: 'smallint', values: quoted('-7', '32767', '1') },
  { type: 'smallint', column: 'smallint', values: quoted('0', '-32768', '3') },
  { type: 'text', column: 'text', values: quoted('a:b', '', '\\', 'ä😀', 'a') },
  { type: 'text', column: 'varchar(10)', values: quoted('x ', 'x', 'NULL', "it's;") },
  {
    type: 'uuid',
    column: 'uuid',
    values: quoted(
      '00000000-0000-0000-0000-000000000000',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
    ),
  },
  { type: 'enum', column: moodType, values: quoted(...moodLabels.slice(0, 4)) },
  {
    type: 'date',
    column: 'date',
    values: [...quoted('1970-01-01', 'infinity', '9999-12-31'), ...far],
  },
]

/** Of windows alone. */
export const momentForms: readonly Form[] = [
  { type: 'timestamptz', zone: 'Z' },
  { type: 'timestamp', zone: '' },
].map(({ type, zone }) => ({
  type: type as ColumnType,
  column: type,
  values: [
    [`'2026-11-21 10:18:00.123456${zone}'`, `2026-11-21T10:18:00.123456${zone}`],
    [`'2026-11-21 10:29:59.999999${zone}'`, `2026-11-21T10:29:59.999999${zone}`],
    ["'infinity'", 'infinity'],
    [`'1969-12-31 23:59:59.5${zone}'`, `1969-12-31T23:59:59.500000${zone}`],
    [`'2026-11-21 10:30:00${zone}'`, `2026-11-21T10:30:00.000000${zone}`],
    ["'-infinity'", '-infinity'],
  ],
}))

export const idForm: Form = {
  type: 'bigint',
  column: 'bigint',
  values: quoted(...Array.from({ length: 12 }, (_, at) => String(at + 1))),
}

/** Tells that the row before a change was given where all that is needed of it is null. */
export const witnessForm: Form = { type: 'text', column: 'text', values: quoted('w') }

export async function createMood(client: Client): Promise<void> {
  await client.query(
    `create type ${moodType} as enum (${quoted(...moodLabels)
      .map(([sql]) => sql)
      .join(', ')})`,
  )
}

/** How Postgres itself writes values, whatever the session of somebody else has set. */
export const plainSettings = `set datestyle = 'ISO, YMD'; set timezone = 'UTC';
  set extra_float_digits = 1; set bytea_output = 'hex'; set intervalstyle = 'postgres'`

/**
 * Of what Postgres writes for a value of a column, the canonical text: looked up, for the edges have
 * both. So nothing here is what Millrace makes of a value.
 */
export class PlainTexts {
  readonly #texts = new Map<string, Map<string, string>>()

  static async read(client: Client): Promise<PlainTexts> {
    const plain = new PlainTexts()
    const forms = [...fieldForms, ...keyForms, ...momentForms, idForm, witnessForm]
    for (const { column, values } of forms) {
      const known = plain.#texts.get(column) ?? new Map<string, string>()
      plain.#texts.set(column, known)
      for (const [sql, text] of values) {
        const { rows } = await client.query<{ plain: string }>(
          `select (${sql})::${column}::text as plain`,
        )
        const before = known.get(rows[0]!.plain)
        if (before !== undefined && before !== text)
          throw new Error(`${column} ${sql} is two texts`)
        known.set(rows[0]!.plain, text)
      }
    }
    return plain
  }

  of({ column }: Form, plain: string): string {
    const text = this.#texts.get(column)?.get(plain)
    if (text === undefined)
      throw new Error(`${column} holds ${plain.slice(0, 50)}, which nobody wrote`)
    return text
  }
}
