import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ReadResult, ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { encodeView } from '../../src/view/declarations.ts'
import { toJson } from '../../src/view/json.ts'
import { ServedView } from '../../src/web/served-view.ts'
import {
  begunStore,
  change,
  complete,
  declare,
  handClock,
  later,
  moveWatermark,
  own,
  servingStore,
  stateOf,
  storedCount,
  user,
} from './support.ts'

const config = { statusIntervalMs: 1_000, callTimeoutMs: 50 }

function servedFrom(store: Pick<ViewStore, 'reader'>, declared = own, clock = handClock()) {
  const served = new ServedView({ own: declared, clock, config })
  served.use(store)
  return served
}

/** The store, but its readers do what `changed` says. */
function withReaders(store: ViewStore, changed: (reader: ViewReader) => Partial<ViewReader>) {
  return {
    reader: (...args: Parameters<ViewStore['reader']>) => {
      const reader = store.reader(...args)
      return {
        read: reader.read.bind(reader),
        readTogether: reader.readTogether.bind(reader),
        status: reader.status.bind(reader),
        parked: reader.parked.bind(reader),
        clearParked: reader.clearParked.bind(reader),
        displaced: reader.displaced.bind(reader),
        ...changed(reader),
      }
    },
  }
}

/** What a reader is shown under that key. */
async function shown(served: ServedView, key: string) {
  const answer = await served.read([key])
  if (answer.kind !== 'serving') return answer
  const entry = answer.entries[0]
  return entry ? toJson(answer.view, entry) : null
}

describe('before the store has answered', () => {
  test('reads fail with what is known of the reason', async () => {
    const served = new ServedView({ own, clock: handClock(), config })
    await expect(served.read(['1'])).rejects.toMatchObject({ code: 'store-away', retriable: true })
    served.failed(new Error('connection refused'))
    await expect(served.read(['1'])).rejects.toThrow('connection refused')
    await served.poll()
    expect(served.seen()).toMatchObject({ status: undefined, failure: 'connection refused' })
  })

  test('nothing is read, for the names in the store are not known', async () => {
    const served = servedFrom(await servingStore([user('1')]))
    await expect(served.read(['1'])).rejects.toMatchObject({ code: 'store-away' })
    await served.poll()
    expect(await shown(served, '1')).toMatchObject({ userId: '1', username: 'user1' })
  })
})

describe('several declarations in one store', () => {
  /** `likeCount` of the entry `1` is 3 to the first and 5 to the second. */
  async function both(first: typeof own, second: typeof own) {
    const store = await begunStore(undefined, first)
    await declare(store, second)
    await change(store, [{ entry: '1', put: { username: 'ada' }, add: { likeCount: 3n } }], first)
    const stored = await storedCount(store, second, 'likeCount')
    expect(stored).toMatch(/^likeCount@/)
    await change(store, [{ entry: '1', put: undefined, add: { [stored]: 5n } }], second)
    await complete(store)
    await moveWatermark(store, '0/9')
    return store
  }

  test.each([
    ['the earlier release', own, later],
    ['the later release', later, own],
  ])('each API reads the fields of its own, where %s came first', async (_, first, second) => {
    const store = await both(first, second)
    const [one, other] = [servedFrom(store, first), servedFrom(store, second)]
    await Promise.all([one.poll(), other.poll()])
    expect(await shown(one, '1')).toMatchObject({ username: 'ada', likeCount: 3 })
    expect(await shown(other, '1')).toMatchObject({ username: 'ada', likeCount: 5 })
  })

  test('a read under way while names change is shown by those that it was asked with', async () => {
    const store = await both(own, later)
    const gate = Promise.withResolvers<void>()
    const slow = withReaders(store, (reader) => ({
      read: async (keys) => {
        const result = await reader.read(keys)
        await gate.promise
        return result
      },
    }))
    const served = servedFrom(slow, later)
    await served.poll()
    const reading = shown(served, '1')
    const state = await stateOf(store)
    const renamed = { id: later.id, declaration: encodeView(later.view), complete: true }
    const turn = { ...state, restarts: [], offsets: new Map(), declarations: [renamed] }
    await store.coordination.turn(turn)
    await served.poll()
    gate.resolve()
    expect(await reading).toMatchObject({ likeCount: 5 })
  })

  test('one that is not applied is asked for again, and served once it is complete', async () => {
    const store = await servingStore([user('1')])
    const served = servedFrom(store, later)
    await served.poll()
    await expect(served.read(['1'])).rejects.toMatchObject({
      code: 'declaration-unknown',
      retriable: true,
      hint: expect.stringContaining('apply'),
    })
    await declare(store, later)
    await served.poll()
    expect(await served.read(['1'])).toEqual({ kind: 'unavailable', phase: 'building' })
    await complete(store)
    expect(await shown(served, '1')).toMatchObject({ username: 'user1', likeCount: 0 })
  })

  test('one that was taken out is not read any more', async () => {
    const store = await servingStore([user('1')])
    const served = servedFrom(store)
    await served.poll()
    expect(await shown(served, '1')).toMatchObject({ userId: '1' })
    await declare(store, later, true)
    expect(await served.read(['1'])).toMatchObject({ kind: 'unavailable' })
    await served.poll()
    await expect(served.read(['1'])).rejects.toMatchObject({ code: 'declaration-unknown' })
  })
})

describe('polls', () => {
  test('of a store without the view say so', async () => {
    const served = servedFrom(memoryStore())
    await served.poll()
    expect(await served.read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
  })

  test('wait no longer than the bound, and reads go on meanwhile', async () => {
    let hangs = false
    const never = new Promise<never>(() => undefined)
    const store = await servingStore([user('1')])
    const hung = withReaders(store, (reader) => ({
      status: () => (hangs ? never : reader.status()),
    }))
    const clock = handClock()
    const served = servedFrom(hung, own, clock)
    await served.poll()
    hangs = true
    clock.passMs(60_000)
    await served.poll()
    expect(served.seen()).toMatchObject({ failure: 'no answer within 50 ms', silentMs: 60_000 })
    expect(await shown(served, '1')).toMatchObject({ userId: '1' })
    expect(served.seen()).toMatchObject({ silentMs: 0, agoMs: 60_000 })
    hangs = false
    await served.poll()
    expect(served.seen()).toMatchObject({ failure: undefined, agoMs: 0 })
  })

  test('go on until they are told to end, one at a time', async () => {
    const end = new AbortController()
    const [store, clock] = [await servingStore([user('1')]), handClock()]
    let [polls, atOnce, most] = [0, 0, 0]
    const counting = withReaders(store, (reader) => ({
      status: async () => {
        most = Math.max(most, (atOnce += 1))
        if ((polls += 1) === 5) end.abort()
        const status = await reader.status()
        atOnce -= 1
        return status
      },
    }))
    await new ServedView({ own, clock, config }).follow(counting, end.signal)
    expect([polls, most]).toEqual([5, 1])
  })

  test('take a state whose pass has a form that is not known here', async () => {
    const store = await servingStore([user('1')])
    await complete(store, '{"lap":{"of":"another release"}}')
    const served = servedFrom(store)
    await served.poll()
    expect(served.seen()).toMatchObject({ failure: undefined, pass: undefined })
    expect(await shown(served, '1')).toMatchObject({ userId: '1' })
  })
})

test('a read fails as the store does', async () => {
  const store = withReaders(await servingStore([user('1')]), () => ({
    read: () => Promise.reject<ReadResult>(new Error('a bug')),
  }))
  const served = servedFrom(store)
  await served.poll()
  await expect(served.read(['1'])).rejects.toThrow('a bug')
})
