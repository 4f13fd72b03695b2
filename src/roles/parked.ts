import { flag, type Given } from '../arguments.ts'
import { topicPartitionName } from '../position.ts'
import { printLine } from '../print-line.ts'
import type { Project } from '../project/project.ts'
import type { ParkedRecord } from '../store/state.ts'
import { chosenViews, opening } from './chosen.ts'
import { eachView } from './each-view.ts'
import { jsonOption, storeOption, viewOption } from './options.ts'
import { withStore, type Opened } from './with-store.ts'

export const parkedCommand = {
  call: 'millrace parked',
  about: `Lists the records that could not be decoded: they are never applied, and what they would have done
is put right by comparing with the source. Lists too what stood where an entry in Redis should, was
none, and was moved aside.`,
  options: {
    bytes: flag('shows each record whole'),
    clear: flag('forgets the records'),
    view: viewOption,
    store: storeOption,
    json: jsonOption,
  },
} as const

const shownBytes = 64
const lookAtDisplaced = 'Nothing reads them: DEL of redis-cli deletes those that are of no use.'

/** Each record with its coordinates and reason, and what was moved aside, view by view. */
export async function runParked(
  { values }: Given<(typeof parkedCommand)['options']>,
  project: Project,
  signal: AbortSignal,
): Promise<number> {
  const views = chosenViews(project, values.view)
  const store = opening(project, values.store, 'parked')
  const found = await eachView(
    { views, store: store.name, signal },
    {
      work: (view) =>
        withStore(store, view, (opened) =>
          parkedOf(opened, { ...values, several: views.length > 1 }),
        ),
    },
  )
  if (values.json) {
    const printed = found.map(({ result, ...of }) => ({ ...of, ...result }))
    printLine(JSON.stringify({ views: printed }))
  }
  return found.some(({ failure }) => failure !== null) ? 1 : 0
}

type Choices = Given<(typeof parkedCommand)['options']>['values'] & { readonly several: boolean }

type Parked = {
  /** How many there are; of very many, not all are kept. */
  readonly parked: number
  readonly records: readonly Shown[]
  readonly forgotten: number
  readonly displaced: readonly ShownDisplaced[]
}

type ShownDisplaced = { readonly place: string; readonly entry: string; readonly at: string }

/** Lists them, unless that is done as JSON afterwards. */
async function parkedOf(opened: Opened, choices: Choices): Promise<Parked> {
  const { bytes, clear, json, several } = choices
  const { view, id } = opened.own
  const tell = json ? () => undefined : printLine
  const begin = several ? `${view.name}: ` : ''
  const reader = opened.store.reader(view.layout, id)
  const openSinceMs = await inDoubtSinceMs(opened)
  const records: Shown[] = []
  for await (const record of reader.parked()) {
    const each = shownOf(record, { openSinceMs, whole: bytes || json })
    records.push(each)
    tell(lineOf(each))
  }
  const { parked } = await reader.status()
  const missing = parked - records.length
  const beyond = missing > 0 ? `, of which ${missing} were not kept` : ''
  tell(`${begin}${parked} records parked${beyond}`)
  const forgotten = clear ? await reader.clearParked() : 0
  if (clear) tell(`${begin}${forgotten} records forgotten`)
  const displaced = (await reader.displaced()).map(({ place, entry, atMs }) => {
    const at = new Date(atMs).toISOString()
    tell(`${place} (${at}): stood where entry ${entry} should`)
    return { place, entry, at }
  })
  if (displaced.length > 0) tell(`${begin}${displaced.length} moved aside. ${lookAtDisplaced}`)
  return { parked, records, forgotten, displaced }
}

/** What was parked before this moment was compared with the source since. */
async function inDoubtSinceMs({ store }: Opened): Promise<number> {
  const state = await store.watchable.state()
  const doubts = (state?.doubts ?? []).filter(({ code }) => code === 'undecodable-record')
  return Math.min(...doubts.map(({ sinceMs }) => sinceMs))
}

type Shown = {
  readonly partition: string
  readonly offset: string
  readonly at: string
  /** Whether what it would have done was compared with the source since. */
  readonly settled: boolean
  readonly reason: string
  /** In hexadecimal digits. */
  readonly key: string | null
  readonly value: string | null
}

function shownOf(
  { partition, offset, timestampMs, parkedAtMs, reason, key, value }: ParkedRecord,
  { openSinceMs, whole }: { readonly openSinceMs: number; readonly whole: boolean },
): Shown {
  return {
    partition: topicPartitionName(partition),
    offset: String(offset),
    at: new Date(timestampMs).toISOString(),
    settled: parkedAtMs < openSinceMs,
    reason,
    key: hex(key, whole),
    value: hex(value, whole),
  }
}

function lineOf({ partition, offset, at, settled, reason, key, value }: Shown): string {
  const state = settled ? 'settled' : 'the view is being compared'
  return (
    `${partition} offset ${offset} (${at}, ${state}): ${reason}\n` +
    `  key   ${key ?? 'none'}\n  value ${value ?? 'none'}`
  )
}

function hex(bytes: Uint8Array | null, whole: boolean): string | null {
  if (bytes === null) return null
  const shown = whole ? bytes : bytes.subarray(0, shownBytes)
  const rest = bytes.length - shown.length
  return `${Buffer.from(shown).toString('hex')}${rest > 0 ? ` … and ${rest} more bytes` : ''}`
}
