/** Values of each type, its edges among them. */
import type { Random } from '../random.ts'
import type { ColumnType } from '../types/types.ts'
import { canonicalValue, elementOf, type ColumnValue } from './values.ts'

/** Never null. */
export function randomValue(type: ColumnType, random: Random): ColumnValue {
  if (type.endsWith('[]')) {
    const element = elementOf(type)
    // The source refuses the others, for the connector can't tell them.
    const item = () => (element === 'numeric' ? decimal(random) : randomValue(element, random))
    const nulls = element === 'enum' ? 0 : 0.2
    return Array.from({ length: random.integer(0, 3) }, () =>
      random.chance(nulls) ? null : item(),
    )
  }
  return scalars[type as keyof typeof scalars](random)
}

/** So many that differ, or as many as there are. */
export function randomValues(type: ColumnType, random: Random, count: number): ColumnValue[] {
  const found = new Map<unknown, ColumnValue>()
  for (let tried = 0; found.size < count && tried < count * 20; tried += 1) {
    const value = randomValue(type, random)
    found.set(canonicalValue(type, value), value)
  }
  return [...found.values()]
}

export const enumLabels = ['one', 'two words', "it's", '"quoted", \\', 'ä😀', 'NULL']

const texts = ['', ' ', 'a', 'a:b', ':', '\\', "it's", '"x", {y}', 'ä😀', 'line\nline', 'NULL', '-']

const scalars = {
  bigint: (random: Random) =>
    random.pick([0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n, random.bigId()]),
  integer: (random: Random) =>
    random.pick([0, 2_147_483_647, -2_147_483_648, random.integer(-1_000, 1_000)]),
  smallint: (random: Random) => random.pick([0, 32_767, -32_768, random.integer(-100, 100)]),
  numeric: (random: Random) =>
    random.chance(0.1) ? random.pick(['NaN', 'Infinity', '-Infinity']) : decimal(random),
  real: (random: Random) => float(random),
  double: (random: Random) => float(random),
  boolean: (random: Random) => random.chance(0.5),
  text: (random: Random) =>
    random.chance(0.3) ? random.text(random.integer(1, 200)) : random.pick(texts),
  char: (random: Random) => random.text(random.integer(0, 8)).padEnd(8),
  uuid: (random: Random) => {
    const hex = Array.from({ length: 4 }, () => random.word().toString(16).padStart(8, '0')).join(
      '',
    )
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  },
  enum: (random: Random) => random.pick(enumLabels),
  date: (random: Random) =>
    random.pick([
      'infinity',
      '-infinity',
      '-0043-03-15',
      '0001-01-01',
      '+12345-06-07',
      isoAt(random).slice(0, 10),
    ]),
  time: (random: Random) => random.pick(['00:00', '24:00:00', isoAt(random).slice(11)]),
  timestamp: (random: Random) => random.pick([...farMoments, isoAt(random)]),
  timestamptz: (random: Random) =>
    random.pick([
      ...farMoments.map((text) => (text.endsWith('infinity') ? text : `${text}Z`)),
      `${isoAt(random)}Z`,
      `${isoAt(random)}+05:30`,
      new Date(random.integer(-1e12, 4e12)),
    ]),
  json: (random: Random) => document(random),
  jsonb: (random: Random) => document(random),
  bytea: (random: Random) =>
    Uint8Array.from({ length: random.integer(0, 9) }, () => random.integer(0, 255)),
} as const satisfies Partial<Record<ColumnType, (random: Random) => ColumnValue>>

const farMoments = [
  'infinity',
  '-infinity',
  '-0043-03-15T00:00:01',
  '0001-01-01T00:00:00',
  '+12345-06-07T08:09:10.111213',
  '1970-01-01T00:00:00',
]

/** `2001-02-03T04:05:06.789012`. */
function isoAt(random: Random): string {
  const text = new Date(random.integer(-2e12, 4e12)).toISOString().slice(0, -1)
  return `${text}${String(random.integer(0, 999)).padStart(3, '0')}`
}

function decimal(random: Random): string {
  const whole = random.pick(['0', '1', String(random.bigId())])
  const fraction = random.pick(['', '.0', '.50', `.${random.word()}`])
  return `${random.pick(['', '-'])}${whole}${fraction}`
}

function float(random: Random): number {
  return random.pick([
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    0.1,
    1e15,
    1e-5,
    (random.fraction() - 0.5) * 10 ** random.integer(-30, 30),
  ])
}

function document(random: Random, depth = 2): unknown {
  const leaf = () =>
    random.pick([null, true, 0, -1.5, 1e21, 1e-7, random.pick(texts), random.integer(0, 99)])
  if (depth === 0 || random.chance(0.4)) return leaf() ?? false
  const items = Array.from({ length: random.integer(0, 3) }, () => document(random, depth - 1))
  if (random.chance(0.5)) return items
  return Object.fromEntries(items.map((item) => [random.pick(['b', 'aa', '10', '9', 'ä']), item]))
}
