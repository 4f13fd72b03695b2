/** What Redis keeps as text in front of JSON, so that a script compares it without parsing. */
import { randomUUID } from 'node:crypto'
import { typeError } from '../checks.ts'
import { decodeCheckpoint, decodeDoubt, encodeCheckpoint, encodeDoubt } from '../codec.ts'
import type { Checkpoint, Doubt, StandingDoubt } from '../state.ts'
import type { Reply } from './connection.ts'

/** `<next> <JSON>`. */
export function checkpointText(checkpoint: Checkpoint): string {
  return `${checkpoint.next} ${encodeCheckpoint(checkpoint)}`
}

export function parseCheckpoint(text: string, where: string): Checkpoint {
  return decodeCheckpoint(text.slice(text.indexOf(' ') + 1), where)
}

export function parseCheckpoints(reply: Reply, where: string): ReadonlyMap<string, Checkpoint> {
  const found = [...pairs(reply)]
  return new Map(found.map(([partition, text]) => [partition, parseCheckpoint(text, where)]))
}

/** Appends a doubt to be raised: name, a new id, `<code> <JSON>`. */
export function pushDoubt(args: string[], doubt: Doubt): void {
  args.push(doubt.name, randomUUID(), `${doubt.code} ${encodeDoubt(doubt)}`)
}

/** `<id> <since> <code> <JSON>`. */
export function doubtText(doubt: StandingDoubt): string {
  return `${doubt.id} ${doubt.sinceMs} ${doubt.code} ${encodeDoubt(doubt)}`
}

export function parseDoubt(text: string, where: string): StandingDoubt {
  const [, id, since, json] = /^(\S+) (\d+) \S+ (.*)$/s.exec(text) ?? []
  if (id === undefined || json === undefined) throw typeError(where, 'a doubt does not parse')
  return decodeDoubt(json, { id, sinceMs: Number(since) }, where)
}

/** A flat reply of HGETALL as a map. */
export function pairs(reply: Reply): ReadonlyMap<string, string> {
  const flat = reply as readonly string[]
  const map = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) map.set(flat[at]!, flat[at + 1]!)
  return map
}

/** Appends a list as scripts read it: its length, then its items. */
export function pushList(args: string[], items: readonly string[]): void {
  args.push(String(items.length))
  for (const item of items) args.push(item)
}

/** What a script compares with text that may be absent: `=` and the text, or nothing. */
export function orNone(text: string | undefined): string {
  return text === undefined ? '' : `=${text}`
}
