import { etagOf, matchesNone } from '../../src/web/etag.ts'

describe('validators', () => {
  test('one content has one strong tag, another content another', () => {
    expect(etagOf('{"a":1}')).toMatch(/^"[\w-]{27}"$/)
    expect(etagOf('{"a":1}')).toBe(etagOf('{"a":1}'))
    expect(etagOf('{"a":1}')).not.toBe(etagOf('{"a":2}'))
  })

  test.each([
    [undefined, true],
    ['"a"', false],
    ['W/"a"', false],
    ['"b"', true],
    ['"b", W/"a" ,"c"', false],
    ['"b","c"', true],
    ['*', false],
    [' * ', false],
    ['a', true],
    ['', true],
    ['"x,"a"', true],
  ])('If-None-Match: %s is a change: %s', (header, changed) => {
    expect(matchesNone(header, '"a"')).toBe(changed)
  })
})
