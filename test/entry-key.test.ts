import * as fc from 'fast-check'
import { spellKey, splitKey } from '../src/entry-key.ts'

test('a key of one part is that part, whatever it holds', () => {
  expect(spellKey(['a:b\\'])).toBe('a:b\\')
  expect(splitKey('a:b\\', 1)).toEqual(['a:b\\'])
})

test('parts stand with colons between them, and what could be mistaken has a backslash', () => {
  expect(spellKey(['eu', '42'])).toBe('eu:42')
  expect(spellKey(['a:b', 'c\\'])).toBe('a\\:b:c\\\\')
  expect(spellKey(['', ''])).toBe(':')
})

test.each([[[null]], [['a', null]], [[undefined, 'a']]])(
  'a part that is null is no entry: %p',
  (parts) => {
    expect(spellKey(parts)).toBeUndefined()
  },
)

test.each([
  ['too few parts', 'a'],
  ['too many parts', 'a:b:c'],
  ['a backslash at the end', 'a:b\\'],
  ['a backslash before something else', 'a:\\b'],
])('%s is no key', (_, text) => {
  expect(splitKey(text, 2)).toBeUndefined()
})

const part = fc.string({ unit: fc.constantFrom('a', 'b', ':', '\\', '😀'), maxLength: 6 })
const parts = fc.array(part, { minLength: 2, maxLength: 4 })

test('no two keys meet, and each is taken apart into what it was made of', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(splitKey(spellKey(a)!, a.length)).toEqual(a)
      if (a.length === b.length && spellKey(a) === spellKey(b)) expect(a).toEqual(b)
    }),
    { numRuns: 2_000 },
  )
})

test('text that is a key is spelled so and not otherwise', () => {
  fc.assert(
    fc.property(part, (text) => {
      const split = splitKey(text, 2)
      if (split) expect(spellKey(split)).toBe(text)
    }),
    { numRuns: 2_000 },
  )
})
