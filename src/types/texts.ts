import {
  compareBytes,
  equalTexts,
  misfit,
  named,
  plain,
  quoted,
  readText,
  shapes,
  storedAs,
} from './forms.ts'
import { byText } from './orders.ts'
import type { Condition, KeyForm, ValueType } from './value-type.ts'

/** Keys of text are ordered by their bytes, which is the same everywhere. */
const textKey: KeyForm = {
  words: 'text without NUL',
  isCanonical: isText,
  compare: compareBytes,
  order: (column) => `(${column} collate "C")`,
  isIndexed: true,
  equals: (column, value) => `${column} = ${value}`,
  last: undefined,
}

export const text: ValueType = {
  ...plain,
  ...named('text', 'character varying'),
  name: 'text',
  declare: (column) => `text('${column}')`,
  sql: (column) => `${column}::text`,
  reader: shapes(['string', undefined, readText]),
  json: quoted(),
  stored: { ...storedAs('text'), sql: (column) => column },
  key: textKey,
  constant: equalTexts('text without NUL', isText),
  noKey: '',
}

/** With the blanks that fill it up, as a query of the column answers it. */
export const char: ValueType = {
  ...plain,
  ...named('character'),
  name: 'char',
  declare: (column) => `char('${column}')`,
  // A cast to text would take the blanks off.
  sql: (column) => `textin(bpcharout(${column}))`,
  reader: shapes(['string', undefined, readText]),
  json: quoted(),
  stored: text.stored,
  key: undefined,
  noKey: 'texts that differ in blanks alone are equal there: alter the column to text',
}

const uuidText = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const uuid: ValueType = {
  ...plain,
  ...named('uuid'),
  name: 'uuid',
  declare: (column) => `uuid('${column}')`,
  sql: (column) => `${column}::text`,
  reader: shapes([
    'string',
    'io.debezium.data.Uuid',
    (value) => (uuidText.test(value as string) ? (value as string) : undefined),
  ]),
  json: quoted({ format: 'uuid' }),
  stored: storedAs('uuid'),
  key: {
    words: 'a uuid in lower case with its four hyphens',
    isCanonical: (value) => uuidText.test(value),
    compare: compareBytes,
    order: (column) => column,
    isIndexed: true,
    equals: (column, value) => `${column} = ${value}`,
    last: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  },
  constant: equalTexts('a uuid in lower case with its four hyphens', (value) =>
    uuidText.test(value),
  ),
  order: byText((value) => uuidText.test(value)),
  noKey: '',
}

const enumsInArrays: Condition = {
  why: 'the connector makes null of an array of an enum that holds a null',
  sql: 'array_position(COLUMN, null) is null',
  written: /^array_position\(COLUMN, NULL::[^(),]*\) IS NULL$/,
}

/** The label. Labels may be added, so the store has it as text. */
export const enumeration: ValueType = {
  ...plain,
  name: 'enum',
  declare: (column) => `enumeration('${column}')`,
  takes: 'an enum',
  refusal: (found) => (found.kind === 'e' ? undefined : misfit(found)),
  sql: (column) => `${column}::text`,
  reader: shapes(['string', 'io.debezium.data.Enum', readText]),
  json: quoted(),
  stored: text.stored,
  constant: equalTexts('a label of its enum', isText),
  key: {
    ...textKey,
    words: 'a label of its enum',
    // What the enum's own order is, only the source knows.
    order: (column) => `(${column}::text collate "C")`,
    isIndexed: false,
    // Text that is no label would be an error if it were cast.
    equals: (column, value) => `${column}::text = ${value}`,
  },
  noKey: '',
  arrayConditions: [enumsInArrays],
}

function isText(value: string): boolean {
  return value.isWellFormed() && !value.includes('\0')
}
