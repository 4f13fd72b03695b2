import { heal, type HealOptions } from '../../src/reconcile/heal.ts'
import { healKeys } from '../../src/reconcile/heal-keys.ts'
import { nameOfField } from '../../src/reconcile/judge.ts'
import { judgeSheets, takeSheet, type Judgement } from '../../src/reconcile/look.ts'
import { fullPace } from '../../src/reconcile/pace.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { CorrectionStep } from '../../src/store/audit.ts'
import { limits } from '../../src/store/limits.ts'
import type { Epoch } from '../../src/store/state.ts'
import { talliedLibrary } from '../support/library.ts'
import { books, but, Compared, held } from './look-fixture.ts'

let world: Compared
let corrected: CorrectionStep[]
/** How many corrections were made by each time that somebody was told of them. */
let told: number[]
const noted = async () => void told.push(corrected.length)

beforeEach(async () => {
  world = new Compared()
  corrected = []
  told = []
  await world.start()
})

/** The plan of the world, whose corrections are noted. */
function planned(given: Partial<Plan> = {}): Plan {
  const plan = world.plan()
  const { audit } = plan
  const noting: Plan['audit'] = {
    look: (question) => audit.look(question),
    correct: (step) => {
      corrected.push(step)
      return audit.correct(step)
    },
    scan: (cursor) => audit.scan(cursor),
    sweep: (epoch, keys, fields) => audit.sweep(epoch, keys, fields),
    progress: (step) => audit.progress(step),
  }
  return { ...plan, audit: noting, ...given }
}

const first = 'left by the first look'
const pace = fullPace

/** A first look at every entry of source and store. */
async function looked(plan: Plan): Promise<Judgement> {
  const keys = [...new Set([...world.rows.keys(), ...world.data.entries.keys()])]
  const sheet = await takeSheet(plan, { kind: 'keys', keys })
  return judgeSheets(plan, [sheet], { ticket: first, signal: world.signal })
}

async function healed(given: Partial<HealOptions> = {}, plan = planned()) {
  const judgement = await looked(plan)
  world.pages.length = 0
  const { signal } = world
  const options = {
    atOnce: false,
    correct: true,
    ticket: undefined,
    pace,
    corrected: noted,
    signal,
    ...given,
  }
  const { wrong } = await heal(plan, judgement, options)
  return wrong.map(({ key, field, expected, found, healed: right }) =>
    [key, field, expected, found, right ? 'healed' : 'open'].join(' '),
  )
}

/** Between the first look and the second. */
function meanwhile(act: () => void): void {
  let looks = 0
  world.beforeTruth = () => {
    looks += 1
    if (looks === 2) act()
  }
}

describe('where all is right', () => {
  test('nothing is looked at again', async () => {
    world.both('1', held('Ada', 2n))
    expect(await healed()).toEqual([])
    expect(world.pages).toEqual([])
    expect(told).toEqual([])
  })
})

describe('what two looks find wrong', () => {
  test('is corrected by its exact amount', async () => {
    world.rows.set('1', held('Ada', 5n, 1n))
    world.keep('1', held('Ada', 7n, 1n))
    world.both('2', held('Bob', 3n))
    expect(await healed()).toEqual(['1 bookCount 5 7 healed'])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n, 1n))
    expect(world.pages).toEqual([{ kind: 'keys', keys: ['1'] }])
    expect(corrected.map(({ corrections }) => corrections)).toEqual([
      [{ entry: '1', put: undefined, add: { bookCount: -2n } }],
    ])
  })

  test('is corrected in its texts, and where an entry is missing or too many', async () => {
    world.rows.set('1', held('Ada'))
    world.keep('1', held('Eve'))
    world.rows.set('2', held('Bob', 1n))
    world.keep('3', held('Zoe', 4n))
    expect(await healed()).toEqual([
      '1 name Ada Eve healed',
      '2 bookCount 1 0 healed',
      '2 * a row  healed',
      '3 bookCount 0 4 healed',
      '3 *  a row healed',
    ])
    expect(Object.fromEntries(world.data.entries)).toEqual({
      1: held('Ada'),
      2: held('Bob', 1n),
    })
  })

  test('is only told where nothing is to be corrected', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    world.data.tickets.clear()
    expect(await healed({ correct: false })).toEqual(['1 bookCount 5 7 open'])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 7n))
    expect(corrected).toEqual([])
    expect([...world.data.tickets.values()]).toEqual([first])
  })

  test('is corrected with the ticket that the second look left', async () => {
    world.rows.set('1', held('Ada', 5n))
    await healed()
    expect(corrected[0]!.ticket).toMatch(/^[0-9a-f-]{36}$/)
    expect(world.data.tickets.size).toBe(0)
  })

  test('is looked at again by so many entries at once, and corrected by so many', async () => {
    for (let key = 1; key <= 2_001; key += 1) world.rows.set(String(key), held('Ada'))
    expect((await healed()).length).toBe(2_001)
    expect(world.pages.map((page) => (page.kind === 'keys' ? page.keys.length : 0))).toEqual([
      1_000, 1_000, 1,
    ])
    const steps = corrected.map(({ corrections }) => corrections.length)
    expect(steps).toEqual([...Array.from({ length: 40 }, () => limits.correctionsMax), 1])
    expect(world.data.entries.size).toBe(2_001)
    // All of them are judged together, for each judgement waits for a barrier.
    expect(new Set(corrected.map(({ ticket }) => ticket)).size).toBe(1)
    expect(told).toEqual([41])
  })
})

describe('what a second look does not find', () => {
  test('was nothing wrong', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    meanwhile(() => world.keep('1', held('Ada', 5n)))
    expect(await healed()).toEqual([])
    expect(corrected).toEqual([])
  })

  test('to be wrong by the same amount is looked at a third time', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    meanwhile(() => world.keep('1', held('Ada', 9n)))
    expect(await healed()).toEqual(['1 bookCount 5 9 healed'])
    expect(world.pages.length).toBe(2)
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
  })

  test('to be wrong by one of its amounts is looked at a third time', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    meanwhile(() => world.keep('1', held('Ada', 7n, 1n)))
    expect(await healed()).toEqual(['1 bookCount 5 7 healed', '1 prizeCount 0 1 healed'])
    expect(world.pages.length).toBe(2)
  })

  test('to be wrong in its row as well is looked at a third time', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    meanwhile(() => world.keep('1', held('Eve', 7n)))
    await healed()
    expect(world.pages.length).toBe(2)
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
  })

  test('for it could not tell of the table is no verdict, and the table is named', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    const plan = planned()
    const judgement = await looked(plan)
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
    const healing = { ticket: undefined, pace, corrected: noted, signal: world.signal }
    const options = { atOnce: false, correct: true, ...healing }
    const found = await world.clock.until(heal(plan, judgement, options))
    expect(found).toEqual({ wrong: [], unproved: new Set(['books']), beyond: [] })
  })

  test('to be wrong twice alike in six rounds is told, and left as it is', async () => {
    world.rows.set('1', held('Ada', 5n))
    let amount = 7n
    world.keep('1', held('Ada', amount))
    world.beforeTruth = () => world.keep('1', held('Ada', (amount += 1n)))
    expect(await healed()).toEqual(['1 bookCount 5 14 open'])
    expect(world.pages.length).toBe(6)
    expect(corrected).toEqual([])
  })
})

describe('a correction whose ticket is gone', () => {
  /** Something takes the ticket of the entry away before it is corrected. */
  const losing = (times: number, loses: () => void): Plan => {
    const plan = planned()
    const { correct } = plan.audit
    let left = times
    return {
      ...plan,
      audit: {
        ...plan.audit,
        correct: (step) => {
          if (left > 0) loses()
          left -= 1
          return correct(step)
        },
      },
    }
  }

  test('is made by the next look', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.rows.set('2', held('Bob', 5n))
    world.keep('1', held('Ada', 7n))
    world.keep('2', held('Bob', 8n))
    const plan = losing(1, () => world.data.tickets.delete('1'))
    expect(await healed({}, plan)).toEqual(['2 bookCount 5 8 healed', '1 bookCount 5 7 healed'])
    expect(world.pages).toEqual([
      { kind: 'keys', keys: ['1', '2'] },
      { kind: 'keys', keys: ['1'] },
    ])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
  })

  test('is given up after six looks', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    const plan = losing(99, () => world.data.tickets.clear())
    expect(await healed({}, plan)).toEqual(['1 bookCount 5 7 open'])
    expect(corrected.length).toBe(6)
    expect(world.data.entries.get('1')).toEqual(held('Ada', 7n))
  })
})

test('of many keys no more are judged at once than there is room for their tickets', async () => {
  const keys = Array.from({ length: 25_000 }, (_, at) => String(at))
  const plan = planned()
  const judged: number[] = []
  const checkpoints: Plan['writer']['checkpoints'] = (epoch) => {
    judged.push(world.pages.length)
    return plan.writer.checkpoints(epoch)
  }
  const writer = { checkpoints } as Plan['writer']
  const { signal } = world
  const options = { atOnce: true, correct: true, ticket: first, pace, corrected: noted, signal }
  await healKeys({ ...plan, writer }, keys, options)
  expect(judged).toEqual([20, 25])
})

test('nothing is corrected once the epoch has turned', async () => {
  world.rows.set('1', held('Ada', 5n))
  const plan = planned()
  const { correct } = plan.audit
  const turning = {
    ...plan,
    audit: {
      ...plan.audit,
      correct: (step: CorrectionStep) => {
        world.data.state = { ...world.data.state!, epoch: 'another' as Epoch }
        return correct(step)
      },
    },
  }
  await expect(healed({}, turning)).rejects.toMatchObject({
    code: 'look-void',
    message: 'the view has turned its epoch',
  })
})

describe('while a view is filled', () => {
  const filling = { atOnce: true, ticket: first }

  test('what is missing is put in by one look', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.rows.set('2', held(null, 5n, 1n))
    world.rows.set('3', held('Zoe'))
    expect(await healed(filling)).toEqual([])
    expect(world.pages).toEqual([])
    expect(corrected.map(({ ticket }) => ticket)).toEqual([first])
    expect(told).toEqual([1])
    expect(Object.fromEntries(world.data.entries)).toEqual(Object.fromEntries(world.rows))
  })

  test('what was there already is put right by one look', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Eve', 7n))
    expect(await healed(filling)).toEqual([])
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
  })

  test('what lost its ticket is looked at again', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.rows.set('2', held('Bob', 5n))
    const plan = planned()
    const judgement = await looked(plan)
    world.data.rowTickets.delete('1')
    world.pages.length = 0
    const { signal } = world
    const { wrong } = await heal(plan, judgement, {
      ...filling,
      correct: true,
      pace,
      corrected: noted,
      signal,
    })
    expect(world.pages).toEqual([{ kind: 'keys', keys: ['1'] }])
    // It was never served, so nobody is told that it was wrong.
    expect(wrong).toEqual([])
    expect(Object.fromEntries(world.data.entries)).toEqual(Object.fromEntries(world.rows))
  })

  test('what is served already takes two looks', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.keep('1', held('Ada', 7n))
    world.rows.set('2', held('Bob', 0n, 1n))
    world.keep('2', held('Bob'))
    const plan = planned({ complete: new Set(['bookCount']) })
    expect(await healed(filling, plan)).toEqual(['1 bookCount 5 7 healed'])
    expect(world.pages).toEqual([{ kind: 'keys', keys: ['1'] }])
    expect(world.data.entries.get('2')).toEqual(held('Bob', 0n, 1n))
  })

  test('what differs in something served and something new takes two looks', async () => {
    world.rows.set('1', held('Ada', 5n, 1n))
    world.keep('1', held('Ada', 7n))
    const plan = planned({ complete: new Set(['bookCount']) })
    await healed(filling, plan)
    expect(world.pages.length).toBe(1)
  })
})

describe('what is no entry', () => {
  /** The store answers so for these entries until they are moved aside. */
  const unreadable = (given: Partial<Plan['writer']> = {}, keys = ['1']): Plan => {
    const plan = planned()
    const { audit, writer } = plan
    const there = new Set(keys)
    return {
      ...plan,
      writer: {
        checkpoints: (epoch) => writer.checkpoints(epoch),
        raise: (epoch, doubt) => writer.raise(epoch, doubt),
        displace: async (epoch, entry, doubt) => {
          there.delete(entry)
          if (doubt) await writer.raise(epoch, doubt)
          return `aside:${entry}`
        },
        ...given,
      },
      audit: {
        ...audit,
        look: async (question) => {
          const answer = await audit.look(question)
          if (answer.kind === 'conflict') return answer
          const texts = answer.texts.map((text, index) =>
            there.has(question.keys[index]!) ? '?' : text,
          )
          return { ...answer, texts }
        },
      },
    }
  }

  test('is moved aside, and made anew by two more looks', async () => {
    world.rows.set('1', held('Ada', 5n))
    world.both('2', held('Bob'))
    expect(await healed({}, unreadable())).toEqual(['1 bookCount 5 0 healed', '1 * a row  healed'])
    expect(world.pages.length).toBe(2)
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    expect(world.recorded.lines).toMatchObject([
      { level: 'error', view: 'library', key: '1', place: 'aside:1' },
    ])
  })

  test('is in doubt from then on where it is served, beyond a hundred with all others', async () => {
    const keys = Array.from({ length: 102 }, (_, at) => String(at + 1))
    for (const key of keys) world.rows.set(key, held('Ada'))
    await healed({}, { ...unreadable({}, keys), complete: new Set(['*']) })
    const alone = keys.slice(0, 100).map((key) => [key])
    expect(world.watch.state!.doubts.map((doubt) => doubt.keys)).toEqual([...alone, []])
  })

  test('is moved aside and made anew while a view is filled as well', async () => {
    world.rows.set('1', held('Ada', 5n))
    await healed({ atOnce: true, ticket: first }, unreadable())
    expect(world.data.entries.get('1')).toEqual(held('Ada', 5n))
    expect((await world.state()).doubts).toEqual([])
    expect(corrected.map(({ corrections }) => corrections.map(({ add }) => add))).toEqual([
      [{ bookCount: 5n }],
    ])
  })

  test('is told, and left, where nothing is to be corrected', async () => {
    world.rows.set('1', held('Ada', 5n))
    let moved = 0
    const displace = async () => {
      moved += 1
      return 'aside'
    }
    expect(await healed({ correct: false }, unreadable({ displace }))).toEqual([
      '1 * an entry something else open',
    ])
    expect(moved).toBe(0)
  })

  test('to a look, and sound when it is to be moved aside, is not spoken of', async () => {
    world.both('1', held('Ada'))
    const plan = unreadable()
    const judgement = await looked(plan)
    const sound = { ...planned(), writer: { ...plan.writer, displace: async () => undefined } }
    const healing = { ticket: undefined, pace, corrected: noted, signal: world.signal }
    const { wrong } = await heal(sound, judgement, { atOnce: false, correct: true, ...healing })
    expect(wrong).toEqual([])
    expect(world.recorded.lines).toEqual([])
  })
})

describe('cells', () => {
  const genres = new Map([
    ['epic', 2n],
    ['ode', 1n],
  ])
  const withGenres = (
    key: string,
    items: ReadonlyMap<string, bigint>,
    side: 'source' | 'store',
  ) => {
    const entry = {
      ...held('Ada'),
      ...(items.size > 0 && { tallies: new Map([['genres', items]]) }),
    }
    if (side === 'source') world.rows.set(key, entry)
    else world.keep(key, entry)
  }
  const inStore = (key: string) => world.data.entries.get(key)?.tallies?.get('genres')
  const lies = (store: Readonly<Record<string, bigint>>) => {
    withGenres('1', genres, 'source')
    withGenres('1', new Map(Object.entries(store)), 'store')
  }

  beforeEach(async () => {
    world = new Compared(talliedLibrary)
    await world.start()
  })

  test('that two looks find wrong are corrected by their exact amounts', async () => {
    lies({ epic: 5n, farce: 1n })
    expect((await healedItems()).toSorted()).toEqual([
      'genres[epic] 2 5 true',
      'genres[farce] null 1 true',
      'genres[ode] 1 null true',
    ])
    expect(inStore('1')).toEqual(genres)
  })

  test('that a second look finds to be wrong otherwise are looked at a third time', async () => {
    lies({ epic: 2n })
    meanwhile(() => lies({ epic: 3n }))
    await healedItems()
    expect(world.pages.length).toBe(2)
    expect(inStore('1')).toEqual(genres)
  })

  test('are put in by one look while a view is filled', async () => {
    withGenres('1', genres, 'source')
    world.keep('1', held('Ada'))
    expect(await healedItems({ atOnce: true, ticket: 'left by the first look' })).toEqual([])
    expect(inStore('1')).toEqual(genres)
  })

  test('that are served already take two looks while a view is filled', async () => {
    lies({})
    const plan = planned({ complete: new Set(['genres']) })
    const found = await healedItems({ atOnce: true, ticket: 'left by the first look' }, plan)
    expect(found.length).toBe(2)
  })

  test('of one step of the store are not more than a look tells of one tally', async () => {
    const many = new Map(Array.from({ length: 400 }, (_, at) => [`item ${at}`, 1n] as const))
    for (const key of ['1', '2', '3', '4', '5']) {
      withGenres(key, many, 'source')
      world.keep(key, held('Ada'))
    }
    await healedItems()
    expect(corrected.map(({ corrections }) => corrections.length)).toEqual([2, 2, 1])
  })

  test('of a tally that is too large for a look are compared item by item', async () => {
    const many = new Map(Array.from({ length: 1_001 }, (_, at) => [`item ${at}`, 1n] as const))
    withGenres('1', many, 'source')
    withGenres('1', new Map([...many, ['item 7', 3n]]), 'store')
    expect(await healedItems()).toEqual(['genres[item 7] 1 3 true'])
    expect(inStore('1')).toEqual(many)
  })

  test('of a tally that only the second look finds too large are compared as well', async () => {
    const many = new Map(Array.from({ length: 1_001 }, (_, at) => [`item ${at}`, 1n] as const))
    lies({ epic: 3n })
    meanwhile(() => {
      withGenres('1', many, 'source')
      withGenres('1', new Map([...many, ['item 7', 3n]]), 'store')
    })
    expect(await healedItems()).toEqual(['genres[item 7] 1 3 true'])
  })

  describe('that can not be read, of a tally that is too large for a look', () => {
    const many = new Map(Array.from({ length: 1_001 }, (_, at) => [`item ${at}`, 1n] as const))
    let moved: string[]

    beforeEach(() => {
      moved = []
      for (const key of ['1', '2']) {
        withGenres(key, many, 'source')
        withGenres(key, new Map([...many, ['item 7', 3n]]), 'store')
      }
    })

    /** One of the tally of 1 is no number until all of it is moved aside. */
    const unreadable = (displaced: string | undefined): Plan => {
      const plan = planned()
      let there = true
      return {
        ...plan,
        writer: {
          checkpoints: (epoch) => plan.writer.checkpoints(epoch),
          raise: (epoch, doubt) => plan.writer.raise(epoch, doubt),
          displace: async (_, entry) => {
            moved.push(entry)
            there = displaced === undefined
            if (!there) withGenres('1', new Map(), 'store')
            return displaced
          },
        },
        tallies: {
          scan: (...all) => plan.tallies.scan(...all),
          look: async (question) =>
            there && question.entry === '1' ? { kind: 'unreadable' } : plan.tallies.look(question),
        },
      }
    }

    test('are moved aside with it, which is put in again', async () => {
      const found = await healedItems({}, unreadable('aside:1'))
      expect(found).toContain('* an entry something else true')
      expect(found).toContain('genres[item 0] 1 null true')
      expect([inStore('1'), inStore('2'), moved]).toEqual([many, many, ['1']])
      expect(world.recorded.lines).toMatchObject([{ level: 'error', key: '1', place: 'aside:1' }])
    })

    test('are told, and left, where nothing is to be corrected', async () => {
      expect(await healedItems({ correct: false }, unreadable('aside:1'))).toEqual([
        '* an entry something else false',
        'genres[item 7] 1 3 false',
      ])
      expect(moved).toEqual([])
    })

    test('and can when they are to be moved aside, void the look', async () => {
      const healing = healedItems({}, unreadable(undefined))
      await expect(healing).rejects.toMatchObject({ code: 'look-void' })
    })
  })

  async function healedItems(given: Partial<HealOptions> = {}, plan = planned()) {
    const judgement = await looked(plan)
    world.pages.length = 0
    const options = {
      atOnce: false,
      correct: true,
      ticket: undefined,
      pace,
      corrected: noted,
      signal: world.signal,
    }
    const { wrong } = await heal(plan, judgement, { ...options, ...given })
    return wrong.map((each) =>
      [nameOfField(each), each.expected, each.found, each.healed].map(String).join(' '),
    )
  }
})
