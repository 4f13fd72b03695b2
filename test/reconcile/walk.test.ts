import { MillraceError } from '../../src/errors.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { walk, type Cost, type Group, type Pace } from '../../src/reconcile/walk.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import type { Epoch } from '../../src/store/state.ts'
import { Compared, held, kindsOf } from './look-fixture.ts'

let world: Compared
let costs: Cost[]

beforeEach(async () => {
  world = new Compared()
  costs = []
  await world.start()
})

/** Authors 1 to `count`. */
function rows(count: number, name = 'Ada'): void {
  for (let key = 1; key <= count; key += 1) world.both(String(key), held(name))
}

type Given = {
  readonly after?: string
  readonly pace?: Partial<Pace>
  readonly ticket?: () => string | undefined
  readonly plan?: Partial<Plan>
  readonly take?: (group: Group, ticket: string | undefined) => Promise<boolean>
}

const noTicket = () => undefined

/** Walks two keys a page; answers the groups that came. */
async function walked(given: Given = {}): Promise<Group[]> {
  const groups: Group[] = []
  const pace: Pace = {
    keysMax: 2,
    charsAhead: 1_000_000,
    rest: async (cost) => void costs.push(cost),
    ...given.pace,
  }
  const { after, ticket = noTicket } = given
  const options = { after, pace, ticket, signal: world.signal }
  const walking = walk(world.plan(given.plan), options, async (group, left) => {
    groups.push(group)
    return given.take ? given.take(group, left) : true
  })
  await world.clock.until(walking)
  return groups
}

/** Keys of each sheet. */
const sheetsOf = (groups: readonly Group[]) =>
  groups.map(({ sheets }) => sheets.map(({ keys }) => keys.join()))

const entriesOf = (groups: readonly Group[]) =>
  groups.flatMap(({ judgement }) => [...judgement.verdicts.keys()])

/** Nothing can be judged before a barrier that comes after so long. */
function barrierAfter(ms: number): void {
  world.snapshot = '250:250:'
  void world.clock.sleep(ms).then(() => world.publish(world.barrier(3, 10)))
}

describe('a walk', () => {
  test('judges every key in the order of the source, a page after the other', async () => {
    rows(5)
    world.keep('4', held('Eve'))
    const groups = await walked()
    expect(entriesOf(groups)).toEqual(['1', '2', '3', '4', '5'])
    expect(world.pages).toEqual(
      [undefined, '2', '4'].map((after) => ({ kind: 'range', after, keysMax: 2 })),
    )
    const verdicts = groups.map(({ judgement }) => kindsOf(judgement))
    expect(Object.assign({}, ...verdicts)).toMatchObject({ 3: 'right', 4: 'wrong', 5: 'right' })
    expect(groups.at(-1)!.after).toBeUndefined()
  })

  test('begins after a key, and tells with each group where the next one begins', async () => {
    rows(6)
    const groups = await walked({ after: '2', pace: { charsAhead: 1 } })
    expect(sheetsOf(groups)).toEqual([['3,4'], ['5,6']])
    expect(groups.map(({ after }) => after)).toEqual(['4', undefined])
  })

  test('over nothing is one empty page', async () => {
    expect(sheetsOf(await walked())).toEqual([['']])
  })

  test('ends when whoever is given a group says so', async () => {
    rows(20)
    const groups = await walked({ pace: { charsAhead: 1 }, take: async () => false })
    expect(sheetsOf(groups)).toEqual([['1,2']])
    const asked = world.pages.length
    await world.clock.advance(10_000)
    expect(world.pages.length).toBe(asked)
    expect(asked).toBeLessThan(4)
  })

  test('that has ended asks for nothing more, and has nothing under way', async () => {
    rows(20)
    let under = 0
    world.beforeTruth = async (_, asked) => {
      under += 1
      if (asked > 1) await world.clock.sleep(500)
      under -= 1
    }
    const rest = (_: Cost, signal: AbortSignal) => world.clock.sleep(100, signal)
    await walked({ pace: { rest }, take: () => world.clock.sleep(150).then(() => false) })
    expect(under).toBe(0)
    const asked = world.pages.length
    await world.clock.advance(10_000)
    expect(world.pages.length).toBe(asked)
  })

  test('leaves a new ticket with each group, and hands it on', async () => {
    rows(4)
    let tickets = 0
    const handed: (string | undefined)[] = []
    await walked({
      pace: { charsAhead: 1 },
      ticket: () => `ticket ${(tickets += 1)}`,
      take: async (_, left) => {
        handed.push(left)
        return true
      },
    })
    expect(handed).toEqual(['ticket 1', 'ticket 2'])
    expect(Object.fromEntries(world.data.tickets)).toEqual({
      1: 'ticket 1',
      2: 'ticket 1',
      3: 'ticket 2',
      4: 'ticket 2',
    })
  })

  test('rests after each page, by its rows and the time that all was busy', async () => {
    rows(3)
    world.beforeTruth = () => world.clock.sleep(30)
    const { audit } = world.plan()
    const slow = {
      ...audit,
      look: async (question: LookQuestion) => {
        await world.clock.sleep(7)
        return audit.look(question)
      },
    }
    const rest = (cost: Cost) => {
      costs.push(cost)
      return world.clock.sleep(1_000)
    }
    await walked({ pace: { rest }, plan: { audit: slow } })
    expect(costs).toEqual([
      { rows: 2, busyMs: 30 },
      { rows: 1, busyMs: 37 },
    ])
  })
})

describe('the rest after the last page', () => {
  const restMs = 1_000

  async function tookMs(given: Given): Promise<number> {
    rows(1)
    const beganMs = world.clock.monotonicMs()
    await walked({ ...given, pace: { rest: (_, signal) => world.clock.sleep(restMs, signal) } })
    return world.clock.monotonicMs() - beganMs
  }

  test('belongs to the walk, or a view of one page would be compared without any', async () => {
    expect(await tookMs({})).toBeGreaterThanOrEqual(restMs)
  })

  test('is not waited for where the walk has to end for something else', async () => {
    expect(await tookMs({ take: async () => false })).toBeLessThan(restMs)
  })
})

describe('while a barrier is waited for, a walk', () => {
  test('asks for more truth, and judges all of it together', async () => {
    rows(6)
    barrierAfter(5_000)
    expect(sheetsOf(await walked())).toEqual([['1,2', '3,4', '5,6']])
  })

  test('asks for no more than it may hold', async () => {
    rows(20)
    barrierAfter(5_000)
    let asked = 0
    void world.clock.sleep(4_000).then(() => (asked = world.pages.length))
    // A row such as `+1:13:Ada;0;0` and its key have 14 characters, two of them a page.
    const groups = await walked({ pace: { charsAhead: 3 * 2 * 14 } })
    expect(asked).toBe(3)
    expect(sheetsOf(groups)[0]).toEqual(['1,2', '3,4', '5,6'])
    expect(entriesOf(groups).length).toBe(20)
  })

  test('judges no more at once than fits, and at least one page', async () => {
    const long = 'x'.repeat(2_500_000)
    world.both('1', held(long))
    world.both('2', held(long))
    world.both('3', held('Ada'))
    world.both('4', held(long))
    barrierAfter(5_000)
    const groups = await walked({ pace: { charsAhead: 100_000_000, keysMax: 1 } })
    expect(sheetsOf(groups)).toEqual([['1'], ['2', '3'], ['4']])
    world.both('5', held('x'.repeat(4_500_000)))
    world.both('6', held('Ada'))
    world.pages.length = 0
    const more = await walked({ after: '4', pace: { charsAhead: 100_000_000, keysMax: 1 } })
    expect(sheetsOf(more)).toEqual([['5'], ['6']])
  })

  test('judges no more keys at once than there is room for their tickets', async () => {
    rows(25_000)
    barrierAfter(5_000)
    const groups = await walked({ pace: { charsAhead: 100_000_000, keysMax: 5_000 } })
    expect(groups.map(({ sheets }) => sheets.length)).toEqual([4, 1])
    expect(entriesOf(groups).length).toBe(25_000)
  })

  test('judges only what the barrier is behind of', async () => {
    rows(4)
    world.beforeTruth = (_, asked) => {
      world.snapshot = asked === 1 ? '150:150:' : '250:250:'
    }
    void world.clock.sleep(3_000).then(() => world.publish(world.barrier(3, 10)))
    expect(sheetsOf(await walked())).toEqual([['1,2'], ['3,4']])
  })
})

describe('a walk fails', () => {
  const busy = new MillraceError('source-busy', 'busy')

  test('with the source', async () => {
    world.beforeTruth = () => Promise.reject(busy)
    await expect(walked()).rejects.toBe(busy)
  })

  test('with the source also while it waits for a barrier', async () => {
    rows(4)
    world.snapshot = '250:250:'
    world.beforeTruth = (_, asked) => (asked === 2 ? Promise.reject(busy) : undefined)
    const startedMs = world.clock.monotonicMs()
    void world.clock.sleep(100).then(() => world.watch.ask())
    await expect(walked()).rejects.toBe(busy)
    expect(world.clock.monotonicMs() - startedMs).toBe(100)
  })

  test('with the source behind what was judged before', async () => {
    rows(4)
    world.beforeTruth = (_, asked) => (asked === 2 ? Promise.reject(busy) : undefined)
    const taken: string[] = []
    const take = async ({ sheets }: Group) => {
      taken.push(...sheets.flatMap(({ keys }) => keys))
      return true
    }
    const rest = () => world.clock.sleep(1_000)
    await expect(walked({ take, pace: { rest } })).rejects.toBe(busy)
    expect(taken).toEqual(['1', '2'])
  })

  test('with a look that can not be judged, and asks for no more', async () => {
    rows(10)
    world.horizon = '90'
    await expect(walked({ pace: { charsAhead: 1 } })).rejects.toMatchObject({ code: 'look-behind' })
    const asked = world.pages.length
    await world.clock.advance(10_000)
    expect(world.pages.length).toBe(asked)
  })

  test('with whoever is given a group', async () => {
    rows(10)
    const bug = new Error('a bug')
    await expect(walked({ take: () => Promise.reject(bug) })).rejects.toBe(bug)
  })

  test('after a minute without a barrier', async () => {
    rows(2)
    world.snapshot = '250:250:'
    const startedMs = world.clock.monotonicMs()
    await expect(walked()).rejects.toMatchObject({
      code: 'look-behind',
      message: 'no barrier was published within 60 s',
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(60_000)
  })

  test('when the epoch turns while it waits for a barrier', async () => {
    rows(2)
    world.snapshot = '250:250:'
    void world.clock.sleep(1_000).then(() => {
      world.data.state = { ...world.data.state!, epoch: 'another' as Epoch }
      return world.watch.ask()
    })
    const startedMs = world.clock.monotonicMs()
    await expect(walked()).rejects.toMatchObject({
      code: 'look-void',
      message: 'the view has turned its epoch',
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(1_000)
  })

  test('when the view is gone while it waits for a barrier', async () => {
    rows(2)
    world.snapshot = '250:250:'
    const plan = world.plan()
    void world.clock.sleep(1_000).then(() => {
      world.data.state = undefined
      return world.watch.ask()
    })
    await expect(walked({ plan })).rejects.toMatchObject({ code: 'look-void' })
  })

  test('when it is given up while it rests', async () => {
    rows(20)
    void world.clock.sleep(1_000).then(() => world.end.abort())
    const rest = (_: Cost, signal: AbortSignal) => world.clock.sleep(60_000, signal)
    const startedMs = world.clock.monotonicMs()
    await expect(walked({ pace: { rest } })).rejects.toMatchObject({ code: 'look-void' })
    expect(world.clock.monotonicMs() - startedMs).toBe(1_000)
  })

  test.each([
    ['while it waits for a barrier', '250:250:'],
    ['while it waits for the source', '150:150:'],
  ])('when it is given up %s', async (_, snapshot) => {
    rows(2)
    world.snapshot = snapshot
    if (snapshot === '150:150:') {
      world.beforeTruth = () => world.clock.sleep(2_000, world.signal)
    }
    void world.clock.sleep(1_000).then(() => world.end.abort())
    const startedMs = world.clock.monotonicMs()
    await expect(walked()).rejects.toMatchObject({
      code: 'look-void',
      message: 'the walk was given up',
    })
    expect(world.clock.monotonicMs() - startedMs).toBe(1_000)
  })
})
