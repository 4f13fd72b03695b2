import { bare, named, plain, shapes, storedAs } from './forms.ts'
import type { ValueType } from './value-type.ts'

export const boolean: ValueType = {
  ...plain,
  ...named('boolean'),
  name: 'boolean',
  declare: (column) => `boolean('${column}')`,
  sql: (column) => `${column}::text`,
  reader: shapes([
    'boolean',
    undefined,
    (value) => (typeof value === 'boolean' ? String(value) : undefined),
  ]),
  json: bare({ type: 'boolean' }, (text) => text === 'true'),
  stored: storedAs('boolean'),
  key: undefined,
  noKey: 'two entries are no view: count by a column with more values',
}
