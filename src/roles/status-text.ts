import type { ViewStatus } from '../web/view-status.ts'

/** One view in one store. */
export type StoredStatus = ViewStatus & {
  readonly store: string
  /** Why the store could not be asked. */
  readonly failure: string | null
  /** Why the declaration of this release is not served there. */
  readonly refused: string | null
}

const headings = [
  'view',
  'store',
  'phase',
  'watermark',
  'age',
  'entries',
  'doubts',
  'parked',
  'last pass',
  'nines',
]

/** A table with a line for each view and store, and beneath it what wants the attention of people. */
export function statusText(statuses: readonly StoredStatus[]): string {
  const rows = [headings, ...statuses.map(cellsOf)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  return [...table, ...statuses.flatMap(notesOf)].join('\n')
}

function cellsOf(status: StoredStatus): readonly string[] {
  const { name, store, phase, watermark, ageMs, doubts, parked, pass, looks } = status
  const last = pass?.last
  return [
    name,
    store,
    phase,
    watermark ?? '-',
    ageMs === null ? '-' : durationText(ageMs),
    last ? String(last.entries) : '-',
    phase === 'unknown' ? '-' : String(doubts.length),
    parked === null ? '-' : String(parked),
    last ? `${durationText(last.ageMs)} ago` : '-',
    ninesText(looks?.nines.day ?? null),
  ]
}

function notesOf(status: StoredStatus): readonly string[] {
  const { name, store, failure, refused, doubts, problems } = status
  const where = `${name} in ${store}`
  const withHint = (text: string, hint: string | null) =>
    hint === null ? text : `${text}. ${hint}`
  return [
    ...(failure === null ? [] : [`${where}: can't be asked: ${failure}`]),
    ...(refused === null ? [] : [`${where}: ${refused}`]),
    ...doubts.map(({ reason, hint, since }) =>
      withHint(`${where}: in doubt since ${since}: ${reason}`, hint),
    ),
    ...problems.map(({ place, message, hint, since }) =>
      withHint(`${where}: ${place} stands still since ${since}: ${message}`, hint),
    ),
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
