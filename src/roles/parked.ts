import { flag, type Given } from '../arguments.ts'
import { topicPartitionName } from '../position.ts'
import type { Project } from '../project/project.ts'
import type { ParkedRecord } from '../store/state.ts'
import { jsonOption, storeOption } from './options.ts'
import { withStore, type Opened } from './with-store.ts'

export const parkedCommand = {
  call: 'millrace parked',
  about: `Lists the records that could not be decoded: they are never applied, and what they would have done
is put right by comparing with the source.`,
  options: {
    bytes: flag('shows each record whole'),
    clear: flag('forgets them'),
    store: storeOption,
    json: jsonOption,
  },
} as const

const shownBytes = 64

/** Each record with its coordinates and reason. */
export async function runParked(
  { values }: Given<(typeof parkedCommand)['options']>,
  project: Project,
): Promise<number> {
  return withStore({ project, role: 'parked', named: values.store }, async (opened) => {
    const reader = opened.store.reader(opened.own.view.layout, opened.own.id)
    const openSinceMs = await inDoubtSinceMs(opened)
    const shown: Shown[] = []
    for await (const record of reader.parked()) {
      const each = shownOf(record, { openSinceMs, whole: values.bytes || values.json })
      shown.push(each)
      if (!values.json) say(lineOf(each))
    }
    const { parked } = await reader.status()
    const forgotten = values.clear ? await reader.clearParked() : 0
    if (values.json) {
      const { view } = opened.own
      const around = { view: view.name, store: opened.store.name }
      say(JSON.stringify({ ...around, parked, records: shown, forgotten }))
      return 0
    }
    const beyond = parked > shown.length ? `, of which ${parked - shown.length} were not kept` : ''
    say(`${parked} records parked${beyond}`)
    if (values.clear) say(`${forgotten} records forgotten`)
    return 0
  })
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

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
