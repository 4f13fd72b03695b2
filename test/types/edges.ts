/** Values at the edges of every type: as SQL writes them, and the canonical text that they have. */
import type { ColumnType } from '../../src/types/types.ts'

export type Edges = {
  readonly type: ColumnType
  /** The type of the column; `EDGE_MOOD` is an enum of `moodLabels`. */
  readonly column: string
  readonly values: readonly (readonly [sql: string, text: string])[]
  /** Those that the connector can't write, which are refused or parked. */
  readonly unwritten?: readonly (readonly [sql: string, text: string])[]
}

export const moodLabels = ['sad', 'it\'s "ok"', 'b,c\\d', 'ä😀', 'NULL', '{}']

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
const same = (...texts: readonly string[]) => texts.map((text) => [quoted(text), text] as const)

const day = ['0001-01-01', '9999-12-31', '1970-01-01', '1969-12-31', '1582-10-10', '2000-02-29']
const farDays = [
  ["'4714-11-24 BC'", '-4713-11-24'],
  ["'0044-03-15 BC'", '-0043-03-15'],
  ["'0001-12-31 BC'", '0000-12-31'],
  ["'10000-01-01'", '+10000-01-01'],
] as const
const infinities = same('infinity', '-infinity')

const moments = (zone: 'Z' | '') =>
  [
    ['0001-01-01 00:00:00', '0001-01-01T00:00:00.000000'],
    ['9999-12-31 23:59:59.999999', '9999-12-31T23:59:59.999999'],
    ['1970-01-01 00:00:00', '1970-01-01T00:00:00.000000'],
    ['1969-12-31 23:59:59.999999', '1969-12-31T23:59:59.999999'],
    ['1582-10-10 01:02:03.000004', '1582-10-10T01:02:03.000004'],
    ['10000-01-01 00:00:00', '+10000-01-01T00:00:00.000000'],
    ['294246-12-31 23:59:59.999999', '+294246-12-31T23:59:59.999999'],
    ['0044-03-15 00:00:01 BC', '-0043-03-15T00:00:01.000000'],
    ['0001-12-31 23:59:59 BC', '0000-12-31T23:59:59.000000'],
    ['4714-11-24 00:00:00 BC', '-4713-11-24T00:00:00.000000'],
  ].map(([sql, text]) => {
    const at = zone ? sql!.replace(/( BC)?$/, '+00$1') : sql!
    return [`'${at}'`, `${text}${zone}`] as const
  })

const floats = [
  '0',
  '-0',
  'NaN',
  'Infinity',
  '-Infinity',
  '1',
  '-1.5',
  '0.1',
  '100000',
  '0.0001',
  '1e-05',
] as const

export const edges: readonly Edges[] = [
  { type: 'smallint', column: 'smallint', values: same('0', '-32768', '32767') },
  { type: 'integer', column: 'integer', values: same('0', '-2147483648', '2147483647') },
  { type: 'integer', column: 'smallint', values: same('-1') },
  {
    type: 'bigint',
    column: 'bigint',
    values: same('0', '-9223372036854775808', '9223372036854775807', '9007199254740993'),
  },
  { type: 'bigint', column: 'integer', values: same('-1') },
  {
    type: 'numeric',
    column: 'numeric',
    values: [
      ...same('0', 'NaN', 'Infinity', '-Infinity', '1.50', '-0.00000001', '100', '0.000'),
      ['-0.0', '0.0'],
      ['1e-20', '0.00000000000000000001'],
      ['10::numeric ^ 131071', `1${'0'.repeat(131_071)}.0000000000000000`],
      [`('0.' || repeat('0', 16382) || '1')::numeric`, `0.${'0'.repeat(16_382)}1`],
    ],
  },
  {
    type: 'numeric',
    column: 'numeric(20,4)',
    values: [
      ['1.5', '1.5000'],
      ["'NaN'", 'NaN'],
    ],
  },
  {
    type: 'real',
    column: 'real',
    values: same(...floats, '1e-45', '3.4028235e+38', '1e+06', '1.6777216e+07', '123456'),
  },
  {
    type: 'double',
    column: 'double precision',
    values: [
      ...same(
        ...floats,
        '5e-324',
        '1.7976931348623157e+308',
        '1e+15',
        '999999999999999',
        '1.2345678901234568e+17',
        '9.007199254740992e+15',
      ),
      // 2e+23 lies in the middle of two numbers, and which one it means is for the reader to say.
      ['2e+23', '1.9999999999999998e+23'],
    ],
  },
  { type: 'boolean', column: 'boolean', values: same('true', 'false') },
  {
    type: 'text',
    column: 'text',
    values: same('', ' ', 'ä😀\u{10ffff}', '\u0001\n\t"\\\u007f\u2028', 'NULL', 'x'.repeat(5_000)),
  },
  { type: 'text', column: 'varchar(10)', values: same('', 'x ') },
  {
    type: 'char',
    column: 'char(5)',
    values: [
      ["''", '     '],
      ["'ab'", 'ab   '],
      ["'ä😀'", 'ä😀   '],
    ],
  },
  {
    type: 'uuid',
    column: 'uuid',
    values: [
      ...same('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
      ["'{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ],
  },
  { type: 'enum', column: 'EDGE_MOOD', values: same(...moodLabels) },
  {
    type: 'date',
    column: 'date',
    values: [...same(...day), ...farDays, ["'5874897-12-31'", '+5874897-12-31'], ...infinities],
  },
  {
    type: 'time',
    column: 'time',
    values: [
      ["'00:00'", '00:00:00.000000'],
      ["'24:00'", '24:00:00.000000'],
      ["'23:59:59.999999'", '23:59:59.999999'],
      ["'12:00:00.1'", '12:00:00.100000'],
    ],
  },
  {
    type: 'time',
    column: 'time(3)',
    values: [
      ["'24:00'", '24:00:00.000000'],
      ["'00:00:00.001'", '00:00:00.001000'],
    ],
  },
  {
    type: 'timestamp',
    column: 'timestamp',
    values: [...moments(''), ...infinities],
    unwritten: [["'294276-12-31 23:59:59.999999'", '+294276-12-31T23:59:59.999999']],
  },
  {
    type: 'timestamp',
    column: 'timestamp(3)',
    values: [
      ["'294276-12-31 23:59:59.998'", '+294276-12-31T23:59:59.998000'],
      ["'1969-12-31 23:59:59.999'", '1969-12-31T23:59:59.999000'],
      ...infinities,
    ],
  },
  {
    type: 'timestamptz',
    column: 'timestamptz',
    values: [
      ...moments('Z'),
      ["'294276-12-31 23:59:59.999999+00'", '+294276-12-31T23:59:59.999999Z'],
      ["'2026-11-21 12:18:00.5+02'", '2026-11-21T10:18:00.500000Z'],
      ...infinities,
    ],
  },
  {
    type: 'json',
    column: 'json',
    values: same('{"b": 1,  "a":12345678901234567890.10, "b": 2}', 'null', '"x"', '[1e400,\n {}]'),
  },
  {
    type: 'jsonb',
    column: 'jsonb',
    values: [
      [
        `'{"bb": 1, "a":12345678901234567890.10, "bb": 2}'`,
        '{"a": 12345678901234567890.10, "bb": 2}',
      ],
      ...same('null', '"ä\\u0001"', '[]', '{"9": 2, "10": 1}'),
      ["'1e400'", `1${'0'.repeat(400)}`],
    ],
  },
  {
    type: 'bytea',
    column: 'bytea',
    values: [
      ["''", ''],
      ["'\\x00ff'", 'AP8='],
      [`decode(repeat('ab', 100), 'hex')`, Buffer.alloc(100, 0xab).toString('base64')],
    ],
  },
  {
    type: 'smallint[]',
    column: 'smallint[]',
    values: [
      ["'{}'", '[]'],
      ["'{1,NULL,-3}'", '[1,null,-3]'],
      ["'[5:6]={1,2}'", '[1,2]'],
    ],
  },
  { type: 'integer[]', column: 'integer[]', values: [["'{2147483647}'", '[2147483647]']] },
  {
    type: 'bigint[]',
    column: 'bigint[]',
    values: [["'{9223372036854775807,NULL}'", '["9223372036854775807",null]']],
  },
  {
    type: 'numeric[]',
    column: 'numeric[]',
    values: [
      ["'{}'", '[]'],
      ["'{1.50,NULL,-0.00000001}'", '["1.50",null,"-0.00000001"]'],
    ],
    unwritten: [["'{NaN,Infinity}'", '["NaN","Infinity"]']],
  },
  {
    type: 'real[]',
    column: 'real[]',
    values: [["'{0.1,NaN,-0,NULL,-Infinity}'", '[0.1,"NaN",-0,null,"-Infinity"]']],
  },
  {
    type: 'double[]',
    column: 'double precision[]',
    values: [["'{0.1,NaN,-0,NULL,1e15}'", '[0.1,"NaN",-0,null,1e+15]']],
  },
  { type: 'boolean[]', column: 'boolean[]', values: [["'{t,f,NULL}'", '[true,false,null]']] },
  {
    type: 'text[]',
    column: 'text[]',
    values: [
      ["'{}'", '[]'],
      [
        `array['', 'NULL', null, 'a,b', '{"x"}', E'\\\\', E'\\n\\x01', 'ä😀']`,
        '["","NULL",null,"a,b","{\\"x\\"}","\\\\","\\n\\u0001","ä😀"]',
      ],
    ],
  },
  { type: 'text[]', column: 'varchar(3)[]', values: [["'{a,NULL}'", '["a",null]']] },
  { type: 'char[]', column: 'char(3)[]', values: [["'{a,NULL}'", '["a  ",null]']] },
  {
    type: 'uuid[]',
    column: 'uuid[]',
    values: [
      [
        "'{A0EEBC999C0B4EF8BB6D6BB9BD380A11,NULL}'",
        '["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",null]',
      ],
    ],
  },
  {
    type: 'enum[]',
    column: 'EDGE_MOOD[]',
    values: [
      ["'{}'", '[]'],
      [`array[${moodLabels.map(quoted).join(',')}]::EDGE_MOOD[]`, JSON.stringify(moodLabels)],
    ],
    unwritten: [["'{sad,NULL}'", '["sad",null]']],
  },
  {
    type: 'json[]',
    column: 'json[]',
    values: [[`array['{"a":  1}', 'null', null]::json[]`, '[{"a":  1},null,null]']],
  },
  {
    type: 'jsonb[]',
    column: 'jsonb[]',
    values: [[`array['{"a":1}', '"x"', null]::jsonb[]`, '[{"a": 1},"x",null]']],
  },
  {
    type: 'bytea[]',
    column: 'bytea[]',
    values: [[`array['\\x00ff', '', null]::bytea[]`, '["AP8=","",null]']],
  },
]
