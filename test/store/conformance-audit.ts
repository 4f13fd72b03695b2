import type { Correction } from '../../src/store/audit.ts'
import { absentText, encodeEntry } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { Epoch } from '../../src/store/state.ts'
import { add, put, unput, userFields, userLayout, widerLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aBeginning,
  aCommit,
  aDoubt,
  checkpoint,
  checkpointsOf,
  declared,
  doubtsOf,
  elsewhere,
  everyEntry,
  everyKey,
  manyPuts,
  offset,
  one,
  serving,
  stateOf,
  step,
  texts,
} from './store-fixture.ts'

const max = 2n ** 63n - 1n
const zeros = { tweetCount: 0n, followingCount: 0n, followerCount: 0n, likeCount: 0n }
const conflict = { kind: 'conflict' }

/** Comparing entries with the source, and correcting them. */
export function describeAudit(suite: Suite): void {
  describeLook(suite)
  describeCorrect(suite)
  describeTickets(suite)
  describeScan(suite)
  describeSweep(suite)
  describeProgress(suite)
}

function describeLook(suite: Suite): void {
  describe('look', () => {
    test('answers each entry as its text, in the order asked', async () => {
      const fields = {
        username: '',
        name: 'Ünï 😀',
        description: 'd'.repeat(300),
        location: '-;:+',
      }
      const counts = { likeCount: -max - 1n, tweetCount: max }
      await serving(suite.store, [
        { ...put('1', fields), add: counts },
        put('22'),
        add('3', { followerCount: 7n }),
      ])
      const text = (key: string, entry: Parameters<typeof encodeEntry>[2]) =>
        encodeEntry(userLayout, key, entry)
      const first = text('1', { fields: userFields(fields), counts: { ...zeros, ...counts } })
      expect(await texts(suite.store, ['22', '1', '404', '3', '1'])).toEqual([
        text('22', { fields: userFields(), counts: zeros }),
        first,
        absentText(userLayout),
        text('3', { fields: null, counts: { ...zeros, followerCount: 7n } }),
        first,
      ])
      expect(await texts(suite.store, [])).toEqual([])
    })

    test('answers what the layout has, also where it has no counter or no field', async () => {
      await serving(suite.store, [put('1', { name: 'Ada' }), add('2', { likeCount: 1n })])
      const bare = { ...userLayout, fields: [], counts: [] }
      const layouts = [{ ...userLayout, counts: [] }, { ...userLayout, fields: [] }, bare]
      for (const layout of layouts) {
        const counts = Object.fromEntries(layout.counts.map((name) => [name, 0n]))
        const present = { fields: userFields({ name: 'Ada' }), counts }
        const [first, second, third] = await texts(suite.store, ['1', '2', '3'], layout)
        expect(first).toBe(encodeEntry(layout, '1', present))
        const rowless = absentText({ ...layout, counts: layout.counts.slice(1) })
        const hidden = layout.counts.length === 0
        expect(second).toBe(hidden ? '!;' : `${rowless};1`)
        expect(third).toBe(absentText(layout))
      }
    })

    test('says which counters a row lacks that was put before they were declared', async () => {
      await serving(suite.store, [put('1')])
      const fields = { ...userFields(), motto: null }
      const lacking = encodeEntry(widerLayout, '1', { fields, counts: zeros })
      expect(lacking).toMatch(/;0;-$/)
      expect(await texts(suite.store, ['1'], widerLayout)).toEqual([lacking])
      const { epoch } = await stateOf(suite.store)
      const mutations = [{ entry: '1', put: fields, add: {} }]
      await suite.store.writer(widerLayout).commit(aCommit(epoch, { mutations }))
      const whole = encodeEntry(widerLayout, '1', { fields, counts: { ...zeros, mailCount: 0n } })
      expect(await texts(suite.store, ['1'], widerLayout)).toEqual([whole])
    })

    test('tells what says nothing and yet lies there from nothing', async () => {
      const epoch = await serving(suite.store)
      const mutations = [add('1', { mailCount: 5n })]
      await suite.store.writer(widerLayout).commit(aCommit(epoch, { mutations }))
      const nothing = absentText(userLayout)
      expect(await texts(suite.store, ['1', '2'])).toEqual([`!${nothing.slice(1)}`, nothing])
      await step(suite.store, 20, [unput('1')])
      expect(await texts(suite.store, ['1'])).toEqual([nothing])
    })

    test('answers entries and checkpoints of one moment', async () => {
      const keys = Array.from({ length: 50 }, (_, index) => String(index))
      const epoch = await serving(suite.store, manyPuts(0, 50))
      const other = await suite.another()
      const moments: string[] = []
      const stop = new AbortController()
      const looking = (async () => {
        while (!stop.signal.aborted) {
          const answer = await other.audit(userLayout).look({ epoch, keys, ticket: undefined })
          if (answer.kind === 'conflict') throw new Error('the epoch turned')
          const likes = new Set(answer.texts.map((text) => text.slice(text.lastIndexOf(';') + 1)))
          moments.push(`${[...likes].join()} at ${answer.checkpoints.get('users/0')?.next}`)
        }
      })()
      for (let at = 10; at < 40; at++) {
        await step(
          suite.store,
          at,
          keys.map((key) => add(key, { likeCount: 1n })),
        )
      }
      stop.abort()
      await looking
      const right = new Set(Array.from({ length: 31 }, (_, likes) => `${likes} at ${10 + likes}`))
      expect(moments.length).toBeGreaterThan(5)
      expect(moments.filter((moment) => !right.has(moment))).toEqual([])
      const answer = await other.audit(userLayout).look({ epoch, keys, ticket: undefined })
      expect(answer).toMatchObject({ checkpoints: await checkpointsOf(suite.store) })
    })

    test('conflicts when the epoch is another one, or there is none', async () => {
      const audit = suite.store.audit(userLayout)
      const question = { epoch: elsewhere, keys: ['1'], ticket: 't' }
      expect(await audit.look(question)).toEqual(conflict)
      await serving(suite.store, [put('1')])
      expect(await audit.look(question)).toEqual(conflict)
    })

    test('takes as many keys as it says and no more', async () => {
      const epoch = await serving(suite.store, manyPuts(0, limits.lookKeysMax))
      const keys = Array.from({ length: limits.lookKeysMax }, (_, index) => String(index))
      const found = await texts(suite.store, keys)
      expect(found.every((text) => text.startsWith('+'))).toBe(true)
      const more = { epoch, keys: [...keys, '-1'], ticket: undefined }
      const refused = suite.store.audit(userLayout).look(more)
      await expect(refused).rejects.toThrow(`at most ${limits.lookKeysMax}`)
    })
  })
}

/** Leaves the ticket `t`, unless told otherwise, with these entries. */
async function ticketed(suite: Suite, keys: readonly string[], ticket = 't') {
  const { epoch } = await stateOf(suite.store)
  const answer = await suite.store.audit(userLayout).look({ epoch, keys, ticket })
  expect(answer.kind).toBe('entries')
}

async function correct(suite: Suite, corrections: readonly Correction[], ticket = 't') {
  const { epoch } = await stateOf(suite.store)
  return suite.store.audit(userLayout).correct({ epoch, ticket, corrections })
}

const applied = { kind: 'applied', lost: [] }

function describeCorrect(suite: Suite): void {
  describe('correct', () => {
    test('adds amounts, puts and removes rows, once', async () => {
      await serving(suite.store, [
        { ...put('1'), add: { likeCount: 3n } },
        put('2'),
        { ...put('3'), add: { tweetCount: 1n } },
        add('4', { tweetCount: 9n }),
      ])
      await ticketed(suite, ['1', '2', '3', '4', '5'])
      const corrections = [
        add('1', { likeCount: -1n, tweetCount: 5n }),
        put('2', { name: 'Right' }),
        { ...unput('3'), add: { tweetCount: -1n } },
        add('4', { tweetCount: -9n }),
        { ...put('5'), add: { likeCount: 2n } },
      ]
      expect(await correct(suite, corrections)).toEqual(applied)
      const right = new Map([
        ['1', { fields: userFields(), counts: { ...zeros, likeCount: 2n, tweetCount: 5n } }],
        ['2', { fields: userFields({ name: 'Right' }), counts: zeros }],
        ['5', { fields: userFields(), counts: { ...zeros, likeCount: 2n } }],
      ])
      const found = await everyEntry(suite.store)
      expect(new Set(found.keys())).toEqual(new Set(right.keys()))
      for (const [key, entry] of right) expect(found.get(key)).toEqual({ ...entry, empty: false })
      const again = await correct(suite, corrections)
      expect(again).toEqual({ kind: 'applied', lost: [0, 1, 2, 3, 4] })
      expect(await everyEntry(suite.store)).toEqual(found)
    })

    test('leaves undone what no ticket was left for, or another one', async () => {
      await serving(suite.store, [put('1'), put('2'), put('3')])
      await ticketed(suite, ['1'], 'older')
      await ticketed(suite, ['2'])
      const likes = { likeCount: 1n }
      const lost = await correct(suite, [
        { ...put('1', { name: 'Wrong' }), add: likes },
        { ...put('2', { name: 'Right' }), add: likes },
        { ...unput('3'), add: likes },
      ])
      expect(lost).toEqual({ kind: 'applied', lost: [0, 2] })
      expect(await one(suite.store, '1')).toMatchObject({ fields: userFields(), counts: zeros })
      expect(await one(suite.store, '2')).toMatchObject({
        fields: { name: 'Right' },
        counts: likes,
      })
      expect(await one(suite.store, '3')).toMatchObject({ fields: userFields(), counts: zeros })
      expect(await correct(suite, [add('1', likes)], 'older')).toEqual(applied)
    })

    test('without a ticket leaves also what says nothing and yet lies there', async () => {
      const epoch = await serving(suite.store)
      const mutations = [add('1', { mailCount: 5n })]
      await suite.store.writer(widerLayout).commit(aCommit(epoch, { mutations }))
      expect(await correct(suite, [unput('1')])).toEqual({ kind: 'applied', lost: [0] })
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
      await ticketed(suite, ['1'])
      expect(await correct(suite, [unput('1')])).toEqual(applied)
      expect(await everyKey(suite.store)).toEqual(new Set())
    })

    test('is a conflict where there is no state', async () => {
      const corrections = [add('1', { likeCount: 1n })]
      const late = { epoch: elsewhere, ticket: 't', corrections }
      expect(await suite.store.audit(userLayout).correct(late)).toEqual(conflict)
      expect(await suite.store.audit(userLayout).sweep(elsewhere, ['1'], ['motto'])).toBe(false)
    })

    test('in another epoch changes nothing and leaves the tickets', async () => {
      await serving(suite.store, [put('1')])
      await ticketed(suite, ['1'])
      const corrections = [add('1', { likeCount: 1n })]
      const late = { epoch: elsewhere, ticket: 't', corrections }
      expect(await suite.store.audit(userLayout).correct(late)).toEqual(conflict)
      expect((await one(suite.store, '1'))?.counts).toEqual(zeros)
      expect(await correct(suite, corrections)).toEqual(applied)
    })

    test('that would overflow is refused whole and leaves the tickets', async () => {
      await serving(suite.store, [put('1'), { ...put('2'), add: { likeCount: max } }])
      await ticketed(suite, ['1', '2'])
      const first = { ...put('1', { name: 'Right' }), add: { likeCount: 1n } }
      const refused = correct(suite, [first, add('2', { likeCount: 1n })])
      await expect(refused).rejects.toMatchObject({ code: 'store-overflow', entry: '2' })
      expect(await one(suite.store, '1')).toMatchObject({ fields: userFields(), counts: zeros })
      expect(await correct(suite, [first, add('2', { likeCount: -1n })])).toEqual(applied)
      expect((await one(suite.store, '2'))?.counts.likeCount).toBe(max - 1n)
    })

    test('where the ticket was lost does not look at what would overflow', async () => {
      await serving(suite.store, [put('1'), { ...put('2'), add: { likeCount: max } }])
      await ticketed(suite, ['1'])
      const both = [add('1', { likeCount: 1n }), add('2', { likeCount: 1n })]
      expect(await correct(suite, both)).toEqual({ kind: 'applied', lost: [1] })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test('of two at once applies one', async () => {
      const epoch = await serving(suite.store, [put('1')])
      const other = await suite.another()
      await ticketed(suite, ['1'])
      const corrections = [add('1', { likeCount: 1n })]
      const answers = await Promise.all(
        [suite.store, other, suite.store, other].map((store) =>
          store.audit(userLayout).correct({ epoch, ticket: 't', corrections }),
        ),
      )
      const losers = answers.filter((answer) => answer.kind === 'applied' && answer.lost.length > 0)
      expect(losers).toHaveLength(3)
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(1n)
    })

    test('does not move checkpoints, nor what commits compare', async () => {
      await serving(suite.store, [put('1')])
      const before = await checkpointsOf(suite.store)
      await ticketed(suite, ['1'])
      await correct(suite, [add('1', { likeCount: 1n })])
      expect(await checkpointsOf(suite.store)).toEqual(before)
      expect(await step(suite.store, 10, [add('1', { likeCount: 1n })])).toMatchObject({
        kind: 'applied',
      })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(2n)
    })

    test('refuses what a caller must not ask', async () => {
      await serving(suite.store)
      const keys = Array.from({ length: limits.correctionsMax + 1 }, (_, index) => String(index))
      const many = correct(
        suite,
        keys.map((key) => put(key)),
      )
      await expect(many).rejects.toThrow(`at most ${limits.correctionsMax}`)
      await expect(correct(suite, [put('1'), put('1')])).rejects.toThrow('one mutation')
    })

    test('takes as many corrections as it says', async () => {
      await serving(suite.store)
      const keys = Array.from({ length: limits.correctionsMax }, (_, index) => String(index))
      for (let from = 0; from < keys.length; from += limits.lookKeysMax) {
        await ticketed(suite, keys.slice(from, from + limits.lookKeysMax))
      }
      expect(
        await correct(
          suite,
          keys.map((key) => put(key)),
        ),
      ).toEqual(applied)
      expect((await everyKey(suite.store)).size).toBe(keys.length)
    })
  })
}

function describeTickets(suite: Suite): void {
  const fix = { ...put('1', { name: 'Right' }), add: { likeCount: 1n } }

  describe('a ticket', () => {
    test.each([
      ['puts', put('1', { name: 'Newer' }), 'Newer'],
      ['removes', unput('1'), undefined],
    ])('is taken from a row that a commit %s, and left for amounts', async (_, change, name) => {
      await serving(suite.store, [{ ...put('1'), add: { tweetCount: 4n } }])
      await ticketed(suite, ['1'])
      await step(suite.store, 10, [change])
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
      const found = (await everyEntry(suite.store)).get('1')
      expect(found?.fields?.name).toBe(name)
      expect(found?.counts).toEqual({ ...zeros, tweetCount: 4n, likeCount: 1n })
    })

    test('outlives a commit that adds amounts, and commits to other entries', async () => {
      await serving(suite.store, [put('1'), put('2')])
      await ticketed(suite, ['1'])
      await step(suite.store, 10, [add('1', { likeCount: 5n }), put('2'), unput('3')])
      expect(await correct(suite, [fix])).toEqual(applied)
      const counts = { ...zeros, likeCount: 6n }
      expect(await one(suite.store, '1')).toMatchObject({ fields: { name: 'Right' }, counts })
    })

    test('of a row that a commit put is not needed for amounts alone', async () => {
      await serving(suite.store, [put('1')])
      await ticketed(suite, ['1'])
      await step(suite.store, 10, [put('1', { name: 'Newer' })])
      expect(await correct(suite, [add('1', { likeCount: 2n })])).toEqual(applied)
      const counts = { ...zeros, likeCount: 2n }
      expect(await one(suite.store, '1')).toMatchObject({ fields: { name: 'Newer' }, counts })
    })

    test('outlives a commit that conflicts', async () => {
      const epoch = await serving(suite.store, [put('1')])
      await ticketed(suite, ['1'])
      const late = aCommit(epoch, { from: offset(9), mutations: [put('1')] })
      await suite.store.writer(userLayout).commit(late)
      expect(await correct(suite, [fix])).toEqual(applied)
    })

    test('is replaced by a later look, and not by one that leaves none', async () => {
      await serving(suite.store, [put('1')])
      await ticketed(suite, ['1'], 'first')
      await ticketed(suite, ['1'], 'second')
      await texts(suite.store, ['1'])
      expect(await correct(suite, [fix], 'first')).toEqual({ kind: 'applied', lost: [0] })
      expect(await one(suite.store, '1')).toMatchObject({ fields: userFields(), counts: zeros })
      expect(await correct(suite, [fix], 'second')).toEqual(applied)
    })

    test('is used up by a part of what it allows', async () => {
      await serving(suite.store, [put('1'), put('2')])
      await ticketed(suite, ['1', '2'])
      expect(await correct(suite, [add('1', { likeCount: 1n }), put('2')])).toEqual(applied)
      const rest = [put('1', { name: 'Wrong' }), add('2', { likeCount: 1n })]
      expect(await correct(suite, rest)).toEqual({ kind: 'applied', lost: [0, 1] })
      expect((await one(suite.store, '1'))?.fields.name).toBeNull()
      expect((await one(suite.store, '2'))?.counts.likeCount).toBe(0n)
    })

    test('is not left by a look that conflicts', async () => {
      await serving(suite.store, [put('1')])
      const question = { epoch: elsewhere, keys: ['1'], ticket: 't' }
      expect(await suite.store.audit(userLayout).look(question)).toEqual(conflict)
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
    })

    test('is forgotten where the state was lost and the view begun again', async () => {
      await serving(suite.store, [put('1')])
      await ticketed(suite, ['1'])
      await suite.harness.loseState()
      expect(await suite.store.coordination.open(aBeginning())).toBeDefined()
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
    })
  })
}

function describeScan(suite: Suite): void {
  describe('scan', () => {
    test('answers every key that lies there from beginning to end, whatever comes and goes', async () => {
      await serving(suite.store, [...manyPuts(0, 999), add('-5', { likeCount: 1n })])
      await step(suite.store, 10, manyPuts(1_000, 1_000))
      const audit = suite.store.audit(userLayout)
      const seen = new Set<string>()
      let at = 11
      let cursor: string | undefined
      do {
        const page = await audit.scan(cursor)
        for (const key of page.keys) seen.add(key)
        if (at < 16) await step(suite.store, at, manyPuts(at * 1_000, 900))
        else if (at < 20) {
          const gone = manyPuts((at - 5) * 1_000, 900).map(({ entry }) => unput(entry))
          await step(suite.store, at, gone)
        }
        at++
        cursor = page.cursor
      } while (cursor !== undefined)
      const stayed = ['-5', ...[...manyPuts(0, 999), ...manyPuts(1_000, 1_000)].map((m) => m.entry)]
      expect(stayed.filter((key) => !seen.has(key))).toEqual([])
    }, 30_000)

    test('of nothing ends, with or without a state', async () => {
      expect((await everyKey(suite.store)).size).toBe(0)
      await serving(suite.store)
      expect((await everyKey(suite.store)).size).toBe(0)
    })

    test('by two at once answers both of them everything', async () => {
      await serving(suite.store, manyPuts(0, 1_000))
      await step(suite.store, 10, manyPuts(1_000, 1_000))
      const other = await suite.another()
      const [mine, others] = await Promise.all([everyKey(suite.store), everyKey(other)])
      expect([mine.size, others.size]).toEqual([2_000, 2_000])
    })
  })
}

function describeSweep(suite: Suite): void {
  const wideRow = (entry: string) => ({
    entry,
    put: { ...userFields(), motto: 'Onwards' },
    add: { mailCount: 3n, likeCount: 1n },
  })

  describe('sweep', () => {
    test('removes the fields named from the entries named, and nothing else', async () => {
      const epoch = await serving(suite.store)
      const mutations = [wideRow('1'), wideRow('2'), wideRow('3')]
      await suite.store.writer(widerLayout).commit(aCommit(epoch, { mutations }))
      const [before] = await texts(suite.store, ['1'])
      const swept = await suite.store
        .audit(userLayout)
        .sweep(epoch, ['1', '2', '9'], ['motto', 'mailCount'])
      expect(swept).toBe(true)
      expect(await texts(suite.store, ['1'])).toEqual([before])
      const found = await everyEntry(suite.store, widerLayout)
      const lacking = { fields: { motto: null }, counts: { mailCount: null, likeCount: 1n } }
      expect(found.get('1')).toMatchObject(lacking)
      expect(found.get('2')).toMatchObject(lacking)
      expect(found.get('3')).toMatchObject({
        fields: { motto: 'Onwards' },
        counts: { mailCount: 3n },
      })
      expect(new Set(found.keys())).toEqual(new Set(['1', '2', '3']))
    })

    test('removes an entry of which nothing is left, or only counters at 0', async () => {
      const epoch = await serving(suite.store)
      const writer = suite.store.writer(widerLayout)
      const mails = ['1', '2', '3'].map((key) => add(key, { mailCount: 5n }))
      const likes = ['2', '3'].map((key) => add(key, { likeCount: 1n }))
      const unlike = [add('2', { likeCount: -1n })]
      for (const [at, mutations] of [mails, likes, unlike].entries()) {
        const [from, to] = [offset(10 + at), checkpoint(11 + at)]
        await writer.commit(aCommit(epoch, { from, to, mutations }))
      }
      const audit = suite.store.audit(userLayout)
      expect(await audit.sweep(epoch, ['1', '2', '3'], ['mailCount'])).toBe(true)
      expect(await everyKey(suite.store)).toEqual(new Set(['3']))
    })

    test('in another epoch changes nothing', async () => {
      const epoch = await serving(suite.store)
      await suite.store.writer(widerLayout).commit(aCommit(epoch, { mutations: [wideRow('1')] }))
      const before = await everyEntry(suite.store, widerLayout)
      const audit = suite.store.audit(userLayout)
      expect(await audit.sweep(elsewhere, ['1'], ['motto', 'mailCount'])).toBe(false)
      expect(await audit.sweep(elsewhere, [], ['motto'])).toBe(false)
      expect(await audit.sweep(epoch, [], ['motto'])).toBe(true)
      expect(await everyEntry(suite.store, widerLayout)).toEqual(before)
    })
  })
}

function describeProgress(suite: Suite): void {
  const nothing = { ended: [], completed: [] }

  describe('progress', () => {
    test('moves the pass where it stands as it was seen', async () => {
      const epoch = await suite.store.coordination.open(aBeginning())
      const audit = suite.store.audit(userLayout)
      const move = (before: string | undefined, after: string, of: Epoch = epoch!) =>
        audit.progress({ epoch: of, before, after, ...nothing })
      const pass = async () => (await stateOf(suite.store)).pass
      expect(await pass()).toBeUndefined()
      expect(await move('{"at":0}', 'wrong')).toBe(false)
      expect(await move('', 'wrong')).toBe(false)
      expect(await move(undefined, 'wrong', elsewhere)).toBe(false)
      expect(await pass()).toBeUndefined()
      expect(await move(undefined, '{"at":"é \\" "}')).toBe(true)
      expect(await move(undefined, 'wrong')).toBe(false)
      expect(await move('{"at":1}', 'wrong')).toBe(false)
      expect(await pass()).toBe('{"at":"é \\" "}')
      expect(await move('{"at":"é \\" "}', '{"at":2}')).toBe(true)
      expect(await pass()).toBe('{"at":2}')
    })

    test('where no state is changes nothing', async () => {
      const audit = suite.store.audit(userLayout)
      const first = { epoch: elsewhere, before: undefined, after: '{}', ...nothing }
      expect(await audit.progress(first)).toBe(false)
      expect(await suite.store.watchable.state()).toBeUndefined()
    })

    test('ends doubts and completes declarations in the same step, or none of it', async () => {
      const epoch = (await suite.store.coordination.open(aBeginning()))!
      const audit = suite.store.audit(userLayout)
      await suite.store.writer(userLayout).raise(epoch, aDoubt('a'))
      const ended = [(await doubtsOf(suite.store)).get('a')!.id]
      const completed = [declared.id, 'unknown']
      const move = { epoch, before: undefined, after: '{}', ended, completed }
      expect(await audit.progress({ ...move, before: 'other' })).toBe(false)
      expect(await audit.progress({ ...move, epoch: elsewhere })).toBe(false)
      expect((await stateOf(suite.store)).declarations).toEqual([declared])
      expect([...(await doubtsOf(suite.store)).keys()]).toEqual(['a'])
      expect(await audit.progress(move)).toBe(true)
      const complete = [{ ...declared, complete: true }]
      expect(await stateOf(suite.store)).toMatchObject({ declarations: complete, doubts: [] })
    })

    test('of two at once moves by one', async () => {
      const epoch = (await suite.store.coordination.open(aBeginning()))!
      const other = await suite.another()
      const answers = await Promise.all(
        [suite.store, other, suite.store, other].map((store, index) =>
          store
            .audit(userLayout)
            .progress({ epoch, before: undefined, after: `{"at":${index}}`, ...nothing }),
        ),
      )
      expect(answers.filter((answer) => answer)).toHaveLength(1)
      const { pass } = await stateOf(suite.store)
      expect(pass).toBe(`{"at":${answers.indexOf(true)}}`)
    })
  })
}
