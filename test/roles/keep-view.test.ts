import { readConfig } from '../../src/config.ts'
import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { keepView, type Outside } from '../../src/roles/keep-view.ts'
import { decoderOfTests } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { World } from '../coordinate/coordination-fixture.ts'

let world: World
let keeping: Promise<void> | undefined

beforeEach(async () => {
  world = new World()
  keeping = undefined
  // Another process coordinates the view.
  const claim = { declaration: world.own.id, ttlMs: 3_600_000, over: false }
  await world.store.coordination.lease({ ...claim, holder: 'other' })
})

afterEach(async () => {
  world.end.abort()
  await keeping
})

/** Keeps the view; answers the members of groups that read topics, as `<group> <topic>`. */
function keep(tables: readonly string[]): Set<string> {
  const members = new Set<string>()
  const { own, store, clock, recorded } = world
  const { source, connect, admin, markers } = world.outside
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  world.end.signal.addEventListener('abort', () => resolve())
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
        await Promise.race([ended, left.promise])
        members.delete(member)
      },
    }),
    decoder: () => decoderOfTests,
  }
  const config = readConfig({ MILLRACE_CONNECTOR: 't' })
  const parts = { own, store, tables, config, holder: 'this', share: 1, log: recorded.log }
  keeping = keepView({ ...parts, outside: given as unknown as Outside }, world.end.signal)
  return members
}

test('a process without tables of the view waits, and keeps no other view from going on', async () => {
  await world.begin()
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
