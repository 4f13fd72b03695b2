import type { Correction } from '../../src/store/audit.ts'
import { encodeEntry, type ToldTally } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { ItemsQuestion } from '../../src/store/tallies.ts'
import { cellsOf, put, tally, tallyLayout, unput, userFields } from '../support/view-layouts.ts'
import { userLayout, widerTallyLayout } from '../support/view-layouts.ts'
import type { Suite } from './conformance.ts'
import {
  aTurn,
  checkpointsOf,
  elsewhere,
  everyKey,
  one,
  serving,
  stateOf,
  texts,
} from './store-fixture.ts'
import { most, oddItems, tallied, told } from './tally-fixture.ts'

const zeros = { tweetCount: 0n, followingCount: 0n, followerCount: 0n, likeCount: 0n }
const applied = { kind: 'applied', lost: [] }
const conflict = { kind: 'conflict' }

/** Comparing tallies with the source, and correcting them. */
export function describeTallyAudit(suite: Suite): void {
  describeTexts(suite)
  describeCorrections(suite)
  describeTallySweep(suite)
  describeItems(suite)
  describeItemScan(suite)
}

/** So many cells of amount 1. */
function many(count: number): Record<string, bigint> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`item ${at}`, 1n]))
}

async function ticketed(suite: Suite, keys: readonly string[], ticket = 't') {
  const { epoch } = await stateOf(suite.store)
  const answer = await suite.store.audit(tallyLayout).look({ epoch, keys, ticket })
  expect(answer.kind).toBe('entries')
}

async function correct(suite: Suite, corrections: readonly Correction[], ticket = 't') {
  const { epoch } = await stateOf(suite.store)
  return suite.store.audit(tallyLayout).correct({ epoch, ticket, corrections })
}

function describeTexts(suite: Suite): void {
  describe('a look at tallies', () => {
    test('answers the same text for the same cells, whatever they are', async () => {
      const items = Object.fromEntries(
        oddItems.map((item, at) => [item, at % 2 === 0 ? 1n : BigInt(at) - 10n]),
      )
      items['most'] = most
      items['least'] = -most
      const tallies = cellsOf({ topArtists: { Abba: 2n }, byCountry: items })
      await serving(suite.store, [put('1', { name: '|;+' })])
      const row = { ...tally('1', {}), cells: tallies, add: { likeCount: 7n } }
      await tallied(suite.store, 10, [row, { ...row, entry: '2', add: {} }])
      const fields = userFields({ name: '|;+' })
      const counts = { ...zeros, likeCount: 7n }
      expect(await texts(suite.store, ['2', '1', '3'], tallyLayout)).toEqual([
        encodeEntry(tallyLayout, '2', { fields: null, counts: zeros, tallies }),
        encodeEntry(tallyLayout, '1', { fields, counts, tallies }),
        '-;0;0;0;0|||||',
      ])
    })

    test('tells as many cells as it says, and of more only that there are more', async () => {
      await serving(suite.store, [put('1')])
      await tallied(suite.store, 10, [tally('1', { topArtists: many(limits.cellsMax) })])
      await tallied(suite.store, 11, [tally('1', { byCountry: many(limits.cellsMax + 1) })])
      const tallies = new Map<string, ToldTally>([
        ['topArtists', new Map(Object.entries(many(limits.cellsMax)))],
        ['byCountry', 'large'],
      ])
      expect(await told(suite.store, '1')).toEqual(tallies)
      const text = encodeEntry(tallyLayout, '1', { fields: userFields(), counts: zeros, tallies })
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual([text])
      await tallied(suite.store, 12, [tally('1', { byCountry: { 'item 0': -1n } })])
      expect((await told(suite.store, '1')).get('byCountry')).not.toBe('large')
    })

    test('tells what says nothing and yet lies there, where there is no cell', async () => {
      await serving(suite.store)
      const hidden = { ...tally('1', { hidden: { x: 1n } }), add: { mailCount: 5n } }
      await tallied(suite.store, 10, [hidden], widerTallyLayout)
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['-;0;0;0;0|||||1:x1;'])
      expect(await texts(suite.store, ['1'], userLayout)).toEqual(['!;0;0;0;0'])
      await tallied(suite.store, 11, [tally('1', { hidden: { x: -1n } })], widerTallyLayout)
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['!;0;0;0;0|||||'])
      await tallied(suite.store, 12, [unput('1')])
      expect(await everyKey(suite.store)).toEqual(new Set())
    })

    test('does not take the tally of another layout for something', async () => {
      await serving(suite.store)
      const albums = tally('1', { topAlbums: { Arrival: 1n } })
      await tallied(suite.store, 10, [albums], widerTallyLayout)
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['-;0;0;0;0|||||'])
      const likes = { entry: '1', put: undefined, add: { likeCount: 1n, mailCount: 2n } }
      await tallied(suite.store, 11, [likes], widerTallyLayout)
      const unliked = { entry: '1', put: undefined, add: { likeCount: -1n } }
      await tallied(suite.store, 12, [unliked])
      expect(await texts(suite.store, ['1'], tallyLayout)).toEqual(['-;0;0;0;0|||||'])
      expect(await texts(suite.store, ['1'], widerTallyLayout)).toEqual([
        '-;0;0;0;0;0||||||7:Arrival1;',
      ])
    })
  })
}

function describeCorrections(suite: Suite): void {
  const fix = tally('1', { topArtists: { Abba: 2n }, hidden: { x: -1n } })
  const begun = async () => {
    const epoch = await serving(suite.store, [put('1')])
    await tallied(suite.store, 10, [tally('1', { hidden: { x: 1n, y: 1n } })])
    return epoch
  }
  const before = cellsOf({ hidden: { x: 1n, y: 1n } })
  const after = cellsOf({ topArtists: { Abba: 2n }, hidden: { y: 1n } })

  describe('a correction of cells', () => {
    test('is applied with a ticket of the amounts, once', async () => {
      await begun()
      await ticketed(suite, ['1', '2'])
      const fresh = tally('2', { byCountry: { se: 1n } })
      expect(await correct(suite, [fix, fresh])).toEqual(applied)
      expect(await told(suite.store, '1')).toEqual(after)
      expect(await told(suite.store, '2')).toEqual(cellsOf({ byCountry: { se: 1n } }))
      expect(await correct(suite, [fresh, fix])).toEqual({ kind: 'applied', lost: [0, 1] })
      expect(await told(suite.store, '1')).toEqual(after)
      expect(await told(suite.store, '2')).toEqual(cellsOf({ byCountry: { se: 1n } }))
    })

    test('is left undone without a ticket, or with another one', async () => {
      await begun()
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
      await ticketed(suite, ['1'], 'older')
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
      expect(await told(suite.store, '1')).toEqual(before)
      expect(await correct(suite, [fix], 'older')).toEqual(applied)
    })

    test('does not need the ticket of the row, nor does the row need that of amounts', async () => {
      await begun()
      await ticketed(suite, ['1'])
      await tallied(suite.store, 11, [put('1', { name: 'Newer' })])
      const both = { ...fix, put: userFields({ name: 'Wrong' }) }
      expect(await correct(suite, [both])).toEqual({ kind: 'applied', lost: [0] })
      expect((await one(suite.store, '1'))?.fields.name).toBe('Newer')
      expect(await told(suite.store, '1')).toEqual(after)
    })

    test('uses the ticket up that amounts need', async () => {
      await begun()
      await ticketed(suite, ['1'])
      expect(await correct(suite, [fix])).toEqual(applied)
      const likes = { entry: '1', put: undefined, add: { likeCount: 1n } }
      expect(await correct(suite, [likes])).toEqual({ kind: 'applied', lost: [0] })
      expect((await one(suite.store, '1'))?.counts.likeCount).toBe(0n)
    })

    test('leaves its cells undone where only the row may be put', async () => {
      await begun()
      await ticketed(suite, ['1'])
      const { epoch } = await stateOf(suite.store)
      const question = { epoch, entry: '1', tally: 'hidden', items: ['x'], ticket: 'newer' }
      await suite.store.tallies(tallyLayout).look(question)
      const both = { ...fix, put: userFields({ name: 'Right' }) }
      expect(await correct(suite, [both])).toEqual({ kind: 'applied', lost: [0] })
      expect((await one(suite.store, '1'))?.fields.name).toBe('Right')
      expect(await told(suite.store, '1')).toEqual(before)
      expect(await correct(suite, [fix], 'newer')).toEqual(applied)
    })

    test('in another epoch changes nothing and leaves the ticket', async () => {
      const epoch = await begun()
      await ticketed(suite, ['1'])
      const late = { epoch: elsewhere, ticket: 't', corrections: [fix] }
      expect(await suite.store.audit(tallyLayout).correct(late)).toEqual(conflict)
      expect(await told(suite.store, '1')).toEqual(before)
      expect(await correct(suite, [fix])).toEqual(applied)
      await ticketed(suite, ['1'])
      await suite.store.coordination.turn(aTurn(epoch))
      const earlier = { epoch, ticket: 't', corrections: [fix] }
      expect(await suite.store.audit(tallyLayout).correct(earlier)).toEqual(conflict)
      expect(await told(suite.store, '1')).toEqual(after)
    })

    test('that would overflow is refused whole and leaves the tickets', async () => {
      await begun()
      await tallied(suite.store, 11, [tally('2', { hidden: { x: -most } })])
      await ticketed(suite, ['1', '2'])
      const refused = correct(suite, [fix, tally('2', { hidden: { x: -1n } })])
      await expect(refused).rejects.toMatchObject({ code: 'store-overflow', entry: '2' })
      expect(await told(suite.store, '1')).toEqual(before)
      expect(await correct(suite, [fix, tally('2', { hidden: { x: most } })])).toEqual(applied)
      expect(await told(suite.store, '1')).toEqual(after)
      expect(await everyKey(suite.store)).toEqual(new Set(['1']))
    })

    test('of a whole large tally is one step', async () => {
      await begun()
      await ticketed(suite, ['1'])
      expect(await correct(suite, [tally('1', { byCountry: many(2_500) })])).toEqual(applied)
      expect((await told(suite.store, '1')).get('byCountry')).toBe('large')
    })
  })
}

function describeTallySweep(suite: Suite): void {
  describe('a sweep of tallies', () => {
    test('removes those that are named from the entries named, and nothing else', async () => {
      const epoch = await serving(suite.store)
      const cells = cellsOf({
        topAlbums: { Arrival: 1n },
        hidden: many(300),
        byCountry: { se: 1n },
      })
      const row = { ...put('1'), add: { mailCount: 1n }, cells }
      await tallied(suite.store, 10, [row], widerTallyLayout)
      await tallied(suite.store, 11, [{ ...row, entry: '2' }], widerTallyLayout)
      const audit = suite.store.audit(userLayout)
      const gone = ['topAlbums', 'hidden', 'mailCount', 'motto']
      expect(await audit.sweep(epoch, ['1', '9'], gone)).toBe(true)
      const left = cellsOf({ byCountry: { se: 1n } })
      expect(await told(suite.store, '1', widerTallyLayout)).toEqual(left)
      expect(await told(suite.store, '2', widerTallyLayout)).toEqual(cells)
      expect((await one(suite.store, '1'))?.counts).toEqual(zeros)
    })

    test('removes an entry of which nothing is left, and not one with other cells', async () => {
      const epoch = await serving(suite.store)
      const albums = { topAlbums: { Arrival: 1n } }
      const mutations = [tally('1', albums), tally('2', { ...albums, hidden: { x: 1n } })]
      const likes = { ...tally('3', albums), add: { likeCount: 1n } }
      await tallied(suite.store, 10, [...mutations, likes], widerTallyLayout)
      const audit = suite.store.audit(tallyLayout)
      expect(await audit.sweep(epoch, ['1', '2', '3'], ['topAlbums'])).toBe(true)
      expect(await everyKey(suite.store)).toEqual(new Set(['2', '3']))
      const unliked = { entry: '3', put: undefined, add: { likeCount: -1n } }
      await tallied(suite.store, 11, [tally('2', { hidden: { x: -1n } }), unliked])
      expect(await everyKey(suite.store)).toEqual(new Set())
    })

    test('in another epoch changes nothing', async () => {
      await serving(suite.store)
      await tallied(suite.store, 10, [tally('1', { hidden: { x: 1n } })])
      const audit = suite.store.audit(userLayout)
      expect(await audit.sweep(elsewhere, ['1'], ['hidden'])).toBe(false)
      expect(await told(suite.store, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
    })
  })
}

function describeItems(suite: Suite): void {
  const question = async (given: Partial<ItemsQuestion> = {}): Promise<ItemsQuestion> => {
    const { epoch } = await stateOf(suite.store)
    return { epoch, entry: '1', tally: 'byCountry', items: [], ticket: undefined, ...given }
  }

  describe('a look at items', () => {
    test('answers the amounts of those that are there, with the checkpoints', async () => {
      await serving(suite.store)
      await tallied(suite.store, 10, [
        tally('1', { byCountry: { se: 2n, de: -1n, no: most }, hidden: { fi: 1n } }),
        tally('2', { byCountry: { fi: 1n } }),
      ])
      const tallies = suite.store.tallies(tallyLayout)
      const checkpoints = await checkpointsOf(suite.store)
      const items = ['fi', 'se', 'no', 'de', 'se']
      const amounts = new Map([
        ['se', 2n],
        ['no', most],
        ['de', -1n],
      ])
      const found = await tallies.look(await question({ items }))
      expect(found).toEqual({ kind: 'items', amounts, checkpoints })
      const nothing = { kind: 'items', amounts: new Map(), checkpoints }
      expect(await tallies.look(await question())).toEqual(nothing)
      expect(await tallies.look(await question({ entry: '404', items }))).toEqual(nothing)
    })

    test('takes as many items as it says and no more', async () => {
      await serving(suite.store)
      const items = Array.from({ length: limits.cellsMax }, (_, at) => `item ${at}`)
      await tallied(suite.store, 10, [tally('1', { byCountry: many(limits.cellsMax + 1) })])
      const tallies = suite.store.tallies(tallyLayout)
      const found = await tallies.look(await question({ items }))
      expect(found.kind === 'items' && found.amounts.size).toBe(limits.cellsMax)
      const more = tallies.look(await question({ items: [...items, 'x'] }))
      await expect(more).rejects.toThrow(`at most ${limits.cellsMax}`)
    })

    test('leaves a ticket with the amounts and none with the row', async () => {
      await serving(suite.store, [put('1')])
      const tallies = suite.store.tallies(tallyLayout)
      await tallies.look(await question({ items: ['se'], ticket: 't' }))
      const fix = { ...tally('1', { byCountry: { se: 1n } }), put: null }
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
      expect(await told(suite.store, '1')).toEqual(cellsOf({ byCountry: { se: 1n } }))
      expect(await one(suite.store, '1')).not.toBeNull()
      expect(await correct(suite, [fix])).toEqual({ kind: 'applied', lost: [0] })
      expect(await told(suite.store, '1')).toEqual(cellsOf({ byCountry: { se: 1n } }))
    })

    test('without a ticket leaves the one of another look', async () => {
      await serving(suite.store)
      await ticketed(suite, ['1'])
      await suite.store.tallies(tallyLayout).look(await question({ items: ['se'] }))
      expect(await correct(suite, [tally('1', { byCountry: { se: 1n } })])).toEqual(applied)
      await ticketed(suite, ['1'], 'older')
      await suite.store.tallies(tallyLayout).look(await question({ ticket: 'newer' }))
      const fix = tally('1', { byCountry: { se: 1n } })
      expect(await correct(suite, [fix], 'older')).toEqual({ kind: 'applied', lost: [0] })
      expect(await correct(suite, [fix], 'newer')).toEqual(applied)
    })

    test('conflicts when the epoch is another one, or there is none, and leaves no ticket', async () => {
      const tallies = suite.store.tallies(tallyLayout)
      const late = { epoch: elsewhere, entry: '1', tally: 'hidden', items: ['x'], ticket: 't' }
      expect(await tallies.look(late)).toEqual(conflict)
      await serving(suite.store)
      expect(await tallies.look(late)).toEqual(conflict)
      const fix = [tally('1', { hidden: { x: 1n } })]
      expect(await correct(suite, fix)).toEqual({ kind: 'applied', lost: [0] })
    })

    test('answers amounts and checkpoints of one moment', async () => {
      const epoch = await serving(suite.store)
      const tallies = (await suite.another()).tallies(tallyLayout)
      const items = Array.from({ length: 50 }, (_, at) => `item ${at}`)
      const asked = await question({ epoch, items })
      const moments: string[] = []
      const stop = new AbortController()
      const looking = (async () => {
        while (!stop.signal.aborted) {
          const found = await tallies.look(asked)
          if (found.kind !== 'items') throw new Error(found.kind)
          const amounts = new Set(items.map((item) => found.amounts.get(item) ?? 0n))
          moments.push(`${[...amounts].join()} at ${found.checkpoints.get('users/0')?.next}`)
        }
      })()
      for (let at = 10; at < 40; at++) {
        await tallied(suite.store, at, [tally('1', { byCountry: many(50) })])
      }
      stop.abort()
      await looking
      const right = new Set(Array.from({ length: 31 }, (_, step) => `${step} at ${10 + step}`))
      expect(moments.length).toBeGreaterThan(5)
      expect(moments.filter((moment) => !right.has(moment))).toEqual([])
    })
  })
}

function describeItemScan(suite: Suite): void {
  const everyItem = async (entry: string, name: string) => {
    const found = new Set<string>()
    const tallies = suite.store.tallies(tallyLayout)
    let pages = 0
    let cursor: string | undefined
    do {
      const page = await tallies.scan(entry, name, cursor)
      for (const key of page.keys) found.add(key)
      cursor = page.cursor
      pages += 1
    } while (cursor !== undefined)
    return { found, pages }
  }

  describe('a scan of items', () => {
    test('answers every item of that tally in pages, whatever comes and goes', async () => {
      await serving(suite.store)
      const stayed = many(4_000)
      await tallied(suite.store, 10, [tally('1', { byCountry: stayed })])
      await tallied(suite.store, 11, [tally('1', { hidden: { other: 1n } })])
      const tallies = suite.store.tallies(tallyLayout)
      const seen = new Set<string>()
      let at = 12
      let cursor: string | undefined
      do {
        const page = await tallies.scan('1', 'byCountry', cursor)
        expect(page.keys.length).toBeLessThan(limits.scanPageKeys * 2)
        for (const key of page.keys) seen.add(key)
        const amount = at < 16 ? 1n : -1n
        const some = Array.from({ length: 500 }, (_, index) => [`late ${index}`, amount] as const)
        if (at < 20) {
          await tallied(suite.store, at, [tally('1', { byCountry: Object.fromEntries(some) })])
        }
        at += 1
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(Object.keys(stayed).filter((item) => !seen.has(item))).toEqual([])
      expect([...seen].filter((item) => !/^(item|late) /.test(item))).toEqual([])
    })

    test('answers any text, and nothing where there is nothing', async () => {
      await serving(suite.store)
      const odd = Object.fromEntries(oddItems.map((item, index) => [item, BigInt(index) - 500n]))
      await tallied(suite.store, 10, [tally('1', { hidden: odd })])
      expect(await everyItem('1', 'hidden')).toEqual({ found: new Set(oddItems), pages: 1 })
      expect(await everyItem('1', 'byCountry')).toEqual({ found: new Set(), pages: 1 })
      expect(await everyItem('404', 'hidden')).toEqual({ found: new Set(), pages: 1 })
    })
  })
}
