import { displacedDoubt } from '../../src/store/displaced-doubt.ts'

const standing = (count: number) =>
  Array.from({ length: count }, (_, at) => displacedDoubt(String(at), []))

test('an entry that was moved aside is in doubt', () => {
  expect(displacedDoubt('7', standing(99))).toEqual({
    name: 'displaced-entry 7',
    code: 'displaced-entry',
    reason: 'what stood under the name of entry 7 was no entry, and was moved aside',
    hint: expect.stringContaining('millrace parked'),
    tables: [],
    keys: ['7'],
    offsets: new Map(),
    barrier: 0,
    restart: undefined,
  })
})

test('beyond a hundred of them all entries are', () => {
  expect(displacedDoubt('7', standing(100))).toMatchObject({ name: 'displaced-entry', keys: [] })
})
