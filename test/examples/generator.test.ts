import { motors } from '../../examples/motors/application.ts'
import { music } from '../../examples/music/application.ts'
import { play } from '../../examples/play/application.ts'
import { shop } from '../../examples/shop/application.ts'
import { Chance } from '../../examples/chance.ts'
import type { Application } from '../../examples/generator.ts'

const applications = Object.entries({ motors, music, play, shop })
const nowMs = Date.UTC(2026, 4, 8, 12)

const scene = (seed: number) => ({ chance: new Chance(seed), size: 500, nowMs })
const rowsOf = (application: Application, seed: number) => [...application.rows(scene(seed))]

function changesOf(application: Application, seed: number) {
  const same = scene(seed)
  return Array.from({ length: 200 }, () => application.change(same))
}

describe.each(applications)('what is generated for %s', (_, application) => {
  test('is the same for one seed, and another for another', () => {
    expect(rowsOf(application, 1)).toEqual(rowsOf(application, 1))
    expect(rowsOf(application, 2)).not.toEqual(rowsOf(application, 1))
    expect(changesOf(application, 1)).toEqual(changesOf(application, 1))
    expect(changesOf(application, 2)).not.toEqual(changesOf(application, 1))
  })

  test('has a value for each column of its table', () => {
    for (const { table, values } of rowsOf(application, 3)) {
      expect(values.length).toBe(Object.keys(application.tables[table]!).length)
    }
  })

  test('inserts, updates and deletes', () => {
    const said = changesOf(application, 4).flatMap((each) => each.map(({ sql }) => sql))
    for (const verb of ['insert', 'update', 'delete']) {
      expect(said.filter((sql) => sql.startsWith(verb)).length).toBeGreaterThan(0)
    }
  })
})

test('listens fall as steeply over artists as one over the rank, nearly', () => {
  const chance = new Chance(5)
  const counts = new Map<number, number>()
  for (let at = 0; at < 100_000; at += 1) {
    const rank = chance.skewed(1_000)
    counts.set(rank, (counts.get(rank) ?? 0) + 1)
  }
  // The density one over the rank, from a rank up to the next.
  const expected = (rank: number) => Math.log((rank + 1) / rank) / Math.log(1_001)
  for (const rank of [1, 2, 10]) {
    expect(Math.abs(counts.get(rank)! / 100_000 - expected(rank))).toBeLessThan(0.005)
  }
  expect(Math.max(...counts.keys())).toBeLessThanOrEqual(1_000)
})
