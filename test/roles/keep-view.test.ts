import { readConfig } from '../../src/config.ts'
import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { keepView, type Outside } from '../../src/roles/keep-view.ts'
import { decoderOfTests } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { World } from '../coordinate/coordination-fixture.ts'

let world: World
const keeping: { readonly end: AbortController; readonly done: Promise<void> }[] = []

beforeEach(async () => {
  world = await newWorld()
})

afterEach(async () => {
  for (const { end, done } of keeping.splice(0)) {
    end.abort()
    await done
  }
})

/** With a view that another process coordinates. */
async function newWorld(): Promise<World> {
  const made = new World()
  const claim = { declaration: made.own.id, ttlMs: 3_600_000, over: false }
  await made.store.coordination.lease({ ...claim, holder: 'other' })
  await made.begin()
  return made
}

/** Keeps the view; answers the members of groups that read topics, as `<group> <topic>`. */
function keep(tables: readonly string[], from = world, connector = 't'): Set<string> {
  const members = new Set<string>()
  const { own, store, clock, recorded, end } = from
  const { source, connect, admin, markers } = from.outside
  const given = {
    source,
    connect,
    admin,
    markers,
    connectorTask: new ConnectorTask({ connect, clock, log: recorded.log }),
    clock,
    changeSource: ({ groupId, topic }: { readonly groupId: string; readonly topic: string }) => ({
      run: async (_own: unknown, signal: AbortSignal) => {
        const member = `${groupId} ${topic}`
        members.add(member)
        const left = Promise.withResolvers<void>()
        signal.addEventListener('abort', () => left.resolve())
        await left.promise
        members.delete(member)
      },
    }),
    decoder: () => decoderOfTests,
  }
  const config = readConfig({ MILLRACE_CONNECTOR: connector })
  const parts = { own, store, tables, config, holder: 'this', share: 1, log: recorded.log }
  const done = keepView({ ...parts, outside: given as unknown as Outside }, end.signal)
  keeping.push({ end, done })
  return members
}

test('a process without tables of the view waits, and keeps no other view from going on', async () => {
  // A loop that never waits would keep this test from ending as well.
  let [asked, isAborted] = [0, false]
  const { signal } = world.end
  signal.addEventListener('abort', () => (isAborted = true))
  const aborted = () => {
    asked += 1
    if (asked > 1_000) throw new Error('the signal is asked again and again')
    return isAborted
  }
  Object.defineProperty(signal, 'aborted', { get: aborted })
  const members = keep([])
  await settled()
  expect([...members]).toEqual([])
})

describe('the members of a topic', () => {
  const groups = (members: ReadonlySet<string>) => [...members].map((each) => each.split(' ')[0]!)

  test('are one group for each topic of the view in this store', async () => {
    const members = keep(['authors', 'books'])
    await settled()
    const { instance } = await world.state()
    expect([...members]).toEqual([
      `millrace.library.memory.${instance}.t.public.authors t.public.authors`,
      `millrace.library.memory.${instance}.t.public.books t.public.books`,
    ])
  })

  test('are of other groups in another store with a view of this name', async () => {
    const [here, there] = [keep(['books']), keep(['books'], await newWorld())]
    await settled()
    expect(groups(here)).toHaveLength(1)
    expect(groups(there)).toHaveLength(1)
    expect(groups(here)).not.toEqual(groups(there))
  })

  test('are of other groups where the topics are those of another connector', async () => {
    const [here, there] = [keep(['books']), keep(['books'], world, 'other')]
    await settled()
    expect(groups(there)).toHaveLength(1)
    expect(groups(here)).not.toEqual(groups(there))
  })

  test('move to the group of the instance that the view is given', async () => {
    const { instance } = await world.state()
    world.data.state = { ...(await world.state()), instance: undefined }
    const members = keep(['books'])
    await settled()
    expect(groups(members)).toEqual(['millrace.library.memory.unknown.t.public.books'])
    world.data.state = { ...(await world.state()), instance }
    await world.clock.advance(1_000)
    expect(groups(members)).toEqual([`millrace.library.memory.${instance}.t.public.books`])
  })
})
