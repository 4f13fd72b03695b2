import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { topicPartitionName } from '../position.ts'
import { withStore } from './with-store.ts'

export const parkedUsage = `usage: node src/main.ts parked [--bytes] [--clear] [--store NAME]

Lists the records that could not be decoded: they are never applied, and what they would have done
is put right by comparing with the source.

  --bytes   shows each record whole
  --clear   forgets them
  --store   redis or postgres, of those in MILLRACE_STORES
`

const shownBytes = 64

/** `npm run parked`: each record with its coordinates and reason. */
export async function runParked(args: readonly string[], config: Config): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: { type: 'string' },
      bytes: { type: 'boolean', default: false },
      clear: { type: 'boolean', default: false },
    },
  })
  return withStore({ config, role: 'parked', named: values.store }, async ({ store, own }) => {
    const reader = store.reader(own.view.layout, own.id)
    const state = await store.watchable.state()
    const openSinceMs = Math.min(
      ...(state?.doubts ?? []).flatMap(({ code, sinceMs }) =>
        code === 'undecodable-record' ? [sinceMs] : [],
      ),
    )
    let kept = 0
    for await (const { partition, offset, timestampMs, parkedAtMs, ...record } of reader.parked()) {
      kept += 1
      const at = new Date(timestampMs).toISOString()
      const settled = parkedAtMs < openSinceMs ? 'settled' : 'the view is being compared'
      process.stdout.write(
        `${topicPartitionName(partition)} offset ${offset} (${at}, ${settled}): ` +
          `${record.reason}\n  key   ${hex(record.key, values.bytes)}\n` +
          `  value ${hex(record.value, values.bytes)}\n`,
      )
    }
    const { parked } = await reader.status()
    const beyond = parked > kept ? `, of which ${parked - kept} were not kept` : ''
    process.stdout.write(`${parked} records parked${beyond}\n`)
    if (values.clear) {
      process.stdout.write(`${await reader.clearParked()} records forgotten\n`)
    }
    return 0
  })
}

function hex(bytes: Uint8Array | null, whole: boolean): string {
  if (bytes === null) return 'none'
  const shown = whole ? bytes : bytes.subarray(0, shownBytes)
  const rest = bytes.length - shown.length
  return `${Buffer.from(shown).toString('hex')}${rest > 0 ? ` … and ${rest} more bytes` : ''}`
}
