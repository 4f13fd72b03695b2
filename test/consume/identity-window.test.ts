import { IdentityWindow } from '../../src/consume/identity-window.ts'
import type { KafkaOffset } from '../../src/position.ts'

const at = (offset: number) => BigInt(offset) as KafkaOffset

test('an identity is admitted once, until the window has moved past where it was first seen', () => {
  const window = new IdentityWindow(10)
  expect(window.admit('a', at(3))).toBe(true)
  expect(window.admit('a', at(4))).toBe(false)
  window.moveTo(at(3))
  expect(window.admit('a', at(5))).toBe(false)
  window.moveTo(at(4))
  expect(window.admit('a', at(6))).toBe(true)
})

test('a window forgets only what is below its beginning', () => {
  const window = new IdentityWindow(10)
  for (const offset of [1, 2, 3, 4]) window.admit(`${offset}`, at(offset))
  window.moveTo(at(3))
  expect(window.size).toBe(2)
  expect(window.admit('3', at(9))).toBe(false)
})

test('one identity more than fit is refused, and a repeat of those that do is not', () => {
  const window = new IdentityWindow(2)
  window.admit('a', at(1))
  window.admit('b', at(2))
  expect(window.admit('b', at(3))).toBe(false)
  const full = expect.objectContaining({ code: 'window-full', retriable: false })
  expect(() => window.admit('c', at(4))).toThrow(full)
})
