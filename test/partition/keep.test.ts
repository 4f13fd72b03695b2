import { MillraceError } from '../../src/errors.ts'
import { read, remove } from '../support/builders.ts'
import { at, book, changed, library, recordOf } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aBarrier, aDoubt, checkpoint, offsets } from '../store/store-fixture.ts'
import { Kept, name } from './keep-fixture.ts'

const books = (...ids: readonly number[]) => ids.map((id) => changed(book(id, 1)))

let kept: Kept

beforeEach(() => {
  kept = new Kept()
})

afterEach(async () => {
  kept.lost.abort()
  await kept.kept?.catch(() => undefined)
})

describe('a partition', () => {
  test('waits until the view is begun, and is applied then', async () => {
    kept.keep()
    await settled()
    expect(kept.plans).toEqual([])
    kept.topics.append(name, ...books(1, 2))
    await kept.begin()
    await settled()
    expect(await kept.books(1)).toEqual(['2'])
    expect(await kept.checkpoint()).toMatchObject({ next: at(12), windowFrom: at(10) })
    kept.topics.append(name, ...books(3))
    await settled()
    expect(await kept.books(1)).toEqual(['3'])
    expect(kept.topics.noted).toEqual([`${name} 12`, `${name} 13`])
    await kept.end()
  })

  test.each([
    ['another', 7, [`second-key-schema ${name}`]],
    ['the same', 'k'.charCodeAt(0), []],
  ])('without records is told the schema of its topic’s keys, %s', async (_, keySchema, doubts) => {
    await kept.begin()
    kept.data.checkpoints.set('t.public.books/1', checkpoint(3, { keySchema }))
    kept.data.checkpoints.set('t.public.prizes/0', checkpoint(3, { keySchema: 9 }))
    kept.topics.append(name, ...books(1))
    kept.keep()
    await kept.turn()
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.doubts()).toEqual(doubts)
  })

  test('without records is told of a schema that its topic has had since it began', async () => {
    await kept.begin()
    kept.data.checkpoints.set('t.public.books/1', checkpoint(3, { keySchema: undefined }))
    kept.keep()
    await kept.turn()
    kept.data.checkpoints.set('t.public.books/1', checkpoint(4, { keySchema: 7 }))
    kept.topics.append(name, ...books(1))
    await kept.turn()
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.doubts()).toEqual([`second-key-schema ${name}`])
  })

  test('without records is told of a schema that another one has with its first batch', async () => {
    await kept.begin()
    const other = (keySchema?: number) =>
      kept.data.checkpoints.set('t.public.books/1', checkpoint(3, { keySchema }))
    other()
    const { writer } = kept
    kept.write({
      commit: (commit) => {
        other(7)
        return writer.commit(commit)
      },
    })
    kept.topics.append(name, ...books(1))
    kept.keep()
    await kept.turn()
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.doubts()).toEqual([`second-key-schema ${name}`])
  })

  test('that ended when it had written down its first schema asks the others again', async () => {
    await kept.begin()
    kept.data.checkpoints.set(
      name,
      checkpoint(10, { windowFrom: at(10), keySchema: 'k'.charCodeAt(0) }),
    )
    kept.data.checkpoints.set('t.public.books/1', checkpoint(3, { keySchema: 7 }))
    kept.topics.append(name, ...books(1))
    kept.keep()
    await kept.turn()
    expect(await kept.doubts()).toEqual([`second-key-schema ${name}`])
  })

  test('that is lost before the view is begun is given back', async () => {
    kept.keep()
    kept.lost.abort()
    await kept.kept
    expect(kept.plans).toHaveLength(0)
  })

  test('without a checkpoint waits for another epoch', async () => {
    kept.topics.append(name, ...books(1))
    const epoch = await kept.store.coordination.open({
      declaration: { id: 'd', declaration: '{}', complete: false },
      topics: { 't.public.books': 1 },
      checkpoints: new Map(),
      fingerprint: '{}',
      barrier: aBarrier('0/8', 0, { number: 1 }),
    })
    await kept.watch.ask()
    kept.keep()
    await kept.turn()
    expect(kept.plans).toHaveLength(1)
    expect(kept.topics.seeks).toEqual([])
    await kept.turnEpoch(10)
    await kept.turn()
    expect(kept.plans.map((state) => state.epoch === epoch)).toEqual([true, false])
    expect(await kept.books(1)).toEqual(['1'])
  })

  test('goes on in the next epoch from the checkpoint that it finds there', async () => {
    await kept.begin()
    kept.keep()
    await settled()
    await kept.turnEpoch(11)
    kept.topics.append(name, ...books(1, 2))
    await kept.turn()
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.checkpoint()).toMatchObject({ next: at(12) })
  })

  test('to which nothing comes goes on in the next epoch as well', async () => {
    await kept.begin()
    kept.keep()
    await settled()
    const { epoch } = await kept.state()
    await kept.turnEpoch(10)
    await kept.watch.ask()
    await kept.clock.advance(600)
    expect(kept.plans.map((state) => state.epoch === epoch)).toEqual([true, false])
  })

  test('whose store was emptied waits until the view is begun anew', async () => {
    await kept.begin()
    kept.keep()
    await settled()
    kept.data.state = undefined
    kept.data.checkpoints.clear()
    await kept.watch.ask()
    await kept.clock.advance(10_000)
    expect(kept.plans).toHaveLength(1)
    expect(kept.over).toBe(false)
    await kept.begin()
    await settled()
    expect(kept.plans).toHaveLength(2)
  })

  test('of which another process has written goes on from where the store is', async () => {
    const epoch = await kept.begin()
    kept.keep()
    await settled()
    await kept.writer.commit({
      epoch,
      partition: {
        topic: 't.public.books',
        partition: 0,
      },
      from: at(10),
      to: checkpoint(11, { windowFrom: at(10) }),
      mutations: [],
      parked: [],
      doubts: [],
    })
    kept.topics.append(name, ...books(1, 2))
    await settled()
    expect(await kept.books(1)).toEqual(['1'])
  })

  test('lets a bug through', async () => {
    await kept.begin()
    kept.topics.append(name, new TypeError('a bug'))
    kept.keep()
    await expect(kept.kept).rejects.toThrow('a bug')
  })

  test('says nothing of what failed when it was lost', async () => {
    await kept.begin()
    const { lost } = kept
    kept.write({
      checkpoints: () => {
        lost.abort()
        return Promise.reject(new MillraceError('store-away', 'x'))
      },
    })
    kept.keep()
    await kept.kept
    expect(kept.recorded.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })

  test('that was lost while it was read again applies nothing', async () => {
    await kept.begin()
    kept.topics.append(name, ...books(1))
    const { lost, writer } = kept
    kept.write({
      checkpoints: async (epoch) => {
        lost.abort()
        return writer.checkpoints(epoch)
      },
    })
    kept.keep()
    await kept.kept
    expect(kept.recorded.lines.map(({ msg }) => msg)).not.toContain('applying')
  })
})

describe('the window', () => {
  const barrier = (from: number, ends: number) =>
    aBarrier('0/9', 0, {
      from: offsets({ [name]: from }),
      ends: offsets({ [name]: ends }),
    })
  const window = (from: number) => checkpoint(13, { windowFrom: at(from) })

  test.each([
    ['moves to where a barrier began that is passed', 10, barrier(12, 13), 12],
    ['stays where no barrier is passed', 10, barrier(12, 14), 10],
    ['never moves back', 12, barrier(11, 13), 12],
  ])('%s', async (_, windowFrom, passed, from) => {
    kept.topics.append(name, ...books(1, 2, 3))
    await kept.begin(window(windowFrom))
    await kept.store.coordination.publish(passed, [])
    await kept.watch.ask()
    kept.keep()
    await settled()
    expect(kept.topics.seeks[0]).toBe(`${name} ${from}`)
    expect(kept.recorded.lines).toMatchObject([{ windowFrom: from, remembered: 13 - from }])
  })
})

describe('a failed fetch', () => {
  const failed = new MillraceError('fetch-failed', 'x')

  test('is followed by a proof, and what was remembered stays', async () => {
    await kept.begin()
    kept.keep()
    kept.topics.append(name, ...books(1, 2))
    await settled()
    kept.topics.failure = failed
    kept.topics.append(name, ...books(2, 3))
    await kept.clock.advance(600)
    expect(await kept.books(1)).toEqual(['3'])
    expect(kept.plans).toHaveLength(1)
    expect(kept.topics.seeks).toContain(`${name} 11`)
  })

  test('behind which another log stands is a doubt, and waits for another epoch', async () => {
    await kept.begin()
    kept.keep()
    kept.topics.append(name, ...books(1, 2))
    await settled()
    kept.topics.begin(name, 0)
    for (let offset = 0; offset < 14; offset += 1) {
      const other = changed(book(20 + offset, 1))
      kept.topics.add(name, recordOf(offset, other, { timestampMs: 8 }))
    }
    kept.topics.failure = failed
    await kept.clock.advance(600)
    const { doubts } = await kept.state()
    expect(doubts).toMatchObject([
      { name: `another-log ${name}`, restart: { how: 'anew', partitions: [name] } },
    ])
    expect(kept.plans).toHaveLength(1)
    await kept.clock.advance(10_000)
    expect(kept.plans).toHaveLength(1)
    await kept.turnEpoch(13)
    await kept.turn()
    expect(await kept.checkpoint()).toMatchObject({ next: at(14) })
    expect(await kept.books(1)).toEqual(['3'])
  })

  test('in the middle of a proof is tried again from the store', async () => {
    await kept.begin()
    kept.keep()
    kept.topics.append(name, ...books(1))
    await settled()
    kept.topics.failure = failed
    kept.topics.boundsFailure = new MillraceError('kafka-away', 'x')
    await kept.clock.advance(600)
    kept.topics.boundsFailure = undefined
    kept.topics.append(name, ...books(2))
    await kept.clock.advance(1_000)
    expect(kept.plans).toHaveLength(2)
    expect(await kept.books(1)).toEqual(['2'])
    expect(await kept.problem()).toBeUndefined()
  })
})

describe('a fault', () => {
  test('is tried again after growing pauses, which end with the first that goes well', async () => {
    await kept.begin()
    const { writer } = kept
    let calls = 0
    const triedAtMs: number[] = []
    kept.write({
      checkpoints: (epoch) => {
        calls += 1
        triedAtMs.push(kept.clock.monotonicMs())
        if (calls <= 3) return Promise.reject(new MillraceError('store-away', 'x'))
        return writer.checkpoints(epoch)
      },
    })
    kept.keep()
    await kept.clock.advance(5_000)
    const pauses = triedAtMs.slice(1, 4).map((ms, index) => ms - triedAtMs[index]!)
    expect(pauses).toHaveLength(3)
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(100 * 2 ** index)
      expect(pause).toBeLessThanOrEqual(200 * 2 ** index)
    }
    // Nothing came for a while, which is well: the next pause is short again.
    kept.topics.failure = new MillraceError('kafka-away', 'x')
    const before = kept.plans.length
    await kept.clock.advance(500)
    await kept.clock.advance(200)
    expect(kept.plans.length).toBe(before + 1)
  })

  test('of the plan is logged once and tried again', async () => {
    await kept.begin()
    kept.topics.append(name, ...books(1))
    kept.planFailure = new MillraceError('declaration-replaced', 'another one was applied')
    kept.keep()
    await kept.clock.advance(2_000)
    expect(kept.plans.length).toBeGreaterThan(2)
    const errors = kept.recorded.lines.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([{ code: 'declaration-replaced' }])
    expect(await kept.problem()).toBeUndefined()
    kept.planFailure = undefined
    // A pause that has begun by now lasts 3,200 ms at most.
    await kept.clock.advance(4_000)
    expect(await kept.books(1)).toEqual(['1'])
  })
})

describe('an entry that the view does not keep', () => {
  const wrong = new MillraceError('store-type', 'it is a list', { entry: '1' })

  test('is moved aside with a doubt in one step, and the partition goes on at once', async () => {
    await kept.begin()
    kept.failCommit(wrong)
    const displaced: unknown[] = []
    kept.write({
      displace: async (...all) => {
        displaced.push(all)
        return 'aside:1'
      },
      raise: async () => {
        throw new Error('a step of its own')
      },
    })
    kept.topics.append(name, ...books(1))
    kept.keep()
    await settled()
    const { epoch } = await kept.state()
    const doubt = { name: 'displaced-entry 1', keys: ['1'] }
    expect(displaced).toMatchObject([[epoch, '1', doubt]])
    expect(await kept.books(1)).toEqual(['1'])
    expect(kept.plans).toHaveLength(2)
  })

  test.each([
    ['is sound when it is looked at', wrong],
    ['is not named', new MillraceError('store-type', 'x')],
    ['overflows', new MillraceError('store-overflow', 'x', { entry: '1' })],
  ])('and that %s is reported, and tried again after a pause', async (_, error) => {
    await kept.begin()
    const displaced: unknown[] = []
    kept.failCommit(error)
    kept.write({
      displace: async (__, entry) => {
        displaced.push(entry)
        return undefined
      },
    })
    kept.topics.append(name, ...books(1))
    kept.keep()
    await settled()
    expect(await kept.problem()).toMatchObject({ code: error.code })
    expect(displaced).toStrictEqual(error === wrong ? ['1'] : [])
    expect(await kept.doubts()).toEqual([])
    await kept.clock.advance(300)
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.problem()).toBeUndefined()
  })
})

test('a doubt is logged once while it stands, and again when it is raised after its end', async () => {
  const change = read('books', { id: 1n }, { id: 1n, author: 1n })
  const cameLate = async () => {
    kept.topics.append(name, { kind: 'change', change })
    await settled()
    const told = kept.recorded.lines.filter(({ msg }) => msg === 'doubt raised')
    return told.map(({ level, code }) => [level, code])
  }
  const [first, more] = [
    ['error', 'late-snapshot'],
    ['debug', 'late-snapshot'],
  ]
  await kept.begin()
  await kept.raise(aDoubt('another one'))
  kept.keep()
  await settled()
  expect(await cameLate()).toEqual([first])
  // Before the watch has asked the store again, and long after.
  expect(await cameLate()).toEqual([first, more])
  await kept.watch.ask()
  await kept.clock.advance(60_000)
  expect(await cameLate()).toEqual([first, more, more])
  const { epoch, pass, doubts } = await kept.state()
  const ended = doubts.map(({ id }) => id)
  const step = { epoch, before: pass, after: '{}', ended, completed: [] }
  await kept.store.audit(library.layout).progress(step)
  await kept.watch.ask()
  expect(await cameLate()).toEqual([first, more, more, first])
})

describe('counts below zero', () => {
  const gone = changed(remove('books', { id: 9n }, { author: 7n }))

  test('are a doubt about their entries once every declaration is complete', async () => {
    await kept.begin()
    kept.keep()
    await settled()
    await kept.complete()
    kept.topics.append(name, gone)
    await settled()
    expect((await kept.state()).doubts).toMatchObject([
      { name: `below-zero ${name}`, tables: ['books'], keys: ['7'] },
    ])
  })

  test('are a doubt also where the store was away between the commit and the doubt', async () => {
    await kept.begin()
    const asked: string[] = []
    const { writer } = kept
    kept.write({
      raise: async (epoch, doubt) => {
        asked.push(`raise ${doubt.name}`)
        if (asked.length === 2) throw new MillraceError('store-away', 'away for a moment')
        return writer.raise(epoch, doubt)
      },
      commit: (commit) => {
        if (commit.mutations.length > 0) asked.push('commit')
        return writer.commit(commit)
      },
    })
    kept.keep()
    await settled()
    await kept.complete()
    kept.topics.append(name, gone)
    await settled()
    expect(await kept.doubts()).toEqual([])
    kept.topics.append(name, ...books(1))
    await kept.clock.advance(1_000)
    const raise = `raise below-zero ${name}`
    expect(asked).toEqual(['commit', raise, raise, 'commit'])
    expect(await kept.doubts()).toEqual([`below-zero ${name}`])
  })

  test('are none where nothing is below zero', async () => {
    await kept.begin()
    await kept.complete()
    kept.topics.append(name, ...books(1))
    kept.keep()
    await kept.clock.advance(1_100)
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.doubts()).toEqual([])
    expect(kept.over).toBe(false)
  })

  test('mean nothing while any declaration is being brought in', async () => {
    await kept.begin()
    await kept.complete()
    const { declarations } = await kept.state()
    await kept.turnEpoch(
      10,
      [],
      [...declarations, { ...declarations[0]!, id: 'x', complete: false }],
    )
    await kept.watch.ask()
    kept.topics.append(name, gone)
    kept.keep()
    await settled()
    expect(await kept.books(7)).toEqual(['-1'])
    expect(await kept.doubts()).toEqual([])
  })

  test('mean nothing while the view is being built', async () => {
    await kept.begin()
    kept.topics.append(name, gone)
    kept.keep()
    await settled()
    expect(await kept.books(7)).toEqual(['-1'])
    expect(await kept.doubts()).toEqual([])
  })
})

describe('a store that went back', () => {
  test('is noticed while nothing comes, within seconds', async () => {
    await kept.begin()
    kept.topics.append(name, ...books(1, 2))
    kept.keep()
    await settled()
    expect(await kept.books(1)).toEqual(['2'])
    kept.goBack(checkpoint(11, { windowFrom: at(10) }))
    await kept.clock.advance(2_900)
    expect(kept.plans).toHaveLength(1)
    await kept.clock.advance(1_000)
    expect(kept.plans).toHaveLength(2)
    expect(await kept.checkpoint()).toMatchObject({ next: at(12) })
  })

  test('is noticed as well where nothing is known of it any more', async () => {
    await kept.begin()
    kept.keep()
    await settled()
    kept.data.checkpoints.clear()
    await kept.clock.advance(4_000)
    expect(kept.plans).toHaveLength(2)
    expect(kept.over).toBe(false)
  })

  test('is asked now and then, and not in every turn', async () => {
    await kept.begin()
    const { writer } = kept
    const askedAtMs: number[] = []
    kept.write({
      checkpoints: (epoch) => {
        askedAtMs.push(kept.clock.monotonicMs())
        return writer.checkpoints(epoch)
      },
    })
    kept.keep()
    await kept.clock.advance(10_000)
    const pauses = askedAtMs.slice(1).map((ms, index) => ms - askedAtMs[index]!)
    expect(pauses).toEqual([3_000, 3_000, 3_000])
    expect(kept.plans).toHaveLength(1)
  })
})

test('a doubt that a commit raises is told to people', async () => {
  await kept.begin()
  kept.topics.append(name, { kind: 'undecodable', reason: 'no Avro' })
  kept.keep()
  await settled()
  expect(kept.recorded.lines).toContainEqual(
    expect.objectContaining({ level: 'error', code: 'undecodable-record' }),
  )
})
