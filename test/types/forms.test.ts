import { compareBytes } from '../../src/types/forms.ts'

/** Around every border of UTF-8 and UTF-16. */
const letters = ['', 'a', 'b', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff']
const beyond = ['\u{10000}', '\u{103ff}', '\u{10400}', '\u{10ffff}']

test('texts are compared as their bytes are', () => {
  const parts = [...letters, ...beyond]
  const texts = parts.flatMap((a) => parts.map((b) => `${a}${b}`))
  const wrong = texts.flatMap((a) =>
    texts.filter((b) => {
      const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b))
      return Math.sign(compareBytes(a, b)) !== bytes
    }),
  )
  expect(wrong).toEqual([])
})
