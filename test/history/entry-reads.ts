/** How an entry reads in Redis and in the API's JSON, written out by hand. */
import { lsnOf, type Read } from './checker.ts'
import {
  countNames,
  fieldNames,
  redisCountNames,
  type CountName,
  type RowState,
} from './components.ts'

export type EntryParts = Pick<Read, 'row' | 'counts'>

/** Throws on a field that is missing or has another type: half an entry. */
export function entryOfJson(body: unknown, user: string): EntryParts {
  const json = body as Readonly<Record<string, unknown>>
  if (json['userId'] !== user) throw new Error(`userId is ${JSON.stringify(json['userId'])}`)
  const row = fieldNames.map(([, name]) => {
    const value = json[name]
    if (value === null || typeof value === 'string') return value
    throw new Error(`${name} is ${JSON.stringify(value)}`)
  })
  const counts = countNames.map((name) => {
    const value = json[name]
    if (Number.isSafeInteger(value)) return [name, BigInt(value as number)] as const
    throw new Error(`${name} is ${JSON.stringify(value)}`)
  })
  return { row, counts: Object.fromEntries(counts) as Record<CountName, bigint> }
}

/** A counter that is missing beside its row is half an entry; without a row it counts as 0. */
export function entryOfHash(hash: Readonly<Record<string, string>>, user: string): EntryParts {
  const id = hash['user-id']
  if (id !== undefined && id !== user) throw new Error(`user-id is ${id}`)
  const row: RowState | null =
    id === undefined ? null : fieldNames.map(([, , name]) => hash[name] ?? null)
  const counts = countNames.map((name) => {
    const value = hash[redisCountNames[name]]
    if (value === undefined && row !== null) throw new Error(`${name} is missing`)
    if (value !== undefined && !/^-?\d+$/.test(value)) throw new Error(`${name} is ${value}`)
    return [name, BigInt(value ?? 0)] as const
  })
  return { row, counts: Object.fromEntries(counts) as Record<CountName, bigint> }
}

/** Of the headers `Millrace-Watermark` and `Millrace-Doubt`; throws without a watermark. */
export function standingOfHeaders(headers: Headers): Pick<Read, 'watermark' | 'doubts'> {
  const watermark = headers.get('millrace-watermark')
  if (watermark === null) throw new Error('the answer has no watermark')
  const doubts = headers.get('millrace-doubt')
  return { watermark: lsnOf(watermark), doubts: doubts === null ? [] : doubts.split(', ') }
}

/** A doubt in Redis is `<id> <since> <code> <JSON>`. */
export function doubtOfText(text: string): { readonly id: string; sinceMs: number; code: string } {
  const [, id, since, code] = /^(\S+) (\d+) (\S+) /.exec(text) ?? []
  if (id === undefined || code === undefined) throw new Error(`'${text}' is no doubt`)
  return { id, sinceMs: Number(since), code }
}
