/**
 * The shortest digits that lie strictly between the middles to a number's neighbours, and of those
 * the closest ones. JavaScript's own digits may lie on a middle, which Postgres never does, and are
 * those of a double.
 */
export type Digits = {
  /** Without zeros at either end. */
  readonly digits: string
  /** Of ten, for the first digit: 12.5 is 125 with exponent 1. */
  readonly exponent: number
}

/** `value` is finite, above 0, and one of a format with so many bits of mantissa. */
export function shortest(value: number, bits: 24 | 53): Digits {
  if (bits === 53 && !mayTouchMiddle(value)) return parse(value.toExponential())
  const range = rangeOf(value, bits)
  // JavaScript's digits of a double are never longer than those that are sought.
  const fewest = bits === 53 ? parse(value.toExponential()).digits.length : 1
  for (let count = fewest; count < 18; count += 1) {
    const rounded = parse(value.toExponential(count - 1), count)
    const power = rounded.exponent - count + 1
    const found = closest(range, BigInt(rounded.digits), power)
    if (found !== undefined) return parse(`${found}e${power}`)
  }
  throw new Error(`${value} has no digits`)
}

/**
 * Only in this range can a decimal of 17 digits or fewer be the middle of two doubles: below, a
 * middle has too many digits behind the point, and above, too many before it.
 */
function mayTouchMiddle(value: number): boolean {
  return value >= 2 ** 51 && value <= 1e40
}

/** A number and the middles to its neighbours, as multiples of a power of two. */
type Range = {
  readonly low: bigint
  readonly value: bigint
  readonly high: bigint
  readonly power: number
}

function rangeOf(value: number, bits: 24 | 53): Range {
  const least = bits === 24 ? -149 : -1074
  let power = Math.floor(Math.log2(value)) - bits + 1
  // The logarithm may be off by one next to a power of two.
  if (value / 2 ** power >= 2 ** bits) power += 1
  else if (value / 2 ** power < 2 ** (bits - 1)) power -= 1
  if (power < least) power = least
  const mantissa = BigInt(value / 2 ** power)
  // Below a power of two numbers lie twice as close.
  const isClose = mantissa === 2n ** BigInt(bits - 1) && power > least
  const exact = mantissa * 4n
  return { low: exact - (isClose ? 1n : 2n), value: exact, high: exact + 2n, power: power - 2 }
}

/**
 * Of the decimals next to mantissa · 10^power that lie strictly within the range, the closest one,
 * and the even one of two that lie as close.
 */
function closest(range: Range, mantissa: bigint, power: number): bigint | undefined {
  const fives = 5n ** BigInt(Math.abs(power))
  const shift = BigInt(power - range.power)
  // Both sides as multiples of one number.
  const scaled = (exact: bigint) =>
    (power > 0 ? exact : exact * fives) << (shift > 0n ? 0n : -shift)
  const [low, value, high] = [range.low, range.value, range.high].map(scaled) as [
    bigint,
    bigint,
    bigint,
  ]
  let best: { readonly found: bigint; readonly distance: bigint } | undefined
  for (const found of [mantissa - 1n, mantissa, mantissa + 1n]) {
    const decimal = (power > 0 ? found * fives : found) << (shift > 0n ? shift : 0n)
    if (decimal <= low || decimal >= high) continue
    const distance = decimal > value ? decimal - value : value - decimal
    const isBetter = !best || distance < best.distance
    if (isBetter || (distance === best?.distance && found % 2n === 0n)) best = { found, distance }
  }
  return best?.found
}

/** Of `d.ddde±x`; padded to `length` digits, and without zeros at the end where none is asked for. */
function parse(text: string, length?: number): Digits {
  const [mantissa, exponent] = text.split('e') as [string, string]
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?]
  const digits = whole + fraction
  const first = Number(exponent) + whole.length - 1
  if (length !== undefined) return { digits: digits.padEnd(length, '0'), exponent: first }
  return { digits: digits.replace(/0+$/, ''), exponent: first }
}
