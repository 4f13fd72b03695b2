import { duration, flag, parseArguments, text, usageOf, whole } from '../src/arguments.ts'
import type { MillraceError } from '../src/errors.ts'

const command = {
  call: 'millrace paint',
  operands: ['WALL'],
  about: 'Paints a wall.',
  options: {
    colour: text('NAME', 'what it is painted with'),
    coats: whole([1, 9], 2, 'how often'),
    dry: duration('how long it dries'),
    gloss: flag('makes it shine'),
  },
  more: 'Exits with 0.',
} as const

const given = (...args: readonly string[]) => parseArguments(args, command)

function faultOf(...args: readonly string[]): MillraceError {
  try {
    given(...args)
  } catch (error) {
    return error as MillraceError
  }
  throw new Error('nothing was wrong')
}

test('what is given is read by its kind, and what is left out has its default', () => {
  expect(given('north', '--colour', 'red', '--coats=3', '--dry', '1.5s', '--gloss')).toEqual({
    operands: ['north'],
    values: { colour: 'red', coats: 3, dry: 1_500, gloss: true },
  })
  expect(given('north')).toEqual({
    operands: ['north'],
    values: { colour: undefined, coats: 2, dry: undefined, gloss: false },
  })
})

test('what stands behind -- is no option', () => {
  expect(given('--', '--gloss').operands).toEqual(['--gloss'])
})

test.each([
  ['500ms', 500],
  ['60s', 60_000],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['1h', 3_600_000],
])('%s is a duration', (dry, ms) => {
  expect(given('north', `--dry=${dry}`).values.dry).toBe(ms)
})

test.each(['60', 's', '-1s', '0s', '1e3s', '60 s', '1d', '9999999h'])('%j is none', (dry) => {
  expect(faultOf('north', `--dry=${dry}`).message).toContain('--dry is a duration like')
})

test.each([
  [['--coat', '3'], 'there is no option --coat; did you mean --coats?'],
  [['--verbose'], 'there is no option --verbose'],
  [['-x'], 'there is no option -x'],
  [['--coats', '10'], "--coats is a whole number from 1 to 9, not '10'"],
  [['--coats', '1.5'], '--coats is a whole number'],
  [['--coats', 'two'], '--coats is a whole number'],
  [['--coats', '-1'], '--coats needs a value, N'],
  [['--coats'], '--coats needs a value, N'],
  [['--colour', '--gloss'], '--colour needs a value, NAME'],
  [['--colour='], '--colour needs a value, NAME'],
  [['--gloss=yes'], '--gloss takes no value'],
  [['--gloss', '--gloss'], '--gloss is given twice'],
  [['south'], "'south' is more than it takes"],
])('%j is refused', (args, said) => {
  const fault = faultOf('north', ...args)
  expect(fault).toMatchObject({ code: 'arguments', hint: usageOf(command) })
  expect(fault.message).toContain(said)
})

test('a name that every object has is no option', () => {
  expect(faultOf('north', '--constructor').message).toContain('there is no option --constructor')
})

test('everything that is wrong is said at once', () => {
  const { message } = faultOf('--glos', '--coats', '0', '--dry', 'long')
  expect(message.split('; ').length).toBe(5)
  expect(message).toContain('WALL is missing')
})

test('the help shows operands, options with their values and defaults, and the rest', () => {
  expect(usageOf(command)).toBe(`usage: millrace paint WALL [options]

Paints a wall.

  --colour NAME    what it is painted with
  --coats N        how often (2)
  --dry DURATION   how long it dries
  --gloss          makes it shine

Exits with 0.
`)
})
