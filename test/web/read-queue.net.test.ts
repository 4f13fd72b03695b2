import { MillraceError } from '../../src/errors.ts'
import type { Mutation } from '../../src/mutation.ts'
import { ReadQueue, type Reads } from '../../src/web/read-queue.ts'
import type { ViewAnswer } from '../../src/web/served-view.ts'
import { apiOver, doubt, servingStore, user } from './support.ts'

const options = { timeoutMs: 200, readsMax: 5_000 }

async function servedWith(mutations: readonly Mutation[]) {
  const { app, served } = await apiOver(await servingStore(mutations))
  await app.close()
  return served
}

describe('reads of one turn', () => {
  test('go to the store as one call, each key once, and find their own entries', async () => {
    const served = await servedWith(Array.from({ length: 20 }, (_, i) => user(String(i))))
    const calls: number[] = []
    const reads = new ReadQueue(
      { read: (keys) => (calls.push(keys.length), served.read(keys)) },
      options,
    )
    const asked = Array.from({ length: 100 }, (_, i) => String(i % 25))
    const answers = await Promise.all(asked.map((key) => reads.read([key])))
    expect(calls).toEqual([25])
    expect(
      answers.map((answer) => answer.kind === 'serving' && (answer.entries[0]?.key ?? null)),
    ).toEqual(asked.map((key) => (Number(key) < 20 ? key : null)))
  })

  test('tell each reader what the call told of the view', async () => {
    const store = await servingStore([user('1')], '16/1')
    await doubt(store)
    const { app, served } = await apiOver(store)
    await app.close()
    const reads = new ReadQueue(served, options)
    const [one, none] = await Promise.all([reads.read(['1']), reads.read(['2'])])
    const told = {
      view: expect.objectContaining({ name: 'user-information' }),
      ageMs: expect.any(Number),
      doubts: ['table-rewritten'],
    }
    expect(one).toMatchObject({ ...told, entries: [{ key: '1' }] })
    expect(none).toMatchObject({ ...told, entries: [null] })
  })

  test('ask for fewer keys at once where each costs the store more', async () => {
    const served = await servedWith([user('1')])
    const calls: number[] = []
    const reads = new ReadQueue(
      { read: (keys) => (calls.push(keys.length), served.read(keys)) },
      { ...options, weight: 31 },
    )
    const asked = Array.from({ length: 70 }, (_, i) => String(i))
    await Promise.all(asked.map((key) => reads.read([key])))
    expect(calls).toEqual([32, 32, 6])
  })

  test('never ask for more keys at once than a store takes', async () => {
    const served = await servedWith([user('1')])
    const calls: number[] = []
    const reads = new ReadQueue(
      { read: (keys) => (calls.push(keys.length), served.read(keys)) },
      options,
    )
    const answers = await Promise.all(
      Array.from({ length: 2_500 }, (_, i) => reads.read([String(i)])),
    )
    expect(calls).toEqual([1_000, 1_000, 500])
    expect(answers).toHaveLength(2_500)
  })

  test('one broken key fails alone', async () => {
    const served = await servedWith([user('1'), user('2'), user('3')])
    const read: Reads['read'] = (keys) =>
      keys.includes('2')
        ? Promise.reject(new MillraceError('store-type', 'user 2 is a list'))
        : served.read(keys)
    const reads = new ReadQueue({ read }, options)
    const answers = await Promise.allSettled(['1', '2', '2', '3'].map((key) => reads.read([key])))
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
    const served = await servedWith([user('1')])
    let hangs = true
    const never = new Promise<ViewAnswer>(() => undefined)
    const reads = new ReadQueue({ read: (keys) => (hangs ? never : served.read(keys)) }, options)
    const began = performance.now()
    for (let turn = 0; turn < 30; turn += 1) {
      const read = reads.read(['1'])
      await expect(Promise.race([read, turned()])).resolves.toBe('turned')
      read.catch(() => undefined)
    }
    await expect(reads.read(['1'])).rejects.toMatchObject({ code: 'read-timeout', retriable: true })
    expect(performance.now() - began).toBeLessThan(1_000)
    hangs = false
    await expect(reads.read(['1'])).resolves.toMatchObject({ entries: [{ key: '1' }] })
  })

  test('lets no more wait than the bound', async () => {
    const reads = new ReadQueue(
      { read: () => new Promise<ViewAnswer>(() => undefined) },
      { timeoutMs: 50, readsMax: 3 },
    )
    const waiting = ['1', '2', '3'].map((key) => reads.read([key]))
    await expect(reads.read(['4'])).rejects.toMatchObject({ code: 'overloaded' })
    await Promise.allSettled(waiting)
    const later = reads.read(['5'])
    await expect(later).rejects.toMatchObject({ code: 'read-timeout' })
  })
})

function turned(): Promise<string> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve, 'turned')))
}
