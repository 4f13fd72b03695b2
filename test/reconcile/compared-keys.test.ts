import { ComparedKeys } from '../../src/reconcile/compared-keys.ts'
import { nothingCarried } from '../../src/reconcile/written-lap.ts'
import { held } from './look-fixture.ts'
import { Laps } from './turn-fixture.ts'

describe('keys that were compared', () => {
  let compared: ComparedKeys

  beforeEach(() => {
    compared = new ComparedKeys()
    compared.begin(1, undefined)
    compared.written(1, 'a')
    compared.add(['7', '8'])
  })

  const known = () => ['7', '8', '9'].filter((key) => compared.has(key))

  test('are known to turns that go on from what was written last', () => {
    compared.written(1, 'b')
    compared.begin(1, 'b')
    compared.add(['9'])
    expect(known()).toEqual(['7', '8', '9'])
  })

  test('are as many as fit', () => {
    const few = new ComparedKeys(2)
    few.add(['7', '8', '9'])
    expect(['7', '8', '9'].filter((key) => few.has(key))).toEqual(['7', '8'])
  })

  test.each([
    ['another lap is begun', () => compared.begin(2, 'a')],
    ['the lap has ended', () => compared.written(2, 'b')],
    ['somebody else went on with the lap', () => compared.begin(1, 'b')],
    ['the store went back to before the lap', () => compared.begin(1, undefined)],
  ])('are forgotten when %s', (_, happens) => {
    happens()
    expect(known()).toEqual([])
  })
})

describe('of a view that is being built', () => {
  let world: Laps

  beforeEach(async () => {
    world = new Laps()
    await world.start()
    world.unfinished()
    // Names nobody has given: no row settles them.
    for (const key of ['1', '2', '3']) world.rows.set(key, held(null, 1n))
  })

  test('no entry is looked at twice', async () => {
    await world.turn()
    await world.turn()
    const { ended } = await world.lap()
    expect([ended?.kind, ended?.entries]).toEqual(['build', 3])
    expect(world.unsettled.flatMap(({ keys }) => keys)).toEqual([])
    expect([...world.data.entries.keys()].toSorted()).toEqual(['1', '2', '3'])
  })

  test('a process that takes the lap over looks at what the store has', async () => {
    await world.turn()
    world.carried = nothingCarried()
    await world.turn()
    const { ended } = await world.lap()
    expect([ended?.kind, ended?.entries]).toEqual(['build', 6])
  })

  test('what only the store has is looked at', async () => {
    await world.turn()
    world.keep('4', held('Eve'))
    await world.turn()
    expect(world.data.entries.has('4')).toBe(false)
  })
})

test('a lap that only sees that all is right remembers nothing', async () => {
  const world = new Laps()
  await world.start()
  world.both('1', held(null, 1n))
  await world.turn()
  expect(world.carried.compared.has('1')).toBe(false)
})
