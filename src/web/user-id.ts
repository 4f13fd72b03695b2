const least = -(2n ** 63n)
const most = 2n ** 63n - 1n

/**
 * The id as it stands in the path: the canonical decimal form of a 64-bit signed integer, or
 * undefined. It stays text, for a JavaScript number can't tell 9007199254740993 from its neighbour.
 */
export function parseUserId(text: string): string | undefined {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined
  const value = BigInt(text)
  return value >= least && value <= most ? text : undefined
}
