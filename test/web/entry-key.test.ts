import { userInformation } from '../../src/views/user-information.ts'
import { parseKey } from '../../src/web/entry-key.ts'

describe('the id of a user in a path', () => {
  test.each([
    '0',
    '1',
    '-5',
    '42',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
  ])('%s stays what it is', (text) => {
    expect(parseKey(userInformation, text)).toBe(text)
  })

  test.each([
    '',
    '-0',
    '01',
    '-01',
    '+1',
    '1e3',
    '1.0',
    '0x1',
    ' 1',
    '1 ',
    '1\n',
    '-',
    '{x}',
    'null',
    '१२३',
    '１',
    '9223372036854775808',
    '-9223372036854775809',
    '12345678901234567890',
    '1_000',
  ])('%j is none', (text) => {
    expect(parseKey(userInformation, text)).toBeUndefined()
  })
})
