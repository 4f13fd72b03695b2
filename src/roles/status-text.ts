import type { ViewStatus } from '../web/view-status.ts'

/** One view in one store. */
export type StoredStatus = ViewStatus & {
  readonly store: string
  /** Why the store could not be asked. */
  readonly failure: string | null
  /** Why the declaration of this release is not served there. */
  readonly refused: string | null
}

type Column = { readonly heading: string; readonly of: (status: StoredStatus) => string }

/** Numbers stand to the right of their columns. */
const numbers = ['entries', 'doubts', 'parked', 'nines']

const columns: readonly Column[] = [
  { heading: 'view', of: ({ name }) => name },
  { heading: 'store', of: ({ store }) => store },
  { heading: 'phase', of: ({ phase }) => phase },
  { heading: 'watermark', of: ({ watermark }) => watermark ?? '-' },
  { heading: 'age', of: ({ ageMs }) => (ageMs === null ? '-' : durationText(ageMs)) },
  { heading: 'entries', of: entriesText },
  {
    heading: 'doubts',
    of: ({ phase, doubts }) => (phase === 'unknown' ? '-' : `${doubts.length}`),
  },
  { heading: 'parked', of: ({ parked }) => (parked === null ? '-' : `${parked}`) },
  { heading: 'last pass', of: lastPassText },
  { heading: 'nines', of: ({ looks }) => ninesText(looks?.nines.day ?? null) },
]

/**
 * A table with a line for each view in each store, and beneath it what wants the attention of
 * people. The stores are named there where they are several.
 */
export function statusText(statuses: readonly StoredStatus[]): string {
  const stores = new Set(statuses.map(({ store }) => store))
  const shown = columns.filter(({ heading }) => heading !== 'store' || stores.size > 1)
  const rows = [
    shown.map(({ heading }) => heading),
    ...statuses.map((status) => shown.map(({ of }) => of(status))),
  ]
  const table = rows.map((row) =>
    row
      .map((cell, at) => {
        const width = Math.max(...rows.map((each) => each[at]!.length))
        return numbers.includes(shown[at]!.heading) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  const notes = notesOf(statuses)
  return [...table, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')
}

/** Those that the last lap has looked at; before the first one has ended, those that it has so far. */
function entriesText({ pass }: StoredStatus): string {
  return pass ? String((pass.last ?? pass).entries) : '-'
}

function lastPassText({ pass }: StoredStatus): string {
  return pass?.last ? `${durationText(pass.last.ageMs)} ago` : '-'
}

/** What a view has to say, with the time since when it is so put in. */
type Note = { readonly since: string; readonly text: (since: string) => string }

/** What several views of a store have to say alike is said once, with the earliest time. */
function notesOf(statuses: readonly StoredStatus[]): readonly string[] {
  const alike = new Map<
    string,
    { readonly names: Set<string>; readonly store: string; note: Note }
  >()
  for (const status of statuses) {
    const { name, store } = status
    for (const note of notesOfOne(status)) {
      const of = `${store} ${note.text('')}`
      const known = alike.get(of) ?? { names: new Set(), store, note }
      known.names.add(name)
      if (note.since < known.note.since) known.note = note
      alike.set(of, known)
    }
  }
  return [...alike.values()].map(
    ({ names, store, note }) => `${[...names].join(', ')} in ${store}: ${note.text(note.since)}`,
  )
}

function notesOfOne({ failure, refused, doubts, problems }: StoredStatus): readonly Note[] {
  const withHint = (text: string, hint: string | null) =>
    hint === null ? text : `${text}. ${hint}`
  return [
    ...(failure === null ? [] : [{ since: '', text: () => `can't be asked: ${failure}` }]),
    ...(refused === null ? [] : [{ since: '', text: () => refused }]),
    ...doubts.map(({ reason, hint, since }) => ({
      since,
      text: (from: string) => withHint(`in doubt since ${from}: ${reason}`, hint),
    })),
    ...problems.map(({ place, message, hint, since }) => ({
      since,
      text: (from: string) => withHint(`${place} stands still since ${from}: ${message}`, hint),
    })),
  ]
}

/** In the largest unit of which there are two or more. */
function durationText(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const
  const [unit, size] = units.find(([, least]) => ms >= 2 * least) ?? ['ms', 1]
  return `${Math.floor(ms / size)} ${unit}`
}

function ninesText(nines: number | null): string {
  return nines === null ? '-' : nines.toFixed(1)
}
