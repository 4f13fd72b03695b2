/** A value as Postgres writes it in a column of type jsonb; undefined where it can't hold it. */
export function jsonbText(value: unknown): string | undefined {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {
    return undefined
  }
  // As JavaScript writes it, a lone surrogate is an escape as well, which Postgres refuses.
  if (text === undefined || /(?<!\\)(\\\\)*\\u(0000|d[89a-f])/.test(text)) return undefined
  return spaced(JSON.parse(text))
}

function spaced(value: unknown): string {
  if (typeof value === 'number') return plainDecimal(String(value))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  const members = Object.entries(value).map(
    ([key, member]) => [Buffer.from(key), `${JSON.stringify(key)}: ${spaced(member)}`] as const,
  )
  const sorted = members.toSorted(([a], [b]) => a.length - b.length || Buffer.compare(a, b))
  return `{${sorted.map(([, member]) => member).join(', ')}}`
}

/** Without an exponent, which jsonb does not keep. */
function plainDecimal(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (!match) return text
  const [, sign, first, fraction = '', power] = match
  const digits = `${first}${fraction}`
  const point = Number(power) + 1
  return point > 0
    ? `${sign}${digits.padEnd(point, '0')}`
    : `${sign}0.${'0'.repeat(-point)}${digits}`
}
