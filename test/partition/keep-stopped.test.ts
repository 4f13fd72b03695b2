import { MillraceError, type ErrorCode } from '../../src/errors.ts'
import { at, book, changed } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aDoubt } from '../store/store-fixture.ts'
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

/** Pauses are random: it goes on at some moment between 5 and 15 seconds. */
async function untilPassed(next: number): Promise<void> {
  for (let step = 0; step < 150; step += 1) {
    if ((await kept.checkpoint())?.next === at(next)) return
    await kept.clock.advance(100)
  }
  throw new Error('it is not passed')
}

describe('a record that stops the partition', () => {
  const stops = (code: ErrorCode) => new MillraceError(code, 'why', { hint: 'mend it' })
  const unfit = (tables: readonly string[]) =>
    aDoubt('source-unfit', { code: 'source-unfit', tables })

  test.each([[[]], [['books']], [['authors', 'books']]])(
    'does so while the set-up is known not to fit: %j',
    async (tables) => {
      await kept.begin()
      await kept.raise(unfit(tables))
      kept.topics.append(name, ...books(1), stops('column-gone'), ...books(2))
      kept.keep()
      await settled()
      expect(await kept.books(1)).toEqual(['1'])
      expect(await kept.problem()).toMatchObject({
        code: 'column-gone',
        message: 'why',
        hint: 'mend it',
      })
    },
  )

  test.each([
    ['nothing is known to be unfit', undefined],
    ['another table is', unfit(['authors'])],
    ['it was', aDoubt('source-unfit', { code: 'source-was-unfit' })],
  ])('is passed with a doubt where %s', async (_, doubt) => {
    await kept.begin()
    if (doubt) await kept.raise(doubt)
    kept.topics.append(name, ...books(1), stops('column-retyped'), ...books(2))
    kept.keep()
    await settled()
    // Nobody may have looked at the set-up since.
    await kept.clock.advance(4_900)
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.problem()).toMatchObject({ code: 'column-retyped' })
    await kept.clock.advance(10_000)
    expect(await kept.books(1)).toEqual(['2'])
    expect(await kept.doubts()).toContain(`unusable-change ${name}`)
    expect(await kept.problem()).toBeUndefined()
  })

  test('is passed at once where such a one was passed just before, and waits again later', async () => {
    await kept.begin()
    kept.topics.append(name, stops('column-gone'))
    kept.keep()
    await untilPassed(11)
    for (const next of [12, 13]) {
      kept.topics.append(name, stops('column-gone'))
      await settled()
      expect(await kept.checkpoint()).toMatchObject({ next: at(next) })
      await kept.clock.advance(4_000)
    }
    await kept.clock.advance(2_000)
    kept.topics.append(name, stops('column-gone'))
    await settled()
    expect(await kept.checkpoint()).toMatchObject({ next: at(13) })
  })

  test('is not passed while the set-up is known not to fit again', async () => {
    await kept.begin()
    kept.topics.append(name, stops('column-gone'))
    kept.keep()
    await untilPassed(11)
    await kept.raise(unfit(['books']))
    kept.topics.append(name, stops('column-gone'))
    await settled()
    expect(await kept.checkpoint()).toMatchObject({ next: at(11) })
  })

  test('is passed once what it names is mended', async () => {
    await kept.begin()
    await kept.raise(unfit([]))
    kept.topics.append(name, stops('debezium-too-old'), ...books(2))
    kept.keep()
    await kept.turn()
    expect(await kept.problem()).toMatchObject({ code: 'debezium-too-old' })
    await kept.raise(aDoubt('source-unfit', { code: 'source-was-unfit' }))
    await kept.clock.advance(15_000)
    expect(await kept.books(1)).toEqual(['1'])
    expect(await kept.problem()).toBeUndefined()
  })

  test('is not passed where it passes by itself, and nobody is shown it', async () => {
    await kept.begin()
    kept.topics.append(name, stops('schema-unknown'))
    kept.keep()
    await kept.turn()
    expect(await kept.checkpoint()).toMatchObject({ next: at(10) })
    expect(await kept.problem()).toBeUndefined()
    expect(kept.recorded.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', code: 'schema-unknown' }),
    )
  })
})
