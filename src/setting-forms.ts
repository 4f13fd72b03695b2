/** What a setting's value may be, in the configuration file and as text in the environment. */
import { z } from 'zod'
import { urlFault } from './environment.ts'

export type Form<Out, In> = {
  /** For people: `a number from 1 to 500`. */
  readonly words: string
  /** Of what the file may hold. Its messages never show a value, which may hold a password. */
  readonly schema: z.ZodType<Out, In>
  /** What the file would hold where the environment has this text. */
  readonly fromText: (text: string) => unknown
}

export function textForm(): Form<string, string> {
  return { words: 'a text', schema: z.string({ error: 'must be a text' }), fromText: asItIs }
}

export function nameForm(form: RegExp, characters: string): Form<string, string> {
  const error = `must be made of ${characters}`
  return {
    words: characters,
    schema: z.string({ error }).regex(form, { error }),
    fromText: asItIs,
  }
}

export function urlForm(...schemes: readonly string[]): Form<string, string> {
  return {
    words: schemes.map((scheme) => `${scheme}://…`).join(' or '),
    schema: z.string({ error: 'must be a text' }).superRefine((text, context) => {
      const message = urlFault(text, schemes)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
    fromText: asItIs,
  }
}

/** The same, or nothing at all. */
export function optionalForm<Out, In>(form: Form<Out, In>): Form<Out | undefined, In | undefined> {
  return { ...form, schema: form.schema.optional() }
}

/** A timer of Node's takes no more than 2^31 - 1 milliseconds. */
export function wholeForm(least: number, most = 2 ** 31 - 1): Form<number, number> {
  const error = `must be a whole number from ${least} to ${most}`
  return {
    words: most === 2 ** 31 - 1 ? `a number from ${least}` : `a number from ${least} to ${most}`,
    schema: z.number({ error }).int({ error }).min(least, { error }).max(most, { error }),
    fromText: (text) => (/^\d{1,10}$/.test(text) ? Number(text) : text),
  }
}

export function percentForm(): Form<number, number> {
  const error = 'must be a number from 0.1 to 100'
  return {
    words: 'a number from 0.1 to 100',
    schema: z.number({ error }).min(0.1, { error }).max(100, { error }),
    fromText: (text) => (/^\d{1,3}(\.\d{1,9})?$/.test(text) ? Number(text) : text),
  }
}

/** `on` and `off` in the environment, true and false in the file. */
export function switchForm(): Form<boolean, boolean> {
  return {
    words: '`true` or `false`, in the environment `on` or `off`',
    schema: z.boolean({ error: 'must be true or false, in the environment on or off' }),
    fromText: (text) => (text === 'on' ? true : text === 'off' ? false : text),
  }
}

export function oneOfForm<const Names extends readonly [string, ...string[]]>(
  names: Names,
): Form<Names[number], Names[number]> {
  return {
    words: names.map((name) => `\`${name}\``).join(', '),
    schema: z.enum(names, { error: `must be one of ${names.join(', ')}` }),
    fromText: asItIs,
  }
}

/** Some of these names, each once, as a list or as one text with commas. */
export function someOfForm<const Names extends readonly [string, ...string[]]>(
  names: Names,
): Form<readonly Names[number][], readonly Names[number][]> {
  const isName = (text: string): text is Names[number] => names.includes(text)
  const error = `must be ${names.join(', ')} or several of them with commas`
  return {
    words: `some of ${names.map((name) => `\`${name}\``).join(', ')}`,
    schema: z
      .array(z.custom<Names[number]>(), { error })
      .refine((list) => list.length > 0 && list.every(isName), { error })
      .transform((list) => [...new Set(list)]),
    fromText: listOf,
  }
}

/** `host:port,host:port`, or a list of such texts. */
export function brokersForm(): Form<readonly string[], string | readonly string[]> {
  const error = 'must be a list of host:port,host:port'
  return {
    words: '`host:port,…` or a list of them',
    schema: z
      .union([z.string().transform(listOf), z.array(z.string()).readonly()], { error })
      .refine((list) => list.length > 0 && list.every(isBroker), { error }),
    fromText: listOf,
  }
}

function asItIs(text: string): string {
  return text
}

function listOf(text: string): readonly string[] {
  return text.split(',').flatMap((part) => part.trim() || [])
}

function isBroker(text: string): boolean {
  const port = Number(/^(?:[^\s/:@]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(text)?.[1] ?? 0)
  return port >= 1 && port <= 65_535
}
