import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { topicPartitionName } from '../position.ts'
import { withStore } from './with-store.ts'

const shownBytes = 64

/** `npm run parked`: each record with its coordinates and reason; `--bytes` shows it whole. */
export async function runParked(args: readonly string[], config: Config): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { store: { type: 'string' }, bytes: { type: 'boolean', default: false } },
  })
  let count = 0
  await withStore({ config, role: 'parked', named: values.store }, async ({ reader }) => {
    for await (const { partition, offset, timestampMs, ...record } of reader.parked()) {
      count += 1
      const at = new Date(timestampMs).toISOString()
      process.stdout.write(
        `${topicPartitionName(partition)} offset ${offset} (${at}, ${record.phase}): ` +
          `${record.reason}\n  key   ${hex(record.key, values.bytes)}\n` +
          `  value ${hex(record.value, values.bytes)}\n`,
      )
    }
  })
  process.stdout.write(`${count} records parked\n`)
  return 0
}

function hex(bytes: Uint8Array | null, whole: boolean): string {
  if (bytes === null) return 'none'
  const shown = whole ? bytes : bytes.subarray(0, shownBytes)
  const rest = bytes.length - shown.length
  return `${Buffer.from(shown).toString('hex')}${rest > 0 ? ` … and ${rest} more bytes` : ''}`
}
