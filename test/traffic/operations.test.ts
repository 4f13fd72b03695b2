import {
  hostileWeights,
  networkWeights,
  operation,
  type Operation,
} from '../../src/traffic/operations.ts'
import { Population, userIdAt } from '../../src/traffic/population.ts'
import { Random } from '../../src/random.ts'

function operations(seed: number, count: number, weights = networkWeights): Operation[] {
  const random = new Random(seed)
  const population = new Population(1_000)
  return Array.from({ length: count }, () => operation(random, population, weights))
}

describe('the traffic of a seed', () => {
  test('is the same every time, and another for another seed', () => {
    expect(operations(7, 2_000)).toEqual(operations(7, 2_000))
    expect(operations(8, 50)).not.toEqual(operations(7, 50))
  })

  test.each([
    ['network', networkWeights],
    ['hostile', hostileWeights],
  ])('has every kind: %s', (_, weights) => {
    const kinds = new Set(operations(1, 5_000, weights).map(({ kind }) => kind))
    expect([...kinds].toSorted()).toEqual(Object.keys(weights).toSorted())
  })

  test('begins and ends each transaction', () => {
    for (const { steps } of operations(3, 1_000, hostileWeights)) {
      const names = steps.map(({ name }) => name)
      const ends = names.filter((name) => name === 'commit' || name === 'rollback')
      expect(ends).toHaveLength(names.filter((name) => name === 'begin').length)
      if (names.length > 1) expect([names[0], names.at(-1)]).toEqual(['begin', ends[0]])
    }
  })
})

describe('the population', () => {
  test('has ids of its own for every rank, within 64 bits, some beyond a number', () => {
    const ids = Array.from({ length: 100_000 }, (_, rank) => userIdAt(rank))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.every((id) => id > 0n && id < 2n ** 63n)).toBe(true)
    expect(new Set(ids.map(Number)).size).toBeLessThan(ids.length)
    expect(ids).toContain(2n ** 63n - 1n)
  })

  test('has few that are very popular, and others that are very active', () => {
    const random = new Random(1)
    const population = new Population(10_000)
    const counts = (draw: () => number) => {
      const times = new Map<number, number>()
      for (let n = 0; n < 50_000; n += 1) {
        const rank = draw()
        times.set(rank, (times.get(rank) ?? 0) + 1)
      }
      return [...times].toSorted(([, a], [, b]) => b - a)
    }
    const [popular, active] = [
      counts(() => population.popular(random)),
      counts(() => population.active(random)),
    ]
    expect(popular[0]![0]).toBe(0)
    expect(popular[0]![1]).toBeGreaterThan(50_000 / 12)
    expect(popular.length).toBeGreaterThan(5_000)
    expect(active[0]![0]).not.toBe(0)
    expect(active[0]![1]).toBeLessThan(popular[0]![1])
  })
})
