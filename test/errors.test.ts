import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe as described, MillraceError, unreachable } from '../src/errors.ts'
import type { ErrorCode } from '../src/errors.ts'

const root = join(import.meta.dirname, '..', 'src')
const table = /const kinds = \{\n(.*?)\n\} as const/s.exec(
  readFileSync(join(root, 'errors.ts'), 'utf8'),
)![1]!
/** Every code with its kind, as the source lists them. */
const codes = [...table.matchAll(/^ {2}'?([a-z-]+)'?: '([a-z]+)',$/gm)].map(
  ([, code, kind]) => [code as ErrorCode, kind!] as const,
)
const others = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== 'errors.ts')
  .map((name) => readFileSync(join(root, name), 'utf8'))

describe('the codes of faults', () => {
  test('are all read by these tests', () => {
    const lines = table.split('\n').filter((line) => /^ {2}\S/.test(line) && !line.includes('//'))
    expect(codes.length).toBe(lines.length)
    expect(codes.length).toBeGreaterThan(40)
  })

  test.each(codes)('%s is used, and says whether trying again is of use', (code, kind) => {
    expect(others.some((text) => text.includes(`'${code}'`))).toBe(true)
    const { retriable, waitsForPeople } = new MillraceError(code, 'it happened')
    expect({ kind, retriable, waitsForPeople }).toEqual({
      kind: retriable ? (waitsForPeople ? 'waits' : 'away') : 'refused',
      retriable: kind !== 'refused',
      waitsForPeople: kind === 'waits',
    })
  })

  test('tell faults that pass by themselves from those that somebody has to mend', () => {
    const away = new MillraceError('store-away', 'no route')
    expect([away.retriable, away.waitsForPeople]).toEqual([true, false])
    const waits = new MillraceError('column-gone', 'no name')
    expect([waits.retriable, waits.waitsForPeople]).toEqual([true, true])
    const refused = new MillraceError('arguments', 'no such option')
    expect([refused.retriable, refused.waitsForPeople]).toEqual([false, false])
  })
})

describe('a fault', () => {
  test('says what happened and what to do, and why it did', () => {
    const cause = new Error('reset')
    const fault = new MillraceError('store-type', 'the entry is a list', {
      cause,
      hint: 'Move it.',
      entry: '7',
    })
    expect(fault).toBeInstanceOf(Error)
    expect(fault).toMatchObject({
      name: 'MillraceError',
      code: 'store-type',
      message: 'the entry is a list',
      hint: 'Move it.',
      entry: '7',
      cause,
    })
  })

  test('has no cause, hint or entry but those it is given', () => {
    const fault = new MillraceError('store-away', 'no route')
    expect('cause' in fault).toBe(false)
    expect([fault.hint, fault.entry]).toEqual([undefined, undefined])
  })
})

describe('in words', () => {
  test('a fault is its message, and that of each cause', () => {
    const inner = new Error('connection reset')
    const middle = new Error('the socket closed', { cause: inner })
    const outer = new MillraceError('store-away', 'no answer', { cause: middle })
    expect(described(outer)).toBe('no answer: the socket closed: connection reset')
    expect(described(inner)).toBe('connection reset')
  })

  test('a fault without a message is its code, or its name', () => {
    expect(described(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED')
    expect(described(new TypeError(''))).toBe('TypeError')
  })

  test('what is no error is what it says', () => {
    expect(described('gone')).toBe('gone')
    expect(described(undefined)).toBe('undefined')
    expect(described(new Error('no answer', { cause: 'gone' }))).toBe('no answer: gone')
  })
})

test('a case that can not be is a bug, which names the value', () => {
  expect(() => unreachable({ kind: 'other' } as never)).toThrow(
    new Error("unreachable: { kind: 'other' }"),
  )
})
