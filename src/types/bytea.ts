import { named, plain, quoted, shapes } from './forms.ts'
import type { ValueType } from './value-type.ts'

/** Base64 without line breaks. */
export const bytea: ValueType = {
  ...plain,
  ...named('bytea'),
  name: 'bytea',
  declare: (column) => `bytea('${column}')`,
  connector: [
    {
      setting: 'binary.handling.mode',
      allowed: ['bytes'],
      missing: 'bytes',
      why: 'other forms can not be told from text',
    },
  ],
  sql: base64Sql,
  reader: shapes([
    'bytes',
    undefined,
    (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : undefined),
  ]),
  json: quoted({ contentEncoding: 'base64' }),
  stored: {
    type: 'bytea',
    sql: base64Sql,
    value: (text) => `\\x${Buffer.from(text, 'base64').toString('hex')}`,
  },
  key: undefined,
  noKey: "key by its text: encode(…, 'hex') in a column of type text",
}

function base64Sql(column: string): string {
  return `translate(encode(${column}, 'base64'), chr(10), '')`
}
