import { MillraceError } from '../../src/errors.ts'
import { storePage } from '../../src/reconcile/store-pages.ts'
import { limits } from '../../src/store/limits.ts'
import { parseTransactionId } from '../../src/transaction.ts'
import { Compared, held } from './look-fixture.ts'

const since = parseTransactionId('140')
let world: Compared

beforeEach(async () => {
  world = new Compared()
  await world.start()
})

test('a page has the keys of the store that the source has not settled', async () => {
  world.both('1', held('Ada'))
  world.keep('2', held('Eve'))
  world.both('3', held(null, 1n))
  expect(await storePage(world.plan(), undefined, since)).toEqual({
    scanned: 3,
    keys: ['2', '3'],
    below: undefined,
    cursor: undefined,
  })
  expect(world.unsettled).toEqual([{ keys: ['1', '2', '3'], since }])
})

test('pages follow each other by their cursors', async () => {
  const count = limits.scanPageKeys + 5
  for (let key = 0; key < count; key += 1) world.keep(String(key), held('Eve'))
  const first = await storePage(world.plan(), undefined, since)
  if (first === 'lost') throw new Error('it is lost')
  expect(first).toMatchObject({ scanned: limits.scanPageKeys })
  const second = await storePage(world.plan(), first.cursor, since)
  if (second === 'lost') throw new Error('it is lost')
  expect(second).toMatchObject({ scanned: 5, cursor: undefined })
  expect(new Set([...first.keys, ...second.keys]).size).toBe(count)
})

test('a scan that the store can not go on with is lost', async () => {
  const { audit } = world.plan()
  const failing = (fault: Error) =>
    world.plan({ audit: { ...audit, scan: () => Promise.reject(fault) } })
  const lost = new MillraceError('scan-lost', 'another server')
  expect(await storePage(failing(lost), '7', since)).toBe('lost')
  const away = new MillraceError('store-away', 'away')
  await expect(storePage(failing(away), '7', since)).rejects.toBe(away)
  const bug = Object.assign(new Error('a bug'), { code: 'scan-lost' })
  await expect(storePage(failing(bug), '7', since)).rejects.toBe(bug)
})
