import avsc, { type Schema, type Type } from 'avsc'

/** Avro's `long` as bigint, exact over all 64 bits. */
// oxlint-disable-next-line no-underscore-dangle -- avsc's own name for this
export const longType: Type = avsc.types.LongType.__with(
  {
    fromBuffer: (buffer: Buffer) => readVarint(buffer),
    toBuffer: (value: bigint) => writeVarint(value),
    fromJSON: (value: number | string | bigint) => BigInt(value),
    toJSON: (value: bigint) => String(value),
    isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  },
  // The bytes as they stand: taking the varint apart here saves a buffer a number.
  true,
)

/** For avsc: makes every `long` a bigint. */
export function longHook(schema: Schema): Type | undefined {
  if (schema === 'long') return longType
  if (typeof schema !== 'object' || Array.isArray(schema)) return undefined
  return 'type' in schema && schema.type === 'long' ? longType : undefined
}

/** Zigzag varint of up to ten bytes. Numbers of 49 bits and less, nearly all, need no bigint sums. */
function readVarint(buffer: Buffer): bigint {
  const length = buffer.length
  if (length > 7) return readLongVarint(buffer)
  let low = 0
  let scale = 1
  for (let at = 0; at < length; at += 1) {
    low += (buffer[at]! & 0x7f) * scale
    scale *= 128
  }
  return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
}

function readLongVarint(buffer: Buffer): bigint {
  if (buffer.length > 10) throw new Error('a 64-bit number of more than ten bytes')
  let zigzag = 0n
  for (let at = buffer.length - 1; at >= 0; at -= 1) {
    zigzag = (zigzag << 7n) | BigInt(buffer[at]! & 0x7f)
  }
  if (zigzag >> 64n) throw new Error('a number of more than 64 bits')
  return zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n
}

function writeVarint(value: bigint): Buffer {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (zigzag > 0x7fn) {
    bytes.push(Number(zigzag & 0x7fn) | 0x80)
    zigzag >>= 7n
  }
  bytes.push(Number(zigzag))
  return Buffer.from(bytes)
}
