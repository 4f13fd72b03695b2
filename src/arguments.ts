/** Command lines: what a command takes, the help that says so, and what somebody has given. */
import { parseArgs } from 'node:util'
import { MillraceError } from './errors.ts'
import { didYouMean, nearest } from './nearest.ts'

export type Command<Known extends Options = Options> = {
  /** What is typed before the options, as `millrace verify`. */
  readonly call: string
  /** What has to be given besides options, each by the word that stands for it: `KEY`. */
  readonly operands?: readonly string[]
  /** What it does, in sentences. */
  readonly about: string
  readonly options: Known
  /** What else its help says, after the options. */
  readonly more?: string
}

export type Options = Readonly<Record<string, Option>>

export type Option = {
  readonly kind: 'flag' | 'text' | 'whole' | 'duration'
  readonly does: string
  /** The word for its value, as `NAME`. */
  readonly value?: string
  /** Of a `whole`: what it may be, and what it is where it was left out. */
  readonly range?: readonly [least: number, most: number]
  readonly fallback?: number
}

/** What was given: `operands` in their order, `values` by the options' names. */
export type Given<Known extends Options> = {
  readonly values: { readonly [Name in keyof Known]: ValueOf<Known[Name]> }
  readonly operands: readonly string[]
}

type ValueOf<Known extends Option> = Known extends { readonly kind: 'flag' }
  ? boolean
  : Known extends { readonly kind: 'whole' }
    ? number
    : Known extends { readonly kind: 'duration' }
      ? number | undefined
      : string | undefined

export function flag(does: string) {
  return { kind: 'flag', does } as const
}

export function text(value: string, does: string) {
  return { kind: 'text', value, does } as const
}

/** A number from `least` to `most`; the help shows `fallback`. */
export function whole(
  range: readonly [least: number, most: number],
  fallback: number,
  does: string,
) {
  return { kind: 'whole', value: 'N', range, fallback, does } as const
}

/** `60s`, in milliseconds; undefined where it was left out. */
export function duration(does: string) {
  return { kind: 'duration', value: 'DURATION', does } as const
}

/** Throws `arguments`, which names all that is wrong, with the command's help as its hint. */
export function parseArguments<const Known extends Options>(
  args: readonly string[],
  command: Command<Known>,
): Given<Known> {
  const { options, operands: wanted = [] } = command
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { kind }]) => [
        name,
        { type: kind === 'flag' ? 'boolean' : 'string' },
      ]),
    ),
    strict: false,
    tokens: true,
  })
  const values: Record<string, unknown> = {}
  const operands: string[] = []
  const wrong: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, value } = token
    // A value that looks like an option is one, whose value was forgotten.
    const forgotten = value?.startsWith('-') === true && token.inlineValue === false
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    const read = option && readOption(option, forgotten ? undefined : value)
    if (!read) wrong.push(unknownOption(token.rawName, command))
    else if (name in values) wrong.push(`--${name} is given twice`)
    else if ('wrong' in read) wrong.push(`--${name} ${read.wrong}`)
    values[name] = read && 'value' in read ? read.value : undefined
  }
  wrong.push(...operandFaults(operands, wanted))
  if (wrong.length > 0) throw wrongArguments(wrong.join('; '), command)
  for (const [name, { kind, fallback }] of Object.entries(options)) {
    values[name] ??= kind === 'flag' ? false : fallback
  }
  return { values: values as Given<Known>['values'], operands }
}

export function wrongArguments(message: string, command: Command): MillraceError {
  return new MillraceError('arguments', message, { hint: usageOf(command) })
}

/** The help of a command. */
export function usageOf({ call, operands = [], about, options, more }: Command): string {
  const lines = Object.entries(options).map(
    ([name, option]) => [optionText(name, option), doesText(option)] as const,
  )
  const width = Math.max(0, ...lines.map(([left]) => left.length))
  const parts = [
    `usage: ${[call, ...operands, ...(lines.length > 0 ? ['[options]'] : [])].join(' ')}`,
    about,
    lines.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join('\n'),
    more ?? '',
  ]
  return parts.flatMap((part) => (part === '' ? [] : [`${part}\n`])).join('\n')
}

function optionText(name: string, { value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`
}

function doesText({ does, fallback }: Option): string {
  return fallback === undefined ? does : `${does} (${fallback})`
}

function unknownOption(given: string, { options }: Command): string {
  const known = [...Object.keys(options), 'help', 'version'].map((name) => `--${name}`)
  return `there is no option ${given}${didYouMean(nearest(given, known))}`
}

function operandFaults(given: readonly string[], wanted: readonly string[]): readonly string[] {
  const missing = wanted.slice(given.length).map((word) => `${word} is missing`)
  const needless = given.slice(wanted.length).map((word) => `'${word}' is more than it takes`)
  return [...missing, ...needless]
}

function readOption(
  option: Option,
  given: string | undefined,
): { readonly value: unknown } | { readonly wrong: string } {
  const { kind, value: word } = option
  if (kind === 'flag') return given === undefined ? { value: true } : { wrong: 'takes no value' }
  if (given === undefined || given === '') return { wrong: `needs a value, ${word}` }
  if (kind === 'text') return { value: given }
  if (kind === 'duration') {
    const ms = parseDurationMs(given)
    const wrong = `is a duration like 500ms, 60s, 5m or 1h, not '${given}'`
    return ms === undefined ? { wrong } : { value: ms }
  }
  const [least, most] = option.range!
  const number = /^\d{1,12}$/.test(given) ? Number(given) : NaN
  if (number >= least && number <= most) return { value: number }
  return { wrong: `is a whole number from ${least} to ${most}, not '${given}'` }
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function parseDurationMs(given: string): number | undefined {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(given)
  const ms = match ? Math.round(Number(match[1]) * unitsMs[match[2]!]!) : 0
  // Longer timers would end at once.
  return ms > 0 && ms < 2 ** 31 ? ms : undefined
}
