/** How items of tallies are spelled, of what a row has, and read again. */
import { spellKey, splitKey } from '../entry-key.ts'
import type { TypedColumn } from '../types/declare.ts'
import { typeOf } from '../types/types.ts'
import { itemColumns, type ItemForm } from './view.ts'

/** A value that no item can have, as NaN that rows are ordered by. */
export type Odd = { readonly odd: string }

/**
 * The item that a row with these canonical texts in `itemColumns` gives to; undefined where it gives
 * to none, for one of the values is null, or the one that it is ordered by.
 *
 *     values   the texts as `spellKey` has them: `1048`, `eu:42`
 *     row      JSON of the order, the key and the fields: `["1785542400000000000","0000000042","Ada"]`
 *
 * In a row's item what has an order is written in a fixed width, so that byte order is its order.
 */
export function itemOf(
  form: ItemForm,
  texts: readonly (string | null)[],
): string | Odd | undefined {
  if (form.kind === 'values') return spellKey(texts)
  const [order, ...rest] = texts
  if (order === null || order === undefined) return undefined
  const spelled = typeOf(form.order.type).order!.spell(order, form.scale)
  if (spelled === undefined) return { odd: order }
  const parts: (string | null)[] = [spelled]
  for (const [at, text] of rest.entries()) {
    const column = form.key[at]
    const part = column === undefined ? text : keyPart(column, text)
    if (part === undefined) return { odd: text ?? 'null' }
    parts.push(part)
  }
  return JSON.stringify(parts)
}

/** The canonical texts that an item was spelled of; undefined for text that is no item. */
export function textsOf(form: ItemForm, item: string): readonly (string | null)[] | undefined {
  if (form.kind === 'values') return splitKey(item, form.columns.length)
  const parts = partsIn(item)
  if (parts?.length !== itemColumns(form).length) return undefined
  const [order, ...rest] = parts
  if (order === null) return undefined
  try {
    const keys = form.key.map((column, at) => readKeyPart(column, rest[at]!))
    const first = typeOf(form.order.type).order!.read(order!, form.scale)
    return [first, ...keys, ...rest.slice(form.key.length)]
  } catch {
    // Digits that are none: nobody but a person has written that.
    return undefined
  }
}

function keyPart({ type }: TypedColumn, text: string | null): string | undefined {
  if (text === null) return undefined
  const { order } = typeOf(type)
  return order ? order.spell(text, 0) : text
}

function readKeyPart({ type }: TypedColumn, part: string | null): string {
  if (part === null) throw new Error('a key is never null')
  return typeOf(type).order?.read(part, 0) ?? part
}

function partsIn(item: string): (string | null)[] | undefined {
  try {
    const parts: unknown = JSON.parse(item)
    const isItem =
      Array.isArray(parts) && parts.every((part) => part === null || typeof part === 'string')
    return isItem ? (parts as (string | null)[]) : undefined
  } catch {
    return undefined
  }
}
