/** What a person applies while a worker is at work is not overwritten by what the worker notes. */
import { begin } from '../../src/coordinate/beginning.ts'
import { Succession } from '../../src/coordinate/succession.ts'
import { World } from './coordination-fixture.ts'

let world: World

beforeEach(() => {
  world = new World()
})

const want = (given: object) =>
  world.store.watchable.want(() => ({
    declaration: world.own.id,
    adopt: true,
    prune: false,
    sweep: [],
    ...given,
  }))

test.each([
  ['applied', async () => want({})],
  ['applied by nobody', async () => undefined],
])('another declaration applied while one is begun that was %s stays', async (_, first) => {
  await first()
  world.outside.arrives = async () => {
    await want({ declaration: 'another', adopt: false })
    return true
  }
  await begin(world.parts, world.end.signal)
  expect(await world.store.watchable.state()).toBeDefined()
  // What lies there is the view's by now.
  expect(await world.store.watchable.wanted()).toMatchObject({
    declaration: 'another',
    adopt: true,
  })
})

test('another declaration that is applied while fields are swept stays applied', async () => {
  await world.begin()
  await world.complete()
  await want({ sweep: ['gone'] })
  const { audit } = world.store
  world.store.audit = (layout) => {
    const found = audit.call(world.store, layout)
    const sweep: typeof found.sweep = async (...given) => {
      await want({ declaration: 'another' })
      return found.sweep(...given)
    }
    return { ...found, scan: (cursor) => found.scan(cursor), sweep }
  }
  const state = (await world.watch.ask())!
  await new Succession(world.parts).look(state, await world.checkpoints())
  expect(await world.store.watchable.wanted()).toMatchObject({ declaration: 'another' })
})
