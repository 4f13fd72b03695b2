/** Where entries differ from what they have to be, in words. */
import { tallyText } from '../tally-text.ts'
import { absentText, decodeEntry, type LookedAt } from '../store/entry-text.ts'
import type { View } from '../view/view.ts'

type Texts = ReadonlyMap<string, string>

const saidMax = 20

/** Undefined where they are equal. `truth` says whose the other ones are: `SQL`. */
export function differencesOf(
  view: View,
  found: Texts,
  { truth, texts }: { readonly truth: string; readonly texts: Texts },
): string | undefined {
  const absent = absentText(view.layout)
  const keys = [...new Set([...texts.keys(), ...found.keys()])].toSorted()
  const lines = keys.flatMap((key) => {
    const [is, should] = [found.get(key) ?? absent, texts.get(key) ?? absent]
    if (is === should) return []
    return linesOf(read(view, is), read(view, should)).map(
      ([name, here, there]) => `  entry ${key}: ${name} is ${here}, ${truth} says ${there}`,
    )
  })
  if (lines.length === 0) return undefined
  const more = lines.length - saidMax
  return [...lines.slice(0, saidMax), ...(more > 0 ? [`  and ${more} more`] : [])].join('\n')
}

type Line = readonly [name: string, is: string, should: string]

function linesOf(is: LookedAt, should: LookedAt): readonly Line[] {
  const row = (entry: LookedAt) => (entry.fields ? 'there' : 'not there')
  const fields = { ...is.fields, ...should.fields }
  const all: Line[] = [
    ['its row', row(is), row(should)],
    ...(is.fields && should.fields
      ? Object.keys(fields).map((name): Line => [
          name,
          JSON.stringify(is.fields![name]),
          JSON.stringify(should.fields![name]),
        ])
      : []),
    ...Object.keys(should.counts).map((name): Line => [
      name,
      String(is.counts[name]),
      String(should.counts[name]),
    ]),
    ...[...(should.tallies ?? [])].map(([name, tally]): Line => [
      name,
      tallyText(is.tallies?.get(name)),
      tallyText(tally),
    ]),
  ]
  return all.filter(([, here, there]) => here !== there)
}

function read(view: View, text: string): LookedAt {
  const entry = decodeEntry(view.layout, text)
  if (!entry) throw new Error(`${JSON.stringify(text)} is no entry's text`)
  return entry
}
