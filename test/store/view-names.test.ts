import { columnName } from '../../src/store/postgres/entry-columns.ts'
import { viewKeys } from '../../src/store/redis/keys.ts'

/** Names that `defineView` takes, as alike as they can be. */
const long = `${'orders-'.repeat(12)}by`
const names = [
  'users',
  'user',
  'user-s',
  'users-1',
  'users1',
  'u-sers',
  'users-x',
  `${long}-shop`,
  `${long}-city`,
]
const pairs = names.flatMap((one) =>
  names.flatMap((other) => (one === other ? [] : [[one, other]])),
)

test('views with different names have different tables in Postgres', () => {
  expect(new Set(names.map(columnName)).size).toBe(names.length)
})

test('no key in Redis belongs to two views, whatever the key of the entry', () => {
  for (const [one, other] of pairs as [string, string][]) {
    const [keys, others] = [viewKeys(one), viewKeys(other)]
    for (const entry of ['1', 'x:1', `${other}:1`, 'checkpoints', '.x:1', '']) {
      for (const key of [keys.entry(entry), `${keys.tallyPrefix('topArtists')}${entry}`]) {
        expect(keys.entryOf(key)).toBe(entry)
        expect(others.entryOf(key)).toBeUndefined()
      }
    }
    const own = Object.values(keys).filter((key) => typeof key === 'string')
    for (const key of own) expect(Object.values(others)).not.toContain(key)
  }
})
