import * as fc from 'fast-check'
import { longType } from '../../src/decode/long.ts'

describe('a 64-bit number in Avro', () => {
  test('comes back exact over its whole range', () => {
    const edges = [0, 1, 24, 25, 31, 32, 47, 48, 49, 52, 53, 55, 56, 62].flatMap((bits) => {
      const power = 1n << BigInt(bits)
      return [power - 1n, power, power + 1n, -power - 1n, -power, 1n - power]
    })
    for (const value of [...edges, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(longType.fromBuffer(longType.toBuffer(value))).toBe(value)
    }
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(longType.fromBuffer(longType.toBuffer(value))).toBe(value)
      }),
    )
  })

  test('is read from the bytes that Java writes', () => {
    expect(longType.fromBuffer(Buffer.from([0x01]))).toBe(-1n)
    expect(longType.fromBuffer(Buffer.from([0x80, 0x01]))).toBe(64n)
    const least = Buffer.from('ffffffffffffffffff01', 'hex')
    expect(longType.fromBuffer(least)).toBe(-(2n ** 63n))
  })

  test('is refused when it is cut short or too long', () => {
    expect(() => longType.fromBuffer(Buffer.from([0x80]))).toThrow(/truncated/)
    expect(() => longType.fromBuffer(Buffer.from('ffffffffffffffffffff01', 'hex'))).toThrow(/ten/)
    expect(() => longType.fromBuffer(Buffer.from('ffffffffffffffffff7f', 'hex'))).toThrow(/64 bits/)
  })
})
