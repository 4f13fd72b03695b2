import type { Random } from '../random.ts'
import type { Parameter, StatementName } from './statements.ts'

const givenNames = [
  'Ada',
  'Björk',
  'Chidi',
  '多和田',
  'Élodie',
  'Ømer',
  'Zoë 🦀',
  "O'Neil",
  'Σοφία',
]
const places = ['Lagos', 'São Paulo', 'Ulm', '東京', 'Reykjavík', 'nowhere "in particular"', '']

/** The columns of a new user after its id, in the order of `makeUser`. */
export function profile(random: Random, rank: number): readonly Parameter[] {
  return [
    `user_${rank}`,
    orNull(random, () => `${random.pick(givenNames)} ${random.text(6)}`),
    orNull(random, () => random.text(random.integer(0, 160))),
    orNull(random, () => random.pick(places)),
    orNull(random, () => `https://example.com/${rank}`),
    moment(random),
    orNull(random, () => image(random)),
    orNull(random, () => image(random)),
  ]
}

/** A new value for one column; descriptions are now and then so long that they are kept apart. */
export function profileEdit(random: Random): { name: StatementName; value: Parameter } {
  const { name, value } = random.pick(edits)
  return { name, value: value(random) }
}

const edits: readonly { name: StatementName; value: (random: Random) => Parameter }[] = [
  { name: 'setUsername', value: (random) => `user_${random.text(10)}` },
  { name: 'setName', value: (random) => orNull(random, () => random.pick(givenNames)) },
  { name: 'setName', value: (random) => `${random.pick(givenNames)} ${random.text(4)}` },
  { name: 'setDescription', value: (random) => orNull(random, () => random.text(120)) },
  { name: 'setDescription', value: (random) => random.text(5_000) },
  { name: 'setLocation', value: (random) => orNull(random, () => random.pick(places)) },
  { name: 'setWebPageUrl', value: (random) => orNull(random, () => image(random)) },
  { name: 'setJoinedDate', value: moment },
  { name: 'setProfileImageUrl', value: (random) => orNull(random, () => image(random)) },
  { name: 'setBackgroundImageUrl', value: (random) => orNull(random, () => image(random)) },
]

function orNull(random: Random, value: () => string): string | null {
  return random.chance(0.25) ? null : value()
}

function image(random: Random): string {
  return `https://images.example.com/${random.text(16)}.png`
}

/** Since 2006, to the microsecond. */
function moment(random: Random): string {
  const whole = new Date(1_142_899_200_000 + random.integer(0, 650_000_000) * 1_000).toISOString()
  const micros = String(random.integer(0, 999_999)).padStart(6, '0')
  return whole.replace('.000Z', `.${micros}Z`)
}
