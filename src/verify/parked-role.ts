import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { createLog } from '../log.ts'
import { topicPartitionName } from '../position.ts'
import { openStore } from '../store/open-store.ts'
import { userInformation } from '../views/user-information.ts'

const shownBytes = 64

/** `npm run parked`: each record with its coordinates and reason; `--bytes` shows it whole. */
export async function runParked(args: readonly string[], config: Config): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { store: { type: 'string' }, bytes: { type: 'boolean', default: false } },
  })
  const name = config.stores.find((known) => known === values.store) ?? config.readFrom
  const log = createLog(config.logLevel, 'parked')
  const store = await openStore(name, { config, layout: userInformation.layout, log })
  let count = 0
  try {
    for await (const { partition, offset, timestampMs, ...record } of store.reader.parked()) {
      count += 1
      const at = new Date(timestampMs).toISOString()
      process.stdout.write(
        `${topicPartitionName(partition)} offset ${offset} (${at}, ${record.phase}): ` +
          `${record.reason}\n  key   ${hex(record.key, values.bytes)}\n` +
          `  value ${hex(record.value, values.bytes)}\n`,
      )
    }
  } finally {
    await store.close()
  }
  process.stdout.write(`${count} records parked\n`)
  return 0
}

function hex(bytes: Uint8Array | null, whole: boolean): string {
  if (bytes === null) return 'none'
  const shown = whole ? bytes : bytes.subarray(0, shownBytes)
  const rest = bytes.length - shown.length
  return `${Buffer.from(shown).toString('hex')}${rest > 0 ? ` … and ${rest} more bytes` : ''}`
}
