import {
  decodeEntry,
  encodeEntry,
  type LookedAt,
  type ToldTally,
} from '../../src/store/entry-text.ts'
import { library, talliedLibrary } from '../support/library.ts'

const { layout } = talliedLibrary

type Given = Omit<LookedAt, 'empty'>

/** Of every length in bytes, and with what stands between cells. */
const words = ['', 'Ada', 'Łódź', 'ἄλφα;βῆτα', '日本|*', '\u{1f600}:3', '-', '12:12', '\u0080\n']

test.each(words)('an entry with %j in it is told and read again', (word) => {
  const tallies = new Map<string, ReadonlyMap<string, bigint>>([
    ['genres', new Map([...words.map((each) => [each + word, 1n] as const), ['epic', -3n]])],
    ['honours', new Map<string, bigint>()],
  ])
  const entry: Given = {
    fields: { name: word },
    counts: { bookCount: 1n, prizeCount: -7n },
    tallies,
  }
  const text = encodeEntry(layout, `1${word}`, entry)
  expect(decodeEntry(layout, text)).toEqual({ ...entry, empty: false })
})

test('what is null, missing, large or empty is told and read again', () => {
  const told = (entry: Given) => decodeEntry(layout, encodeEntry(layout, '1', entry))
  const honours = new Map([['bay', 2n]])
  const row: Given = {
    fields: { name: null },
    counts: { bookCount: 2n ** 63n - 1n, prizeCount: null },
    tallies: new Map<string, ToldTally>([
      ['genres', 'large'],
      ['honours', honours],
    ]),
  }
  expect(told(row)).toEqual({ ...row, empty: false })
  const rowless: Given = { ...row, fields: null, counts: { bookCount: -1n, prizeCount: 0n } }
  expect(told(rowless)).toEqual({ ...rowless, empty: false })
  expect(decodeEntry(library.layout, '!;0;0')).toEqual({
    fields: null,
    counts: { bookCount: 0n, prizeCount: 0n },
    empty: true,
  })
})

const ada = '+1:13:Ada;1;0|4:epic3;3:ode1;|'

test.each([
  ['?', 'nothing that a view keeps'],
  [ada.replace('3:Ada', '3Ada'), 'a cell without a colon'],
  [ada.replace('3:Ada', 'x:Ada'), 'a length that is no number'],
  [ada.replace(';1;0', ';1'), 'a count too few'],
  [ada.replace(';1;0', ';1;0;0'), 'a count too many'],
  [ada.replace(';1;0', ';1;x'), 'a count that is none'],
  [ada.replace(';1;0', `;1;${2n ** 63n}`), 'a count beyond 64 bits'],
  [ada.slice(0, -1), 'a tally too few'],
  [`${ada}|`, 'a tally too many'],
  [ada.replace('epic3;', 'epic3'), 'an item without an end'],
  [ada.replace('4:epic3;', '4epic3;'), 'an item without a length'],
  [ada.replace('epic3', 'epic0'), 'an amount of zero'],
  [ada.replace('epic3', `epic${2n ** 53n}`), 'an amount beyond 53 bits'],
  [ada.replace('4:epic', '400:epic'), 'an item beyond the end'],
])('%j is no entry: %s', (text) => {
  expect(decodeEntry(layout, ada)).toBeDefined()
  expect(decodeEntry(layout, text)).toBeUndefined()
})
