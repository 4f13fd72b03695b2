/** Values of every type as tests write them, and the text that each has; and what is none of it. */
import { defineView, from } from '../../src/index.ts'
import type { ColumnType } from '../../src/types/types.ts'

export type Examples = {
  readonly type: ColumnType
  readonly values: readonly (readonly [value: unknown, text: string])[]
  readonly wrong: readonly unknown[]
}

const whole = (most: bigint): Omit<Examples, 'type'> => ({
  values: [
    [0, '0'],
    [-0, '0'],
    [-7n, '-7'],
    ['42', '42'],
    [most, String(most)],
  ],
  wrong: [most + 1n, 0.5, '07', '', 'x', 2 ** 53, true, [1]],
})

const float: Omit<Examples, 'type'> = {
  values: [
    [-0, '-0'],
    ['0.10', '0.1'],
    [Number.NaN, 'NaN'],
    ['NaN', 'NaN'],
    [-Infinity, '-Infinity'],
    [1e-5, '1e-05'],
  ],
  wrong: ['', ' ', 'x', 1n, true],
}

const json: Omit<Examples, 'type'> = {
  values: [],
  wrong: [() => 1, 1n, Symbol('x')],
}

const moments = (zone: string): [string, string][] => [
  [`2026-01-31T10:18:00${zone}`, `2026-01-31T10:18:00.000000${zone}`],
  [`2026-01-31T10:18:00.5${zone}`, `2026-01-31T10:18:00.500000${zone}`],
  [`-0043-03-15T00:00:00${zone}`, `-0043-03-15T00:00:00.000000${zone}`],
  [`+294246-12-31T23:59:59.999999${zone}`, `+294246-12-31T23:59:59.999999${zone}`],
  ['infinity', 'infinity'],
]

const scalars: readonly Examples[] = [
  { type: 'bigint', ...whole(2n ** 63n - 1n) },
  { type: 'integer', ...whole(2n ** 31n - 1n) },
  { type: 'smallint', ...whole(2n ** 15n - 1n) },
  {
    type: 'numeric',
    values: [
      [1.5, '1.5'],
      ['1.50', '1.50'],
      ['-0.0', '0.0'],
      [-0, '0'],
      ['-0.01', '-0.01'],
      [2n ** 70n, '1180591620717411303424'],
      [Number.NaN, 'NaN'],
      ['-Infinity', '-Infinity'],
    ],
    wrong: ['1e5', 1e21, '.5', '5.', '007', '', 'nan', true],
  },
  { type: 'real', ...float, values: [...float.values, [0.1, '0.1'], [1e6, '1e+06']] },
  { type: 'double', ...float, values: [...float.values, [1e15, '1e+15']] },
  {
    type: 'boolean',
    values: [
      [true, 'true'],
      [false, 'false'],
    ],
    wrong: ['true', 0, 't'],
  },
  {
    type: 'text',
    values: [
      ['', ''],
      ['ä😀"\\\n', 'ä😀"\\\n'],
    ],
    wrong: ['a\0b', '\ud800', 1, ['x']],
  },
  { type: 'char', values: [['ab   ', 'ab   ']], wrong: ['a\0b', 1] },
  {
    type: 'uuid',
    values: [['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
    wrong: ['a0eebc999c0b4ef8bb6d6bb9bd380a11', '', 1],
  },
  { type: 'enum', values: [["it's", "it's"]], wrong: [1, 'a\0b'] },
  {
    type: 'date',
    values: [
      ['2026-01-31', '2026-01-31'],
      ['-0043-03-15', '-0043-03-15'],
      ['infinity', 'infinity'],
    ],
    wrong: ['2026-02-30', '2026-1-31', new Date(0), 0],
  },
  {
    type: 'time',
    values: [
      ['10:18', '10:18:00.000000'],
      ['10:18:00.25', '10:18:00.250000'],
      ['24:00:00', '24:00:00.000000'],
    ],
    wrong: ['24:00:01', '10', '10:18:60', '10:18+00', 0],
  },
  {
    type: 'timestamp',
    values: moments(''),
    wrong: ['2026-01-31T10:18:00Z', '2026-01-31T10:18:00+02', '2026-01-31', new Date(0), 'x'],
  },
  {
    type: 'timestamptz',
    values: [
      ...moments('Z'),
      ['2026-01-31T10:18:00+05:30', '2026-01-31T04:48:00.000000Z'],
      [new Date(1), '1970-01-01T00:00:00.001000Z'],
    ],
    wrong: ['2026-01-31T10:18:00', new Date(Number.NaN), '2026-01-31', 0],
  },
  {
    type: 'json',
    ...json,
    values: [
      [{ b: 1, a: [null, 'x'] }, '{"b":1,"a":[null,"x"]}'],
      ['x', '"x"'],
      [false, 'false'],
    ],
  },
  {
    type: 'jsonb',
    values: [
      [{ bb: 1, b: [null, 'x'], a: {} }, '{"a": {}, "b": [null, "x"], "bb": 1}'],
      [{ ä: 1, b: 2, aa: 3 }, '{"b": 2, "aa": 3, "ä": 1}'],
      [1e21, '1000000000000000000000'],
      [-1.25e-7, '-0.000000125'],
      [1.5e22, '15000000000000000000000'],
      ['\\u0000', '"\\\\u0000"'],
    ],
    wrong: [...json.wrong, 'a\0b', { '\0': 1 }, '\ud800'],
  },
  {
    type: 'bytea',
    values: [
      [Uint8Array.of(0, 255), 'AP8='],
      [Buffer.from(''), ''],
    ],
    wrong: ['AP8=', [0, 255], 1],
  },
]

const arrays: readonly Examples[] = scalars
  .filter(({ type }) => !/^(date|time)/.test(type))
  .map(({ type, values, wrong }) => {
    const [value, text] = values[0]!
    const item = /^(bigint|numeric|text|char|uuid|enum|bytea)$/.test(type)
      ? JSON.stringify(text)
      : text
    return {
      type: `${type}[]` as ColumnType,
      values: [
        [[], '[]'],
        [[value, null, value], `[${item},null,${item}]`],
      ],
      wrong: ['{}', value, [undefined], [wrong[0]], [[value]]].filter(
        // What JSON is made of may be an array itself.
        (each) => !type.startsWith('json') || !(Array.isArray(each) && Array.isArray(each[0])),
      ),
    }
  })

export const examples: readonly Examples[] = [...scalars, ...arrays]

const columnOf = (type: ColumnType) => `a ${type}`
const fieldOf = (at: number) => `field${at}`

/** Has a field of every type. */
export const edgeView = defineView({
  name: 'edges',
  key: { id: 'bigint' },
  row: from('edges', {
    key: 'id',
    fields: Object.fromEntries(
      examples.map(({ type }, at) => [fieldOf(at), { column: columnOf(type), type }]),
    ),
  }),
})

/** Rows that have all of the values, and the texts of the fields. */
export function everyValue() {
  const most = Math.max(...examples.map(({ values }) => values.length))
  const types = Object.fromEntries(examples.map(({ type }, at) => [fieldOf(at), type]))
  return Array.from({ length: most }, (_, index) => ({
    row: Object.fromEntries(
      examples.map(({ type, values }) => [columnOf(type), values[index]?.[0] ?? null]),
    ),
    texts: Object.fromEntries(
      examples.map(({ values }, at) => [fieldOf(at), values[index]?.[1] ?? null]),
    ) as Readonly<Record<string, string | null>>,
    types,
  }))
}
