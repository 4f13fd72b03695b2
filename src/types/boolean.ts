import { bare, equalTexts, named, plain, shapes, storedAs } from './forms.ts'
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
  constant: equalTexts('true or false', (text) => text === 'true' || text === 'false'),
  noKey: 'two entries are no view: count by a column with more values',
}
