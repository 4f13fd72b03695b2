import { parseArgs } from 'node:util'
import { describe, MillraceError } from '../errors.ts'

/** What was given for a command's options. Each method throws `arguments` for a wrong value. */
export type Arguments<Name extends string> = {
  text(name: Name): string | undefined
  /** A number from `least` to `most`, `fallback` where the option was left out. */
  whole(name: Name, fallback: number, range: readonly [least: number, most: number]): number
  /** `60s` as 60000; undefined where the option was left out. */
  durationMs(name: Name): number | undefined
}

export type Command<Name extends string> = {
  /** Options, each with a value. */
  readonly names: readonly Name[]
  /** The hint of every error. */
  readonly usage: string
}

/** Throws `arguments` for options that the command does not know, and for anything else in `args`. */
export function parseArguments<Name extends string>(
  args: readonly string[],
  { names, usage }: Command<Name>,
): Arguments<Name> {
  const values = valuesOf(args, { names, usage })
  return {
    text: (name) => values[name],
    whole(name, fallback, [least, most]) {
      const value = values[name]
      if (value === undefined) return fallback
      const number = /^\d{1,12}$/.test(value) ? Number(value) : NaN
      if (number >= least && number <= most) return number
      const wanted = `a whole number from ${least} to ${most}`
      throw wrongArguments(`--${name} is ${wanted}, not '${value}'`, usage)
    },
    durationMs(name) {
      const value = values[name]
      if (value === undefined) return undefined
      const ms = parseDurationMs(value)
      if (ms !== undefined) return ms
      throw wrongArguments(
        `--${name} is a duration like 500ms, 60s, 5m or 1h, not '${value}'`,
        usage,
      )
    },
  }
}

export function wrongArguments(message: string, usage: string): MillraceError {
  return new MillraceError('arguments', message, { hint: usage })
}

function valuesOf<Name extends string>(
  args: readonly string[],
  { names, usage }: Command<Name>,
): Readonly<Partial<Record<Name, string>>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' } as const]))
  try {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: false })
    return values as Partial<Record<Name, string>>
  } catch (error) {
    throw wrongArguments(describe(error), usage)
  }
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text)
  const ms = match ? Math.round(Number(match[1]) * unitsMs[match[2]!]!) : 0
  // Longer timers would end at once.
  return ms > 0 && ms < 2 ** 31 ? ms : undefined
}
