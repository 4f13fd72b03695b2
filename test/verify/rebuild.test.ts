import type { Clock } from '../../src/clock.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { rebuild } from '../../src/verify/rebuild.ts'
import { userInformation } from '../../src/views/user-information.ts'
import { servingStore } from '../web/support.ts'

let nowMs = 0
const clock: Clock = {
  wallMs: () => nowMs,
  monotonicMs: () => nowMs,
  sleep: async (ms) => {
    nowMs += ms
    await meanwhile()
  },
}
/** What workers do while the command sleeps. */
let meanwhile: () => Promise<unknown>
let said: string[]

beforeEach(() => {
  meanwhile = () => Promise.resolve()
  said = []
})

function run(store: ViewStore): Promise<void> {
  const { signal } = new AbortController()
  const say = (line: string) => void said.push(line)
  return rebuild(store, { view: userInformation.name, reason: 'tried', clock, say, signal })
}

test('a store without a generation and without a worker is told as such', async () => {
  await expect(run(memoryStore(userInformation.layout, clock))).rejects.toMatchObject({
    code: 'no-worker',
    message: 'no worker has kept user-information in memory for 30 s',
  })
  expect(said[0]).toContain('no generation of user-information to mark')
  expect(said.at(-1)).toContain('no worker shows itself')
})

test('a view that nobody builds anew stays marked', async () => {
  const store = await servingStore([])
  await expect(run(store)).rejects.toMatchObject({ code: 'no-worker' })
  expect(said[0]).toContain('is marked')
  expect((await store.writer.generation())?.mark).toMatchObject({
    code: 'by-hand',
    reason: 'tried',
  })
})

test('a worker that holds the lease is waited for, for as long as it takes', async () => {
  const store = memoryStore(userInformation.layout, clock)
  const until = nowMs + 120_000
  const late = await servingStore([])
  meanwhile = async () => {
    await store.coordination.lease('worker', 5_000)
  }
  const watched = {
    ...store,
    writer: {
      ...store.writer,
      generation: () => (nowMs < until ? store : late).writer.generation(),
    },
  }
  await run(watched)
  expect(said.at(-1)).toBe('a new generation serves after 120.0 s')
  expect(said.join('\n')).not.toContain('no worker')
})
