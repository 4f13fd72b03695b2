import {
  judgeSheets,
  passageOfSheet,
  takeSheet,
  type LookParts,
  type Sheet,
} from '../../src/reconcile/look.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { chunks } from '../../src/reconcile/lists.ts'
import type { Page } from '../../src/source/source.ts'
import { encodePass, newLap } from '../../src/reconcile/pass-state.ts'
import { anchorOfSheet } from '../../src/reconcile/steps.ts'
import { limits } from '../../src/store/limits.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import type { Epoch } from '../../src/store/state.ts'
import { neverArrives } from '../support/fake-outside.ts'
import { book, changed } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aDoubt } from '../store/store-fixture.ts'
import { authors, books, but, Compared, held, kindsOf, prizes, seen } from './look-fixture.ts'

let world: Compared

beforeEach(async () => {
  world = new Compared()
  await world.start()
})

const ticket = undefined
const everything: Page = { kind: 'range', after: undefined, keysMax: 1_000 }

const sheetOf = (page: Page = everything): Promise<Sheet> => takeSheet(world.plan(), page)

function judged(sheets: readonly Sheet[], parts: Partial<LookParts> = {}) {
  const judging = judgeSheets({ ...world.plan(), ...parts }, sheets, {
    ticket,
    signal: world.signal,
  })
  return world.clock.until(judging)
}

/** Every look asked of the store. */
function lookedAt(): LookQuestion[] {
  const { audit } = world.plan()
  const asked: LookQuestion[] = []
  world.store.audit = () => ({
    ...bound(audit),
    look: (question) => {
      asked.push(question)
      return audit.look(question)
    },
  })
  return asked
}

const bound = (audit: ReturnType<Compared['plan']>['audit']): typeof audit => ({
  look: (question) => audit.look(question),
  correct: (step) => audit.correct(step),
  scan: (cursor) => audit.scan(cursor),
  sweep: (epoch, keys, fields) => audit.sweep(epoch, keys, fields),
  progress: (step) => audit.progress(step),
})

describe('a look by which somebody corrects', () => {
  const judgedFor = (sheets: readonly Sheet[], left: string | undefined) =>
    world.clock.until(judgeSheets(world.plan(), sheets, { ticket: left, signal: world.signal }))

  test('tells nothing once something is doubted beyond what it stands behind', async () => {
    world.both('1', held('Ada'))
    const sheet = await sheetOf()
    await world.raise(aDoubt('x', { barrier: 2 }))
    await expect(judgedFor([sheet], 'ticket')).rejects.toMatchObject({
      code: 'look-void',
      message: 'something is doubted since the truth was told',
    })
    // Whoever only looks does so twice before it says anything.
    expect(kindsOf(await judgedFor([sheet], undefined))).toEqual({ 1: 'right' })
  })

  test('stands behind a doubt that does not reach beyond it', async () => {
    world.both('1', held('Ada'))
    await world.raise(aDoubt('x', { barrier: 1 }))
    expect(kindsOf(await judgedFor([await sheetOf()], 'ticket'))).toEqual({ 1: 'right' })
  })

  test('tells nothing either when that doubt was ended meanwhile', async () => {
    world.both('1', held('Ada'))
    const sheet = await sheetOf()
    const lap = newLap(undefined, 'build', await world.state(), 0)
    world.data.state = { ...world.data.state!, pass: encodePass({ ...lap, floor: 2 }) }
    await expect(judgedFor([sheet], 'ticket')).rejects.toMatchObject({ code: 'look-void' })
  })

  test('names the session that keeps it before what is doubted', async () => {
    world.heldBackBy = ['pid 7 of alice']
    const sheet = await sheetOf()
    await world.raise(aDoubt('x', { barrier: 2 }))
    await expect(judgedFor([sheet], 'ticket')).rejects.toMatchObject({
      code: 'look-behind',
      message: 'a transaction is older than what is doubted: pid 7 of alice',
    })
  })
})

describe('a sheet', () => {
  test('has the truth of a page and its keys, each once', async () => {
    world.rows.set('1', held('Ada'))
    world.rows.set('2', held('Bob'))
    const page = { kind: 'keys', keys: ['2', '7', '2'] } as const
    const sheet = await sheetOf(page)
    expect(sheet.keys).toEqual(['2', '7'])
    expect([...sheet.truth.entries.keys()]).toEqual(['2'])
    expect(sheet.page).toBe(page)
    expect((await sheetOf()).keys).toEqual(['1', '2'])
  })

  test('is marked, each with a text of its own, once markers are read', async () => {
    const markers: string[] = []
    const { source } = world.plan()
    const asked = {
      truth: (...[view, page, marker]: Parameters<typeof source.truth>) => {
        markers.push(marker)
        world.outside.asked.push('truth')
        return source.truth(view, page, marker)
      },
    }
    const [one, two] = [
      await takeSheet({ ...world.plan(), source: asked }, everything),
      await takeSheet({ ...world.plan(), source: asked }, everything),
    ]
    expect(markers).toEqual([one.marker, two.marker])
    expect(one.marker).not.toBe(two.marker)
    expect(world.outside.asked.filter((what) => what !== 'mark').slice(-4)).toEqual([
      'ready',
      'truth',
      'ready',
      'truth',
    ])
  })

  test('has the first barrier as its passage that its snapshot precedes', async () => {
    const sheet = await sheetOf()
    expect(passageOfSheet(world, sheet)?.number).toBe(2)
    world.snapshot = '250:250:'
    const later = await sheetOf()
    expect(passageOfSheet(world, later)).toBeUndefined()
    await world.publish(world.barrier(3, 10))
    expect(passageOfSheet(world, later)?.number).toBe(3)
  })
})

describe('a look judges', () => {
  test('what is right and what is wrong', async () => {
    world.both('1', held('Ada', 2n))
    world.rows.set('2', held('Bob', 1n))
    world.keep('2', held('Bob', 3n))
    world.keep('3', held('Eve'))
    const range = await sheetOf()
    const asked = await sheetOf({ kind: 'keys', keys: ['3', '4'] })
    const judgement = await judged([range, asked])
    expect(kindsOf(judgement)).toEqual({ 1: 'right', 2: 'wrong', 3: 'wrong', 4: 'right' })
    expect(judgement.verdicts.get('2')).toMatchObject({ correction: { add: { bookCount: -2n } } })
    expect(judgement.unproved.size).toBe(0)
  })

  test('by what its snapshot does not see, between anchor and checkpoints', async () => {
    world.rows.set('1', held('Ada', 2n))
    world.keep('1', held('Ada', 3n))
    world.topics.append(books, changed(book(7, 1, 160)), changed(book(8, 1, 170)))
    const sheet = await sheetOf()
    expect(kindsOf(await judged([sheet]))).toEqual({ 1: 'wrong' })
    world.stands(books, 11)
    expect(kindsOf(await judged([sheet]))).toEqual({ 1: 'right' })
    world.stands(books, 12)
    expect(kindsOf(await judged([sheet]))).toEqual({ 1: 'wrong' })
  })

  test('from the anchor on that fits its own snapshot', async () => {
    world.topics.append(books, changed(book(7, 1, 130)), changed(book(8, 2, 240)))
    await world.publish(world.barrier(3, 11))
    world.stand(12)
    world.topics.skip(authors, 2)
    world.topics.skip(prizes, 2)
    world.rows.set('1', held('Ada'))
    world.keep('1', held('Ada', 1n))
    world.snapshot = '120:120:'
    const early = await sheetOf({ kind: 'keys', keys: ['1'] })
    world.both('2', held('Bob', 1n))
    world.rows.set('2', held('Bob'))
    world.snapshot = '230:230:'
    const late = await sheetOf({ kind: 'keys', keys: ['2'] })
    expect(kindsOf(await judged([early, late]))).toEqual({ 1: 'right', 2: 'right' })
  })

  test('leaving its ticket with every entry', async () => {
    world.both('1', held('Ada'))
    const sheets = [await sheetOf({ kind: 'keys', keys: ['1', '2'] })]
    await judgeSheets(world.plan(), sheets, { ticket: 'left', signal: world.signal })
    expect([...world.data.tickets]).toEqual([
      ['1', 'left'],
      ['2', 'left'],
    ])
  })

  test('in steps that the store allows, two at once', async () => {
    const asked = lookedAt()
    const keys = Array.from({ length: limits.lookKeysMax * 5 + 1 }, (_, index) => String(index))
    for (const key of keys) world.both(key, held('Ada'))
    const inner = world.plan().audit
    let [under, most] = [0, 0]
    const audit = {
      look: async (question: LookQuestion) => {
        under += 1
        most = Math.max(most, under)
        await settled()
        under -= 1
        return inner.look(question)
      },
    }
    const judgement = await judged([await sheetOf()], { audit })
    expect(most).toBe(2)
    expect(asked.map(({ keys: of }) => of.length)).toEqual([100, 100, 100, 100, 100, 1])
    expect(judgement.verdicts.size).toBe(keys.length)
    expect(new Set(Object.values(kindsOf(judgement)))).toEqual(new Set(['right']))
  })

  test('no entry by a table of which a record can not be computed', async () => {
    world.rows.set('1', held('Ada', 2n))
    world.keep('1', held('Ada', 5n))
    world.topics.append(books, { kind: 'undecodable', reason: 'bytes' })
    world.stands(books, 11)
    const judgement = await judged([await sheetOf()])
    expect(kindsOf(judgement)).toEqual({ 1: 'right' })
    expect([...judgement.unproved]).toEqual(['books'])
  })

  test('no entry by a table one of whose partitions has no anchor', async () => {
    world.data.checkpoints.set('t.public.books/1', world.data.checkpoints.get(books)!)
    world.rows.set('1', held('Ada', 2n, 1n))
    world.keep('1', held('Ada', 5n, 1n))
    await world.publish(world.barrier(3, 10, { ends: withMore() }))
    world.snapshot = '250:250:'
    world.horizon = '150'
    const judgement = await judged([await sheetOf()])
    expect(kindsOf(judgement)).toEqual({ 1: 'right' })
    expect([...judgement.unproved]).toEqual(['books'])
  })
})

const withMore = () =>
  new Map([...but(10, {}), ['t.public.books/1', but(10, {}).get(books)!] as const])

test('a checkpoint of a topic that the view has nothing to do with is none of a look', async () => {
  world.both('1', held('Ada'))
  world.stands('t.public.loans/0', 3)
  const judgement = await judged([await sheetOf()])
  expect(kindsOf(judgement)).toEqual({ 1: 'right' })
  expect(judgement.unproved.size).toBe(0)
})

test('a judgement tells how long the store, the log and the process were busy with it', async () => {
  world.both('1', held('Ada'))
  const { audit } = world.plan()
  const slow = {
    look: async (question: LookQuestion) => {
      await world.clock.sleep(70)
      return audit.look(question)
    },
  }
  world.outside.arrives = async () => {
    await world.clock.sleep(500)
    return true
  }
  expect((await judged([await sheetOf()], { audit: slow })).busyMs).toBe(70)
})

describe('a look waits', () => {
  test('for the marker of every sheet', async () => {
    world.both('1', held('Ada'))
    const sheets = [await sheetOf(), await sheetOf()]
    const asked: string[] = []
    world.outside.arrives = (marker, signal) => {
      asked.push(marker)
      return marker === sheets[1]!.marker ? neverArrives(marker, signal) : Promise.resolve(true)
    }
    const startedMs = world.clock.monotonicMs()
    await expect(judged(sheets)).rejects.toMatchObject({
      code: 'look-behind',
      message: expect.stringContaining('has not arrived in the log within 60 s'),
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(60_000)
    expect([...new Set(asked)]).toEqual(sheets.map(({ marker }) => marker))
  })

  test('no longer for its marker than 5 s once the log has what was committed behind it', async () => {
    world.both('1', held('Ada'))
    const sheet = await sheetOf()
    world.outside.arrives = neverArrives
    const startedMs = world.clock.monotonicMs()
    const lsn = lsnFromInteger(sheet.truth.markerLsn + 8n)
    const judging = judged([sheet])
    void world.clock
      .sleep(12_000)
      .then(() => world.publish(world.barrier(3, 10, { lsn, history: 'another' })))
    void world.clock.sleep(18_000).then(() => world.publish(world.barrier(4, 10, { lsn })))
    await expect(judging).rejects.toMatchObject({
      code: 'look-behind',
      message: expect.stringContaining('the log goes on behind the marker of a look'),
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(25_000)
  })

  test('for a barrier that all its snapshots precede', async () => {
    world.both('1', held('Ada'))
    const early = await sheetOf()
    world.snapshot = '250:250:'
    const late = await sheetOf()
    const judging = judged([early, late])
    void world.clock.sleep(1_000).then(() => world.publish(world.barrier(3, 10)))
    expect(kindsOf(await judging)).toEqual({ 1: 'right' })
  })

  test.each([
    ['last', false],
    ['first', true],
  ])('for the barrier that its newest snapshot needs, which comes %s', async (_, first) => {
    world.both('1', held('Ada'))
    const early = await sheetOf()
    world.snapshot = '250:250:'
    const late = await sheetOf()
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 11 }) }))
    const judgement = await judged(first ? [late, early] : [early, late])
    expect([...judgement.unproved]).toEqual(['books'])
  })

  test('for no barrier longer than a minute', async () => {
    world.snapshot = '250:250:'
    const sheet = await sheetOf()
    const startedMs = world.clock.monotonicMs()
    await expect(judged([sheet])).rejects.toMatchObject({
      code: 'look-behind',
      message: 'no barrier was published within 60 s',
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(60_000)
  })

  test('until the checkpoints have passed the last barrier that it needs', async () => {
    world.both('1', held('Ada', 1n))
    const early = await sheetOf()
    world.snapshot = '250:250:'
    const late = await sheetOf()
    await world.publish(world.barrier(3, 14))
    world.stand(13)
    const asked = lookedAt()
    let [settledAt, askedBefore] = [0, 0]
    const later = async () => {
      await world.clock.sleep(1_000)
      askedBefore = asked.length
      world.stand(14)
      for (const name of [authors, books, prizes]) world.topics.skip(name, 4)
      settledAt = world.clock.monotonicMs()
    }
    void later()
    expect(kindsOf(await judged([early, late]))).toEqual({ 1: 'right' })
    expect([askedBefore, asked.length]).toEqual([0, 2])
    expect(world.clock.monotonicMs() - settledAt).toBeLessThanOrEqual(25)
  })

  test('for a table that stands still no longer than five seconds, and leaves it out', async () => {
    world.rows.set('1', held('Ada', 1n, 1n))
    world.keep('1', held('Eve', 2n, 2n))
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 11 }) }))
    const startedMs = world.clock.monotonicMs()
    const judgement = await judged([await sheetOf()])
    expect(world.clock.monotonicMs() - startedMs).toBe(5_000)
    expect([...judgement.unproved]).toEqual(['books'])
    expect(judgement.verdicts.get('1')).toMatchObject({
      differences: [{ field: 'prizeCount' }, { field: 'name' }],
    })
  })

  test('for a partition of which the barrier tells nothing as for one that stands still', async () => {
    world.both('1', held('Ada'))
    world.snapshot = '250:250:'
    const ends = but(10, {})
    ends.delete(prizes)
    await world.publish(world.barrier(3, 10, { ends }))
    expect([...(await judged([await sheetOf()])).unproved]).toEqual(['prizes'])
  })

  test('for a view that stands still as a whole no longer than that, and fails', async () => {
    world.stand(9)
    const startedMs = world.clock.monotonicMs()
    await expect(judged([await sheetOf()])).rejects.toMatchObject({
      code: 'look-behind',
      message: 'the view has not passed a barrier in time',
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(5_000)
  })

  test('for nothing once it is given up', async () => {
    world.stand(9)
    const judging = judgeSheets(world.plan(), [await sheetOf()], { ticket, signal: world.signal })
    const failure = judging.catch((error: unknown) => error)
    await world.clock.advance(100)
    world.end.abort()
    expect(await failure).toMatchObject({ code: 'look-void', message: 'the look was given up' })
  })
})

describe('a look is void', () => {
  const turned = (): Epoch => {
    world.data.state = { ...world.data.state!, epoch: 'another' as Epoch }
    return world.data.state.epoch
  }
  const voided = { code: 'look-void', message: 'the view has turned its epoch' }

  test('when the watch knows of another epoch', async () => {
    const plan = world.plan()
    const sheet = await takeSheet(plan, everything)
    turned()
    await world.watch.ask()
    await expect(
      judgeSheets(plan, [sheet], { ticket, signal: world.signal }),
    ).rejects.toMatchObject(voided)
    world.data.state = undefined
    await world.watch.ask()
    await expect(
      judgeSheets(plan, [sheet], { ticket, signal: world.signal }),
    ).rejects.toMatchObject(voided)
  })

  test.each(['its marker', 'a barrier'])(
    'when the epoch turns while it waits for %s',
    async (what) => {
      world.both('1', held('Ada'))
      if (what === 'a barrier') world.snapshot = '250:250:'
      const sheet = await sheetOf()
      if (what === 'its marker') world.outside.arrives = neverArrives
      const startedMs = world.clock.monotonicMs()
      const judging = judged([sheet])
      void world.clock.sleep(7_000).then(() => {
        turned()
        return world.watch.ask()
      })
      await expect(judging).rejects.toMatchObject(voided)
      expect(world.clock.monotonicMs() - startedMs).toBeLessThanOrEqual(10_000)
    },
  )

  test('when the epoch has turned before it knows of the checkpoints', async () => {
    const asked = lookedAt()
    const plan = world.plan()
    const sheet = await takeSheet(plan, everything)
    turned()
    await expect(
      judgeSheets(plan, [sheet], { ticket, signal: world.signal }),
    ).rejects.toMatchObject(voided)
    expect(asked).toEqual([])
  })

  test('when the epoch turns before the entries are read', async () => {
    world.both('1', held('Ada'))
    const plan = world.plan()
    const audit = {
      look: (question: LookQuestion) => {
        turned()
        return plan.audit.look(question)
      },
    }
    await expect(judged([await sheetOf()], { audit })).rejects.toMatchObject(voided)
  })

  test.each([
    ['a table', { tables: { authors: { oid: 1, files: [99], identity: 'f' } } }],
    ['the publication', { publication: { oid: 9 } }],
    ['the slot', { slot: { name: 'other' } }],
  ])('when the source shows another set-up of %s than is known', async (_, altered) => {
    const before = await sheetOf()
    world.outside.setup = { ...world.outside.setup, ...altered }
    const after = await sheetOf()
    await expect(judged([before, after])).rejects.toMatchObject({
      code: 'look-void',
      message: 'the set-up of the source was altered',
    })
  })

  test('when the source is another one than is known', async () => {
    world.outside.history = '7/2'
    await expect(judged([await sheetOf()])).rejects.toMatchObject({ code: 'look-void' })
  })
})

test('without a known set-up every set-up will do', async () => {
  world.data.state = { ...world.data.state!, fingerprint: undefined }
  await world.watch.ask()
  world.both('1', held('Ada'))
  expect(kindsOf(await judged([await sheetOf()]))).toEqual({ 1: 'right' })
})

describe('without an anchor', () => {
  test('a look says which session holds it up', async () => {
    world.horizon = '90'
    world.heldBackBy = ['session 7 of psql', 'session 8']
    const sheet = await sheetOf()
    const failure = {
      code: 'look-behind',
      message: 'an open transaction is older than every barrier that is kept: session 7 of psql',
      hint: expect.any(String),
    }
    expect(() => anchorOfSheet(world, sheet)).toThrow(expect.objectContaining(failure))
    await expect(judged([sheet])).rejects.toMatchObject(failure)
  })

  test('a look that nobody holds up says that there is no barrier yet', async () => {
    world.horizon = '90'
    const sheet = await sheetOf()
    expect(() => anchorOfSheet(world, sheet)).toThrow(
      expect.objectContaining({
        code: 'look-behind',
        message: 'no barrier reaches back to before the snapshot yet',
        hint: undefined,
      }),
    )
  })

  test('a look whose anchor the log has lost says who has it read so far back', async () => {
    world.both('1', held('Ada'))
    const sheet = await sheetOf()
    world.topics.append(books, changed(book(7, 1, 160)), changed(book(8, 1, 170)))
    world.stands(books, 12)
    world.topics.drop(books, 11)
    await expect(judged([sheet])).rejects.toMatchObject({ code: 'out-of-range' })
    world.heldBackBy = ['session 7 of psql']
    await expect(judged([await sheetOf()])).rejects.toMatchObject({
      code: 'look-behind',
      message: expect.stringMatching(
        /^an open transaction is older than what the log holds: session 7 of psql \(.*books.* 10/,
      ),
      hint: 'End that session, or wait until it commits.',
    })
  })

  test('none is looked for where there is one', async () => {
    const sheet = await sheetOf()
    expect(anchorOfSheet(world, sheet).number).toBe(1)
    await world.publish(world.barrier(3, 10, seen(140)))
    expect(anchorOfSheet(world, sheet).number).toBe(3)
  })
})

test('chunks are as long as they may be, the last one as long as it is', () => {
  expect(chunks([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]])
  expect(chunks([1, 2], 2)).toEqual([[1, 2]])
  expect(chunks([], 2)).toEqual([])
})
