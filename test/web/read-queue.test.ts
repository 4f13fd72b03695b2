import { MillraceError } from '../../src/errors.ts'
import type { ReadResult, ViewReader } from '../../src/store/store.ts'
import { ReadQueue } from '../../src/web/read-queue.ts'
import { servingStore, user } from './support.ts'

const options = { timeoutMs: 200, readsMax: 5_000 }

describe('reads of one turn', () => {
  test('go to the store as one call, each key once, and find their own entries', async () => {
    const store = await servingStore(Array.from({ length: 20 }, (_, i) => user(String(i))))
    const calls: number[] = []
    const reads = new ReadQueue(
      { read: (keys) => (calls.push(keys.length), store.reader.read(keys)) },
      options,
    )
    const asked = Array.from({ length: 100 }, (_, i) => String(i % 25))
    const answers = await Promise.all(asked.map((key) => reads.read(key)))
    expect(calls).toEqual([25])
    expect(
      answers.map((answer) => answer.kind === 'serving' && (answer.entry?.key ?? null)),
    ).toEqual(asked.map((key) => (Number(key) < 20 ? key : null)))
  })

  test('never ask for more keys at once than a store takes', async () => {
    const store = await servingStore([user('1')])
    const calls: number[] = []
    const reads = new ReadQueue(
      { read: (keys) => (calls.push(keys.length), store.reader.read(keys)) },
      options,
    )
    const answers = await Promise.all(
      Array.from({ length: 2_500 }, (_, i) => reads.read(String(i))),
    )
    expect(calls).toEqual([1_000, 1_000, 500])
    expect(answers).toHaveLength(2_500)
  })

  test('one broken key fails alone', async () => {
    const store = await servingStore([user('1'), user('2'), user('3')])
    const read: ViewReader['read'] = (keys) =>
      keys.includes('2')
        ? Promise.reject(new MillraceError('store-type', 'user 2 is a list'))
        : store.reader.read(keys)
    const reads = new ReadQueue({ read }, options)
    const answers = await Promise.allSettled(['1', '2', '2', '3'].map((key) => reads.read(key)))
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
  })
})

describe('a store that hangs', () => {
  test('keeps nobody longer than the bound, and serves again when it is back', async () => {
    const store = await servingStore([user('1')])
    let hangs = true
    const never = new Promise<ReadResult>(() => undefined)
    const reads = new ReadQueue(
      { read: (keys) => (hangs ? never : store.reader.read(keys)) },
      options,
    )
    const began = performance.now()
    for (let turn = 0; turn < 30; turn += 1) {
      const read = reads.read('1')
      await expect(Promise.race([read, turned()])).resolves.toBe('turned')
      read.catch(() => undefined)
    }
    await expect(reads.read('1')).rejects.toMatchObject({ code: 'read-timeout', retriable: true })
    expect(performance.now() - began).toBeLessThan(1_000)
    hangs = false
    await expect(reads.read('1')).resolves.toMatchObject({ entry: { key: '1' } })
  })

  test('lets no more wait than the bound', async () => {
    const reads = new ReadQueue(
      { read: () => new Promise<ReadResult>(() => undefined) },
      { timeoutMs: 50, readsMax: 3 },
    )
    const waiting = ['1', '2', '3'].map((key) => reads.read(key))
    await expect(reads.read('4')).rejects.toMatchObject({ code: 'overloaded' })
    await Promise.allSettled(waiting)
    const later = reads.read('5')
    await expect(later).rejects.toMatchObject({ code: 'read-timeout' })
  })
})

function turned(): Promise<string> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve, 'turned')))
}
