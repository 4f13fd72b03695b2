import * as fc from 'fast-check'
import { longHook, longType } from '../../src/decode/long.ts'

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

  test('is compared as a number, and is valid in 64 bits alone', () => {
    expect([longType.compare(1n, 2n), longType.compare(2n, 1n), longType.compare(2n, 2n)]).toEqual([
      -1, 1, 0,
    ])
    expect(longType.isValid(2n ** 63n - 1n)).toBe(true)
    expect(longType.isValid(2n ** 63n)).toBe(false)
    expect(longType.isValid(1)).toBe(false)
  })

  test('is read as such wherever a schema names it', () => {
    expect(longHook('long')).toBe(longType)
    expect(longHook({ type: 'long' })).toBe(longType)
    expect(longHook('int')).toBeUndefined()
    expect(longHook(['null', 'long'])).toBeUndefined()
    expect(longHook({ type: 'array', items: 'long' })).toBeUndefined()
  })

  test('is written in the fewest bytes', () => {
    const bytes = [0n, 63n, -64n, 64n, 127n].map((value) => longType.toBuffer(value).length)
    expect(bytes).toEqual([1, 1, 1, 2, 2])
  })

  test('is refused when it is cut short or too long', () => {
    expect(() => longType.fromBuffer(Buffer.from([0x80]))).toThrow(/truncated/)
    expect(() => longType.fromBuffer(Buffer.from('ffffffffffffffffffff01', 'hex'))).toThrow(/ten/)
    expect(() => longType.fromBuffer(Buffer.from('ffffffffffffffffff7f', 'hex'))).toThrow(/64 bits/)
  })
})
