import type { Mutation } from '../../src/mutation.ts'
import { decodeEntry } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { Epoch } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import {
  add,
  cellsOf,
  put,
  tally,
  tallyLayout,
  userFields,
  userLayout,
} from '../support/view-layouts.ts'
import { sleep, slowness, until } from '../support/wait.ts'
import { postgresHarness, type PostgresHarness } from './postgres-harness.ts'
import {
  aBarrier,
  aCommit,
  aDoubt,
  aParked,
  aTurn,
  checkpoint,
  checkpointsOf,
  elsewhere,
  everywhere,
  offset,
  one,
  partitions,
  serving,
  stateOf,
  step,
  storeForEachTest,
  texts,
  users0,
} from './store-fixture.ts'
import { tallied, told } from './tally-fixture.ts'

let harness: PostgresHarness
let store: ViewStore

/**
 * The server's own isolation is another one than the store needs, and a statement that does not say
 * in which order it locks rows does so in the order in which they lie in the table.
 */
const setUp = () =>
  postgresHarness({
    default_transaction_isolation: 'serializable',
    enable_indexscan: 'off',
    enable_indexonlyscan: 'off',
  })

const held = new Set<() => Promise<void>>()

/** A test that failed may not have let go, and what waits can't be closed. */
afterEach(async () => {
  for (const release of held) await release()
})

storeForEachTest(setUp, (...parts) => {
  ;[harness, store] = parts
})

/** Holds what the statement locks; what needs it waits until the answer is called. */
async function holding(text: string): Promise<() => Promise<void>> {
  const client = await harness.sql.connect()
  const release = async () => {
    if (!held.delete(release)) return
    await client.query('rollback').finally(() => client.release())
  }
  held.add(release)
  await client.query(`begin; ${text}`)
  return release
}

/** Waits until so many connections of the store wait for locks. */
async function waiting(count: number): Promise<void> {
  const counted = async () => {
    const { rows } = await harness.sql.query<{ count: string }>(
      `select count(*) from pg_stat_activity
       where application_name = 'millrace' and wait_event_type = 'Lock'`,
    )
    return Number(rows[0]!.count) === count
  }
  await until(`${count} that wait`, counted, 2_000 * slowness)
}

const rowThere = 'select from user_information where user_id = 1 for update'
const rowNotThere = 'insert into user_information (user_id) values (1)'

describe('beside a commit under way that puts a row', () => {
  test.each([
    ['that is there', [put('1', { name: 'old' })], rowThere],
    ['that is not there', [], rowNotThere],
  ] as const)('%s, a look waits and reads what was put', async (_, before, hold) => {
    const epoch = await serving(store, before)
    const release = await holding(hold)
    const committing = step(store, 10, [put('1', { name: 'new' })])
    await waiting(1)
    const looking = store.audit(userLayout).look({ epoch, keys: ['1'], ticket: 't' })
    await Promise.race([looking, waiting(2)])
    await release()
    await committing
    const looked = await looking
    const text = looked.kind === 'entries' && looked.texts[0]
    expect(decodeEntry(userLayout, String(text))?.fields?.name).toBe('new')
  })

  test('a correction of an earlier look waits and leaves the row alone', async () => {
    const epoch = await serving(store, [put('1', { name: 'old' })])
    const audit = store.audit(userLayout)
    await audit.look({ epoch, keys: ['1'], ticket: 't' })
    const release = await holding(rowThere)
    const committing = step(store, 10, [put('1', { name: 'new' })])
    await waiting(1)
    const corrections = [{ entry: '1', put: userFields({ name: 'old' }), add: { likeCount: 2n } }]
    const correcting = audit.correct({ epoch, ticket: 't', corrections })
    await waiting(2)
    await release()
    await committing
    expect(await correcting).toEqual({ kind: 'applied', lost: [0] })
    const found = await one(store, '1')
    expect([found?.fields.name, found?.counts.likeCount]).toEqual(['new', 2n])
  })

  test('a look waits for no commit that only adds', async () => {
    const epoch = await serving(store, [put('1', { name: 'old' })])
    const release = await holding(rowThere)
    const committing = step(store, 10, [add('1', { likeCount: 1n })])
    await waiting(1)
    const looked = await store.audit(userLayout).look({ epoch, keys: ['1'], ticket: 't' })
    expect(looked.kind === 'entries' && looked.checkpoints.get('users/0')?.next).toBe(offset(10))
    await release()
    expect((await committing).kind).toBe('applied')
  })
})

describe('two that need the same rows in other orders wait for each other in one order', () => {
  /** Both wait for what is held, and go on at the same moment. */
  async function bothFinish(hold: string, works: readonly (() => Promise<unknown>)[]) {
    const release = await holding(hold)
    const done: Promise<unknown>[] = []
    for (const work of works) {
      done.push(work())
      await waiting(done.length)
    }
    await release()
    await Promise.all(done)
  }

  const keys = ['3', '2', '1']

  test('doubts', async () => {
    const epoch = await serving(store)
    const raising = (at: number, names: readonly string[]) => () =>
      store
        .writer(userLayout)
        .commit(
          aCommit(epoch, { partition: partitions[at]!, doubts: names.map((name) => aDoubt(name)) }),
        )
    await raising(2, ['a', 'b', 'c', 'd'])()
    await bothFinish(`select from millrace.doubts where name in ('c', 'd') for update`, [
      raising(0, ['a', 'c', 'b']),
      raising(1, ['b', 'd', 'a']),
    ])
    const { doubts } = await stateOf(store)
    expect(doubts.map(({ name }) => name).slice(-3)).toEqual(['b', 'd', 'a'])
  })

  test('tickets', async () => {
    const epoch = await serving(store)
    const audit = store.audit(userLayout)
    for (const key of keys) await audit.look({ epoch, keys: [key], ticket: 't' })
    const corrections = keys.map((entry) => ({ entry, put: userFields({ name: 'old' }), add: {} }))
    const puts = keys.map((key) => put(key, { name: 'new' }))
    await bothFinish(`select from millrace.tickets where entry = '2' for update`, [
      () => audit.correct({ epoch, ticket: 't', corrections }),
      () => step(store, 10, puts),
    ])
    expect((await one(store, '1'))?.fields.name).toBe('new')
  })

  test('entries', async () => {
    const epoch = await serving(store)
    for (const [at, key] of keys.entries()) await step(store, 10 + at, [put(key, { name: 'x' })])
    const added = keys.map((key) => add(key, { likeCount: 1n }))
    await bothFinish('select from user_information where user_id = 2 for update', [
      () => step(store, 13, added),
      () => store.audit(userLayout).sweep(epoch, keys, ['motto']),
    ])
    expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
  })

  test('cells', async () => {
    const epoch = await serving(store)
    const items = { c: 1n, b: 1n, a: 1n }
    const cellsOfAll = keys.map((key) => tally(key, { topArtists: items, hidden: items }))
    for (const [at, mutation] of cellsOfAll.entries()) await tallied(store, 10 + at, [mutation])
    const middle = `select from user_information_cells
      where user_id = 2 and tally = 'hidden' and item = 'b' for update`
    const reversed = cellsOfAll.toReversed().map((mutation) => ({
      ...mutation,
      cells: new Map(
        [...mutation.cells!]
          .toReversed()
          .map(([name, each]) => [name, new Map([...each].toReversed())]),
      ),
    }))
    await bothFinish(middle, [
      () => tallied(store, 13, cellsOfAll),
      () =>
        store
          .writer(tallyLayout)
          .commit(aCommit(epoch, { partition: partitions[1]!, mutations: reversed })),
      () => store.audit(userLayout).sweep(epoch, keys, ['topArtists', 'hidden']),
    ])
    const { rows } = await harness.sql.query('select from user_information_cells')
    expect(rows).toEqual([])
  })
})

test('a commit of cells alone waits for nobody who holds the row of its entry', async () => {
  await serving(store, [put('1')])
  const release = await holding(rowThere)
  const committing = tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
  expect(await committing).toMatchObject({ kind: 'applied' })
  await release()
})

describe('beside a correction under way', () => {
  test('a look at items waits and reads what was corrected', async () => {
    const epoch = await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 5n } })])
    const audit = store.audit(tallyLayout)
    await audit.look({ epoch, keys: ['1'], ticket: 't' })
    const release = await holding('select from user_information_cells for update')
    const corrections = [{ ...add('1', {}), cells: cellsOf({ hidden: { x: -1n } }) }]
    const correcting = audit.correct({ epoch, ticket: 't', corrections })
    await waiting(1)
    const question = { epoch, entry: '1', tally: 'hidden', items: ['x'], ticket: 'u' }
    const looking = store.tallies(tallyLayout).look(question)
    await Promise.race([looking, waiting(2)])
    await release()
    expect(await correcting).toEqual({ kind: 'applied', lost: [] })
    expect(await looking).toMatchObject({ amounts: new Map([['x', 4n]]) })
  })

  test('another one with the ticket of the same amounts waits and is left undone', async () => {
    const epoch = await serving(store)
    await tallied(store, 10, [tally('1', { hidden: { x: 5n } })])
    const audit = store.audit(tallyLayout)
    const question = { epoch, entry: '1', tally: 'hidden', items: ['x'], ticket: 't' }
    await store.tallies(tallyLayout).look(question)
    const release = await holding('select from user_information_cells for update')
    const corrections = [{ ...add('1', {}), cells: cellsOf({ hidden: { x: -1n } }) }]
    const first = audit.correct({ epoch, ticket: 't', corrections })
    await waiting(1)
    const second = audit.correct({ epoch, ticket: 't', corrections })
    await waiting(2)
    await release()
    expect(await first).toEqual({ kind: 'applied', lost: [] })
    expect(await second).toEqual({ kind: 'applied', lost: [0] })
    expect(await told(store, '1')).toEqual(cellsOf({ hidden: { x: 4n } }))
  })
})

test('the epoch turns after what is under way in the old one has ended', async () => {
  const epoch = await serving(store, [put('1')])
  const audit = store.audit(userLayout)
  await audit.look({ epoch, keys: ['1'], ticket: 't' })
  const release = await holding(rowThere)
  const corrections = [add('1', { likeCount: 1n })]
  const order: string[] = []
  const correcting = audit
    .correct({ epoch, ticket: 't', corrections })
    .then(() => order.push('corrected'))
  await waiting(1)
  const turning = store.coordination.turn(aTurn(epoch)).then(() => order.push('turned'))
  await waiting(2)
  await release()
  await Promise.all([correcting, turning])
  expect(order).toEqual(['corrected', 'turned'])
})

test('a ticket is of no use after its time, and is removed by a later look', async () => {
  const epoch = await serving(store, [put('1'), put('2')])
  const audit = store.audit(userLayout)
  await audit.look({ epoch, keys: ['1', '2'], ticket: 't' })
  await harness.sql.query(
    `update millrace.tickets set left_at = now() - $1 * interval '1 millisecond'`,
    [limits.ticketTtlMs],
  )
  const corrections = [add('1', { likeCount: 1n })]
  const lost = { kind: 'applied', lost: [0] }
  expect(await audit.correct({ epoch, ticket: 't', corrections })).toEqual(lost)
  expect((await one(store, '1'))?.counts.likeCount).toBe(0n)
  await audit.look({ epoch, keys: ['3'], ticket: 'u' })
  const { rows } = await harness.sql.query('select entry, ticket from millrace.tickets')
  expect(rows).toEqual([{ entry: '3', ticket: 'u' }])
})

test('the ticket of a row whose time is over stays of no use when amounts get another', async () => {
  const epoch = await serving(store, [put('1')])
  const audit = store.audit(tallyLayout)
  await audit.look({ epoch, keys: ['1'], ticket: 't' })
  await harness.sql.query(
    `update millrace.tickets set left_at = now() - $1 * interval '1 millisecond'`,
    [limits.ticketTtlMs],
  )
  const question = { epoch, entry: '1', tally: 'hidden', items: ['x'], ticket: 'u' }
  await store.tallies(tallyLayout).look(question)
  const corrections = [{ entry: '1', put: null, add: {} }]
  const lost = { kind: 'applied', lost: [0] }
  expect(await audit.correct({ epoch, ticket: 't', corrections })).toEqual(lost)
})

test('records that are parked at once are kept up to the bound and counted beyond it', async () => {
  const epoch = await serving(store)
  const each = 40
  await Promise.all(
    partitions.map((partition) => {
      const parked = Array.from({ length: each }, (_, at) => aParked(at, { partition }))
      return store.writer(userLayout).commit(aCommit(epoch, { partition, parked }))
    }),
  )
  const { rows } = await harness.sql.query('select count(*)::integer as kept from millrace.parked')
  expect(rows).toEqual([{ kept: limits.parkedMax }])
  const { parked } = await store.reader(userLayout, 'd1').status()
  expect(parked).toBe(each * partitions.length)
})

/** Every key and cell gets 1 from each commit, and its name from those of `users/0`. */
test('all that a view does at once sees whole commits, and nobody waits in a circle', async () => {
  const keys = Array.from({ length: 60 }, (_, index) => String(index + 1))
  const epoch = await serving(
    store,
    keys.map((key) => put(key, { name: '10' })),
  )
  const deadlocksBefore = await deadlocks()
  const stop = new AbortController()
  const work = [
    ...partitions.map((partition) => async (at: number) => {
      const puts = partition === users0 ? { put: userFields({ name: String(11 + at) }) } : {}
      const mutations = shuffled(keys).map((entry): Mutation => ({
        entry,
        put: undefined,
        ...puts,
        add: { likeCount: 1n },
        cells: shuffledCells(),
      }))
      const [from, to] = [offset(10 + at), checkpoint(11 + at)]
      const doubts = shuffled(['a', 'b', 'c']).map((name) => aDoubt(name))
      const parked = at % 2 === 0 ? [aParked(at, { partition })] : []
      const commit = aCommit(epoch, { partition, from, to, mutations, doubts, parked })
      expect((await store.writer(tallyLayout).commit(commit)).kind).toBe('applied')
    }),
    ...['t', 'u'].map((ticket) => async (at: number) => {
      await lookAndCorrect(epoch, shuffled(keys), `${ticket}${at}`)
    }),
    async () => void (await store.audit(userLayout).sweep(epoch, shuffled(keys), ['gone'])),
    async (at: number) => {
      await store.coordination.publish(aBarrier('0/11', 10, { number: at + 2 }), [at + 1])
      await store.coordination.advance(epoch, aBarrier('0/11', 10), 0)
    },
    async (at: number) => {
      const { fingerprint, pass, doubts } = await stateOf(store)
      const raised = shuffled(['c', 'b', 'a']).map((name) => aDoubt(name))
      const after = String(at)
      const step1 = { epoch, before: fingerprint, after, doubts: raised }
      await store.coordination.observe(step1)
      const ended = doubts.map(({ id }) => id)
      const step2 = { epoch, before: pass, after, ended, completed: [] }
      await store.audit(userLayout).progress(step2)
      await store.reader(userLayout, 'd1').clearParked()
    },
    async () => {
      await store.coordination.turn(aTurn(elsewhere, { offsets: everywhere(0) }))
      await sleep(20)
    },
  ]
  const rounds = work.map(() => 0)
  const done = work.map(async (round, index) => {
    while (!stop.signal.aborted) await round(rounds[index]!++)
  })
  const enough = until('enough rounds of each', () => rounds.every((count) => count > 50))
  await Promise.race([Promise.all(done), enough])
  stop.abort()
  await Promise.all(done)
  expect(await deadlocks()).toBe(deadlocksBefore)
  const sum = [...(await checkpointsOf(store)).values()].reduce((all, { next }) => all + next, -30n)
  for (const text of await texts(store, keys, tallyLayout)) {
    const { counts, tallies } = decodeEntry(tallyLayout, text)!
    expect(counts.likeCount).toBe(sum)
    expect(tallies?.get('topArtists')).toEqual(cellsAt(sum))
  }
}, 60_000)

/** A look sees what its checkpoints say, and a correction that adds nothing spoils nothing. */
async function lookAndCorrect(epoch: Epoch, keys: readonly string[], ticket: string) {
  const audit = store.audit(tallyLayout)
  const looked = await audit.look({ epoch, keys, ticket })
  if (looked.kind === 'conflict') throw new Error('the epoch turned')
  const next = partitions.map(
    ({ topic, partition }) => looked.checkpoints.get(`${topic}/${partition}`)!.next,
  )
  const sum = next.reduce((all, each) => all + each, -30n)
  for (const text of looked.texts) {
    const { fields, counts, tallies } = decodeEntry(tallyLayout, text)!
    expect([fields?.name, counts.likeCount]).toEqual([String(next[0]), sum])
    expect(tallies?.get('topArtists')).toEqual(cellsAt(sum))
  }
  const name = String(next[0])
  const half = keys.slice(keys.length / 2)
  const corrections = half.map((entry) => ({ entry, put: userFields({ name }), add: {} }))
  expect((await audit.correct({ epoch, ticket, corrections })).kind).toBe('applied')
}

async function deadlocks(): Promise<number> {
  const { rows } = await harness.sql.query<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  return Number(rows[0]!.deadlocks)
}

function cellsAt(sum: bigint) {
  return new Map(sum === 0n ? [] : ['a', 'b', 'c'].map((item) => [item, sum] as const))
}

function shuffledCells() {
  return cellsOf({
    topArtists: Object.fromEntries(shuffled(['a', 'b', 'c']).map((item) => [item, 1n])),
  })
}

function shuffled<T>(values: readonly T[]): readonly T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value)
}
