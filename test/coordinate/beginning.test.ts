import { begin } from '../../src/coordinate/beginning.ts'
import { encodeView } from '../../src/view/declarations.ts'
import { library } from '../support/library.ts'
import { checkpoint } from '../store/store-fixture.ts'
import { all, partitions, topics, World } from './coordination-fixture.ts'

let world: World

beforeEach(() => {
  world = new World()
})

const begun = () => begin(world.parts, world.end.signal)
const wish = (given: object) => ({
  declaration: world.own.id,
  adopt: false,
  prune: false,
  sweep: [],
  ...given,
})

/** Something under the names of the view, as a user's own cache leaves it. */
function occupy(): void {
  world.data.entries.set('7', { fields: { name: 'Ada' }, counts: {} })
}

test('a view begins at a barrier, with nothing complete and nothing remembered', async () => {
  await begun()
  const state = await world.state()
  expect(state).toMatchObject({
    declarations: [{ id: world.own.id, declaration: encodeView(library), complete: false }],
    topics,
    fingerprint: await world.fingerprint(),
    barrier: { number: 1, lsn: 1_008n, from: all(10) },
    doubts: [],
    pass: undefined,
    watermark: undefined,
  })
  const at10 = checkpoint(10, { windowFrom: all(10).get(partitions[0]!)! })
  expect(await world.checkpoints()).toEqual(new Map(partitions.map((name) => [name, at10])))
  expect(await world.store.watchable.wanted()).toEqual(wish({ adopt: true }))
  expect(world.said).toEqual(['the view is begun'])
})

test('a view begins where its barrier began, not where that ended', async () => {
  world.outside.arrives = async () => {
    world.outside.grow('books', 5)
    return true
  }
  await begun()
  const books = (await world.checkpoints()).get('t.public.books/0')
  expect(books).toMatchObject({ next: 10n, windowFrom: 10n })
})

test('a view of several partitions has a checkpoint for each', async () => {
  const topic = 't.public.books'
  world.outside.topics[topic] = { ...world.outside.topics[topic]!, partitions: 2 }
  await expect(begun()).rejects.toMatchObject({ code: 'topic-missing', retriable: true })
  expect(await world.store.watchable.state()).toBeUndefined()
  world.outside.ends.set(`${topic}/1`, world.outside.ends.get(`${topic}/0`)!)
  await begun()
  expect((await world.state()).topics).toEqual({ ...topics, [topic]: 2 })
  expect([...(await world.checkpoints()).keys()].toSorted()).toEqual(
    [...partitions, `${topic}/1`].toSorted(),
  )
})

test('nobody begins a view while another declaration is wanted', async () => {
  await world.store.watchable.want(() => wish({ declaration: 'another', adopt: true }))
  await expect(begun()).rejects.toMatchObject({
    code: 'declaration-unknown',
    waitsForPeople: true,
    message: expect.stringContaining('another declaration of view library'),
    hint: expect.stringContaining('millrace apply'),
  })
  expect(await world.store.watchable.state()).toBeUndefined()
  expect(world.outside.asked).toEqual([])
})

test('entries that are there already are nobody’s until somebody has said so', async () => {
  occupy()
  await expect(begun()).rejects.toMatchObject({ code: 'store-occupied', waitsForPeople: true })
  await expect(begun()).rejects.toThrow('as library:7')
  await world.store.watchable.want(() => wish({ adopt: false }))
  await expect(begun()).rejects.toMatchObject({ code: 'store-occupied' })
  expect(await world.store.watchable.state()).toBeUndefined()
  await world.store.watchable.want(() => wish({ adopt: true }))
  await begun()
  expect(await world.state()).toMatchObject({ topics })
  expect(world.data.entries.has('7')).toBe(true)
})

test('a view does not begin on a set-up that does not fit', async () => {
  world.outside.faults = [{ table: 'books', what: 'is not there', mend: undefined }]
  await expect(begun()).rejects.toMatchObject({ code: 'source-unfit' })
  expect(await world.store.watchable.state()).toBeUndefined()
})

test('a view does not begin while the source goes on another history', async () => {
  const { arrives } = world.outside
  const { look } = world.setup
  world.setup.look = async (view) => {
    const found = await look.call(world.setup, view)
    world.outside.history = '7/2'
    return found
  }
  world.outside.arrives = arrives
  await begun()
  expect(await world.store.watchable.state()).toBeUndefined()
})

test('a beginning that is given up leaves nothing', async () => {
  world.outside.arrives = async () => {
    world.end.abort()
    return false
  }
  await begun()
  expect(await world.store.watchable.state()).toBeUndefined()
  expect(await world.store.watchable.wanted()).toBeUndefined()
})

test('a view that another has begun meanwhile is left as it is', async () => {
  world.outside.arrives = async () => {
    await world.begin()
    return true
  }
  await begun()
  expect(world.said).toEqual([])
  expect((await world.state()).barrier).toMatchObject({ number: 1, lsn: 8n })
  expect(await world.store.watchable.wanted()).toBeUndefined()
})

test('names to sweep that the view stores again are forgotten, and others are swept', async () => {
  const [stored] = library.layout.counts
  await world.store.watchable.want(() => wish({ adopt: true, sweep: [stored, 'gone'] }))
  await begun()
  expect(await world.store.watchable.wanted()).toEqual(wish({ adopt: true, sweep: ['gone'] }))
})
