import { keptDeclaration, mergedView, ownView } from '../../src/coordinate/view-plan.ts'
import { encodeFingerprint } from '../../src/coordinate/fingerprint.ts'
import { SetupWatch } from '../../src/coordinate/setup-watch.ts'
import { Succession } from '../../src/coordinate/succession.ts'
import type { ViewState } from '../../src/store/state.ts'
import { decodeView } from '../../src/view/declarations.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { at, library } from '../support/library.ts'
import { partitions, topics, World } from './coordination-fixture.ts'

/** What a later release declares: another name, no prizes, readers, and genres. */
const later = defineView({
  name: 'library',
  key: { authorId: 'bigint' },
  row: from('authors', { key: 'id', fields: { name: 'pen_name' } }),
  aggregates: {
    bookCount: countOf('books', { by: 'author' }),
    readerCount: countOf('readers', { by: 'author' }),
    genres: topOf('books', { item: 'genre', most: 3, by: 'author' }),
  },
})
const readers = 't.public.readers'

let world: World
let succession: Succession

/** A view that was begun by the first release, coordinated by the later one. */
beforeEach(async () => {
  world = new World(later)
  const first = ownView(library)
  const { topics: known } = world.outside
  world.outside.topics = { ...known, [readers]: { ...known['t.public.books']!, id: 'readers' } }
  world.outside.ends.set(`${readers}/0`, at(3))
  const { fingerprint } = await world.setup.look(library)
  await world.begin({ next: 20, fingerprint: encodeFingerprint(fingerprint) })
  const declaration = keptDeclaration(first, { declarations: [] })
  world.data.state = { ...world.data.state!, declarations: [declaration] }
  await world.complete()
  succession = new Succession(world.parts)
})

const want = (given: object = {}) =>
  world.store.watchable.want(() => ({
    declaration: world.own.id,
    adopt: true,
    prune: false,
    sweep: [],
    ...given,
  }))

async function look(): Promise<ViewState> {
  const state = (await world.watch.ask())!
  await succession.look(state, await world.checkpoints())
  return (await world.watch.ask())!
}

/** A barrier that knows the topic of readers as well. */
const barrier = (number: number, offset: number) => {
  const taken = world.barrier(number, offset)
  const also = new Map([...taken.from, [`${readers}/0`, at(number)] as const])
  return { ...taken, from: also, ends: also }
}

const ids = ({ declarations }: ViewState) => declarations.map(({ id, complete }) => [id, complete])
const firstId = ownView(library).id

describe('a declaration', () => {
  test('that nobody has applied is not brought in', async () => {
    const before = await world.state()
    expect(await look()).toEqual(before)
    await want({ declaration: 'another' })
    await world.publish(barrier(9, 10))
    expect(ids(await look())).toEqual([[firstId, true]])
    expect(world.outside.asked).toEqual([])
  })

  test('is brought in once a barrier is passed that was begun after the set-up fitted it', async () => {
    await want()
    const { epoch } = await look()
    await world.publish(barrier(2, 20))
    expect((await look()).epoch).toBe(epoch)
    await world.publish(barrier(3, 21))
    expect((await look()).epoch).toBe(epoch)
    world.stand(21)
    const turned = await look()
    expect(turned.epoch).not.toBe(epoch)
    expect(ids(turned)).toEqual([
      [firstId, true],
      [world.own.id, false],
    ])
    const [name] = decodeView(turned.declarations[1]!.declaration).row!.fields
    expect(name!.stored).toMatch(/^name@/)
    expect(turned.topics).toEqual({ ...topics, [readers]: 1 })
    const checkpoints = await world.checkpoints()
    expect(checkpoints.get(`${readers}/0`)).toMatchObject({ next: at(3), windowFrom: at(3) })
    expect(checkpoints.get(partitions[0]!)).toMatchObject({ next: at(21) })
    expect(world.said).toEqual(['the applied declaration is brought in'])
  })

  test.each([
    [
      'nobody wants it any more',
      async () => {
        await want({ declaration: 'another' })
        await look()
      },
    ],
    [
      'somebody else has brought it in, and it is wanted again',
      async () => {
        const kept = keptDeclaration(world.own, await world.state())
        const { declarations } = world.data.state!
        world.data.state = { ...world.data.state!, declarations: [...declarations, kept] }
        await look()
        world.data.state = { ...world.data.state, declarations }
      },
    ],
  ])('that was found to fit is looked at anew where %s', async (_, meanwhile) => {
    await want()
    await look()
    await meanwhile()
    await want()
    await world.publish(barrier(3, 20))
    world.stand(20)
    const { epoch } = await look()
    expect(ids(await world.state())).toEqual([[firstId, true]])
    await world.publish(barrier(5, 20))
    expect((await look()).epoch).not.toBe(epoch)
  })

  test('that was found to fit is looked at anew where somebody else has turned the epoch', async () => {
    await want()
    const { epoch } = await look()
    await world.publish(barrier(3, 20))
    const { turn } = world.store.coordination
    world.store.coordination.turn = async () => undefined
    await look()
    world.store.coordination.turn = turn
    expect((await look()).epoch).toBe(epoch)
    await world.publish(barrier(5, 20))
    expect((await look()).epoch).not.toBe(epoch)
  })

  test('begins what is new to the view at the newest barrier that knows it', async () => {
    await want()
    await look()
    await world.publish(world.barrier(3, 15))
    await look()
    expect((await world.state()).topics).toEqual(topics)
    await world.publish(barrier(4, 16))
    await world.publish(barrier(5, 17))
    await world.publish(world.barrier(6, 18))
    const { topics: found } = await look()
    expect(found).toEqual({ ...topics, [readers]: 1 })
    expect((await world.checkpoints()).get(`${readers}/0`)).toMatchObject({ next: at(5) })
  })

  describe('with a topic that is new to the view', () => {
    /** The doubts that the next look at the set-up raises, after the declaration is brought in. */
    async function broughtIn(meanwhile: () => void) {
      const setupWatch = new SetupWatch(world.parts)
      await want()
      await look()
      await setupWatch.look(await world.state())
      await world.publish(barrier(3, 20))
      meanwhile()
      await look()
      expect(Object.keys((await world.state()).topics)).toContain(readers)
      await setupWatch.look(await world.state())
      return (await world.state()).doubts
    }

    test('is in no doubt about it', async () => {
      expect(await broughtIn(() => undefined)).toEqual([])
    })

    test.each([
      ['was made anew', { id: 'another' }, 'another-log'],
      ['got more partitions', { partitions: 2 }, 'partitions-changed'],
    ])('is in doubt where that %s since it was found to fit', async (_, given, code) => {
      const doubts = await broughtIn(() => {
        const { topics: known } = world.outside
        world.outside.topics = { ...known, [readers]: { ...known[readers]!, ...given } }
      })
      expect(doubts).toMatchObject([{ name: `${code} ${readers}`, tables: ['readers'] }])
    })

    test('is not brought in while somebody else writes down another set-up', async () => {
      await want()
      const { epoch } = await look()
      await world.publish(barrier(3, 20))
      const { observe } = world.store.coordination
      world.store.coordination.observe = async () => false
      expect((await look()).epoch).toBe(epoch)
      world.store.coordination.observe = observe
      expect((await look()).epoch).not.toBe(epoch)
    })
  })

  test('is not brought in on a set-up that does not fit all that is kept', async () => {
    await want()
    const asked: string[][] = []
    const { faults } = world.setup
    world.setup.faults = async (view) => {
      asked.push(view.row!.fields.map(({ column }) => column))
      return faults.call(world.setup, view)
    }
    world.outside.faults = [{ table: 'readers', what: 'is not there', mend: undefined }]
    await expect(look()).rejects.toMatchObject({ code: 'source-unfit' })
    expect(asked).toEqual([['name', 'pen_name']])
    await world.publish(barrier(5, 10))
    world.outside.faults = []
    expect(ids(await look())).toHaveLength(1)
    expect(asked).toHaveLength(2)
    await world.publish(barrier(6, 10))
    expect(ids(await look())).toHaveLength(1)
    await world.publish(barrier(7, 10))
    expect(ids(await look())).toHaveLength(2)
    expect(asked).toHaveLength(2)
  })

  test('that was replaced and is applied again stands last, as complete as it was', async () => {
    const kept = keptDeclaration(world.own, await world.state())
    const { declarations } = await world.state()
    world.data.state = {
      ...world.data.state!,
      declarations: [{ ...kept, complete: true }, ...declarations],
    }
    await want()
    await look()
    await world.publish(barrier(3, 10))
    const turned = await look()
    expect(ids(turned)).toEqual([
      [firstId, true],
      [world.own.id, true],
    ])
    expect(turned.declarations[1]).toEqual({ ...kept, complete: true })
  })

  test('keeps what is doubted', async () => {
    const { doubts } = await world.raise({
      name: 'x',
      code: 'slot-altered',
      reason: 'x',
      hint: undefined,
      tables: [],
      keys: [],
      offsets: new Map(),
      barrier: 0,
      restart: undefined,
    })
    await want()
    await look()
    await world.publish(barrier(3, 10))
    const turned = await look()
    expect(ids(turned)).toHaveLength(2)
    expect(turned.doubts).toEqual(doubts)
  })

  test('is brought in all the same where nobody moves the checkpoints', async () => {
    await want()
    await look()
    await world.clock.advance(20_000)
    expect(ids(await look())).toHaveLength(1)
    await world.publish(barrier(3, 30))
    await look()
    await world.clock.advance(9_999)
    expect(ids(await look())).toHaveLength(1)
    // One of them moves, so that somebody runs.
    world.stand(21, [partitions[1]!])
    await look()
    await world.clock.advance(9_999)
    expect(ids(await look())).toHaveLength(1)
    // This one has passed the barrier, and tells nothing.
    world.stand(30, [partitions[0]!])
    await look()
    await world.clock.advance(9_999)
    expect(ids(await look())).toHaveLength(1)
    await world.clock.advance(1)
    expect(ids(await look())).toHaveLength(2)
  })

  test('is brought in where others move that have passed the barrier already', async () => {
    await want()
    await look()
    await world.publish(barrier(3, 30))
    world.stand(40, [partitions[0]!])
    await look()
    await world.clock.advance(6_000)
    world.stand(50, [partitions[0]!])
    await look()
    await world.clock.advance(4_000)
    expect(ids(await look())).toHaveLength(2)
  })

  test('is brought in once one of the barriers is passed that fit it', async () => {
    await want()
    await look()
    await world.publish(barrier(3, 20))
    await world.publish(barrier(4, 99))
    expect(ids(await look())).toHaveLength(2)
  })

  test('that another has brought in meanwhile is not brought in twice', async () => {
    await want()
    await look()
    await world.publish(barrier(3, 10))
    const { turn } = world.store.coordination
    world.store.coordination.turn = async (given) => {
      await turn.call(world.store.coordination, given)
      return turn.call(world.store.coordination, given)
    }
    const turned = await look()
    expect(ids(turned)).toHaveLength(2)
    expect(world.said).toEqual([])
    expect(await look()).toEqual(turned)
  })
})

describe('earlier declarations', () => {
  /** Both are in, and entries have the fields of both. */
  async function both(complete = true): Promise<ViewState> {
    await want()
    await look()
    await world.publish(barrier(3, 10))
    const { epoch } = await look()
    const layout = mergedView(await world.state()).layout
    const fields = Object.fromEntries(layout.fields.map(({ name }) => [name, 'Ada']))
    const counts = Object.fromEntries(layout.counts.map((name) => [name, 4n]))
    await world.store.writer(layout).commit({
      epoch,
      partition: {
        topic: readers,
        partition: 0,
      },
      from: at(3),
      to: {
        next: at(3),
        last: undefined,
        windowFrom: at(3),
        keySchema: undefined,
      },
      mutations: Array.from({ length: 900 }, (_, n) => ({
        entry: `${n}`,
        put: fields,
        add: counts,
      })),
      parked: [],
      doubts: [],
    })
    await world.store.writer(layout).commit({
      epoch,
      partition: {
        topic: readers,
        partition: 0,
      },
      from: at(3),
      to: {
        next: at(3),
        last: undefined,
        windowFrom: at(3),
        keySchema: undefined,
      },
      mutations: Array.from({ length: 900 }, (_, n) => ({
        entry: `x${n}`,
        put: fields,
        add: counts,
      })),
      parked: [],
      doubts: [],
    })
    return complete ? world.complete() : (await world.watch.ask())!
  }

  const held = (entry: string) => {
    const { fields, counts } = world.data.entries.get(entry)!
    return [...Object.keys(fields!), ...Object.keys(counts)].toSorted()
  }

  test('stay while nobody asks for them to end, and until the newest is complete', async () => {
    const { epoch } = await both(false)
    await look()
    await want({ prune: true })
    expect((await look()).epoch).toBe(epoch)
    await world.complete()
    await want({ prune: false })
    expect((await look()).epoch).toBe(epoch)
    await want({ prune: true })
    expect((await look()).epoch).not.toBe(epoch)
  })

  test('end with their topics, and their fields are named before and swept after', async () => {
    const before = await both()
    const all = held('7')
    await want({ prune: true, letGo: 86_400 })
    const pruned = await look()
    expect(ids(pruned)).toEqual([[world.own.id, true]])
    expect(pruned.topics).toEqual({
      't.public.authors': 1,
      't.public.books': 1,
      [readers]: 1,
    })
    expect(before.topics).toHaveProperty(['t.public.prizes'])
    expect([...(await world.checkpoints()).keys()]).not.toContain('t.public.prizes/0')
    expect(await world.store.watchable.wanted()).toMatchObject({
      prune: true,
      sweep: ['name', 'prizeCount'],
      letGo: 86_400,
    })
    expect(held('7')).toEqual(all)

    const swept = await look()
    expect(swept).toEqual(pruned)
    for (const entry of ['0', '899', 'x0', 'x899']) {
      expect(held(entry)).toEqual(['bookCount', expect.stringMatching(/^name@/), 'readerCount'])
    }
    expect(await world.store.watchable.wanted()).toEqual({
      declaration: world.own.id,
      adopt: true,
      prune: false,
      sweep: [],
      letGo: 86_400,
    })
    expect(world.recorded.lines.at(-1)).toMatchObject({
      entries: 1_800,
      fields: ['name', 'prizeCount'],
    })
    expect(await look()).toEqual(pruned)
  })

  test('stay where another declaration is applied just then', async () => {
    const { epoch } = await both()
    await want({ prune: true })
    const { watchable } = world.store
    const { wanted } = watchable
    watchable.wanted = async () => {
      const found = await wanted.call(watchable)
      await want({ declaration: 'another' })
      return found
    }
    expect((await look()).epoch).toBe(epoch)
    expect(await wanted.call(watchable)).toMatchObject({ declaration: 'another', sweep: [] })
  })

  test('end also where the epoch was turned by another in the middle of it', async () => {
    await both()
    await want({ prune: true })
    const { turn } = world.store.coordination
    let turns = 0
    world.store.coordination.turn = async (given) => {
      turns += 1
      return turns === 1 ? undefined : turn.call(world.store.coordination, given)
    }
    expect(ids(await look())).toHaveLength(2)
    expect(ids(await look())).toEqual([[world.own.id, true]])
    await look()
    expect(held('7')).not.toContain('prizeCount')
  })

  test('keep their fields while a declaration has them', async () => {
    const { epoch } = await both(false)
    const all = held('7')
    await want({ prune: true, sweep: ['name', 'prizeCount'] })
    expect((await look()).epoch).toBe(epoch)
    expect(held('7')).toEqual(all)
  })

  test('are swept on by the next one where the epoch turns meanwhile', async () => {
    await both()
    await want({ prune: true })
    await look()
    const { audit } = world.store
    world.store.audit = (layout) => {
      const found = audit.call(world.store, layout)
      return {
        ...found,
        scan: (cursor) => found.scan(cursor),
        sweep: async () => false,
      }
    }
    await look()
    expect(await world.store.watchable.wanted()).toMatchObject({ sweep: ['name', 'prizeCount'] })
    world.store.audit = audit
    await look()
    expect(held('7')).not.toContain('prizeCount')
  })

  test('stay to be ended where that was said before the newest is complete', async () => {
    await both(false)
    await want({ prune: true })
    await look()
    expect(await world.store.watchable.wanted()).toMatchObject({ prune: true })
    await world.complete()
    expect(ids(await look())).toEqual([[world.own.id, true]])
    expect(await world.store.watchable.wanted()).toMatchObject({ adopt: true })
  })

  test('of which one field is declared yet are not swept at all', async () => {
    await both()
    await want({ prune: true })
    const pruned = await look()
    const [kept] = decodeView(pruned.declarations[0]!.declaration).row!.fields
    const before = held('7')
    await want({ sweep: ['name', kept!.stored] })
    await look()
    expect(held('7')).toEqual(before)
    for (const declared of ['bookCount', 'genres']) {
      await want({ sweep: ['name', declared] })
      await look()
      expect(held('7')).toEqual(before)
    }
  })

  test('that leave nothing behind need no sweep', async () => {
    await both()
    const [, newest] = (await world.state()).declarations
    world.data.state = {
      ...world.data.state!,
      declarations: [{ ...newest!, id: 'the same by another id' }, newest!],
    }
    await want({ prune: true })
    expect(ids(await look())).toEqual([[world.own.id, true]])
    const state = await look()
    expect(await look()).toEqual(state)
  })
})
