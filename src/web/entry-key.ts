import { unreachable } from '../errors.ts'
import type { View } from '../view/view.ts'

const least = -(2n ** 63n)
const most = 2n ** 63n - 1n

/**
 * The key as it stands in a path, or undefined where it is none of the view's: an integer in its
 * canonical decimal form of 64 bits, which stays text, for a JavaScript number can't tell
 * 9007199254740993 from its neighbour; or any text that Postgres can hold.
 */
export function parseKey({ key: { type } }: Pick<View, 'key'>, text: string): string | undefined {
  switch (type) {
    case 'bigint':
      return isInteger(text) ? text : undefined
    case 'text':
    case 'timestamptz':
      return text.isWellFormed() && !text.includes('\0') ? text : undefined
    default:
      return unreachable(type)
  }
}

/** What a key of the view looks like, for people who gave another. */
export function keyRule({ key: { name, type } }: Pick<View, 'key'>): string {
  return type === 'bigint'
    ? `${name} is the plain decimal form of a 64-bit signed integer, like 42.`
    : `${name} is text without NUL.`
}

function isInteger(text: string): boolean {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return false
  const value = BigInt(text)
  return value >= least && value <= most
}
