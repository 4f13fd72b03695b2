/** Makes changes of the simulated records, as the real decoder does of Avro. */
import type { Change, Decoded, Row } from '../../src/change.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { columnsOf, retractColumnsOf, type View } from '../../src/view/view.ts'
import type { RowChange } from './database.ts'
import type { Process } from './process.ts'
import { meaningOf } from './topics.ts'
import type { World } from './world.ts'

type Options = {
  readonly world: World
  readonly process: Process
  readonly view: View
  readonly table: string
}

export function simulatedDecoder(options: Options): Decoder {
  const { world, process, view, table } = options
  const columns = Object.keys(columnsOf(view, table))
  const retracts = retractColumnsOf(view, table)
  /** The registry has told of the topic's schema. */
  let known = false
  return {
    decode(record) {
      const meaning = meaningOf(record)
      if (!meaning) return { kind: 'tombstone' }
      const read = (): Decoded => {
        if (meaning.kind === 'marker') return { kind: 'undecodable', reason: 'a marker' }
        if (meaning.kind === 'other') return meaning.decoded
        return changeOf(meaning.change, { view, table, columns, retracts })
      }
      if (known) return read()
      return process
        .call(world.services.registry, 'schema', () => undefined)
        .then(() => {
          known = true
          return read()
        })
    },
    keySchemaId(record) {
      const meaning = meaningOf(record)
      return meaning && meaning.kind !== 'marker' ? meaning.keySchema : undefined
    },
  }
}

type Projection = {
  readonly view: View
  readonly table: string
  readonly columns: readonly string[]
  readonly retracts: readonly string[]
}

function changeOf(change: RowChange, { view, table, columns, retracts }: Projection): Decoded {
  const gone = columns.find((column) => !change.columns.includes(column))
  if (gone !== undefined) {
    throw new MillraceError('column-gone', `view ${view.name}: ${table} has no column ${gone} now`)
  }
  const { key, identity } = change
  const lsn = lsnFromInteger(change.lsn)
  const common = { table, key, lsn, transaction: change.xid % 2 ** 32 }
  // A replica identity of the key alone tells nothing of the row before.
  const before = change.before && identity === 'full' ? pick(change.before, retracts) : undefined
  return { kind: 'change', change: streamed(change, common, { before, columns }) }
}

function streamed(
  { before: was, after: is }: RowChange,
  common: Pick<Change, 'table' | 'key' | 'lsn'> & { readonly transaction: number },
  { before, columns }: { readonly before: Row | undefined; readonly columns: readonly string[] },
): Change {
  if (!is) return { kind: 'delete', ...common, before }
  const after = pick(is, columns)
  return was ? { kind: 'update', ...common, before, after } : { kind: 'insert', ...common, after }
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? null]))
}
