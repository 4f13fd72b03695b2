/** Redis keeps what a script wrote before an error, so each asks for its rights first. */
import type { Redis } from 'ioredis'
import { aclRules } from '../../src/store/redis/acl.ts'
import { readScript, scriptNames } from '../../src/store/redis/scripts.ts'
import type { Epoch } from '../../src/store/state.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { cellsOf, put, tallyLayout, unput } from '../support/view-layouts.ts'
import { redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  aBarrier,
  aCommit,
  aDoubt,
  aParked,
  aTurn,
  building,
  checkpoint,
  declared,
  readerOf,
  stateOf,
  storeForEachTest,
} from './store-fixture.ts'

let harness: RedisHarness
let store: ViewStore
const closeAfterwards = storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

type Step = {
  readonly name: string
  readonly act: (client: ViewStore, epoch: Epoch) => Promise<unknown>
  /** What a worker with all rights does before. */
  readonly prepare?: (epoch: Epoch) => Promise<unknown>
}

const correction = {
  entry: '4',
  put: null,
  add: { likeCount: -1n },
  cells: cellsOf({ topArtists: { Cher: -1n }, byCountry: { y: 1n } }),
}

/** Each writes all that its script can write, in several places. */
const steps: readonly Step[] = [
  {
    name: 'a commit',
    act: (client, epoch) => {
      const cells = cellsOf({ topArtists: { Abba: 2n, Cher: -1n }, hidden: { x: 1n } })
      const more = { ...put('1'), add: { likeCount: 1n }, cells }
      const emptied = { ...unput('2'), add: { likeCount: -1n } }
      const mutations = [more, emptied, unput('3')]
      const told = { parked: [aParked(1)], doubts: [aDoubt('a')] }
      return client.writer(tallyLayout).commit(aCommit(epoch, { mutations, ...told }))
    },
  },
  {
    name: 'a correction',
    prepare: (epoch) => store.audit(tallyLayout).look({ epoch, keys: ['4'], ticket: 't' }),
    act: (client, epoch) =>
      client.audit(tallyLayout).correct({ epoch, ticket: 't', corrections: [correction] }),
  },
  {
    name: 'an entry moved aside',
    prepare: async () => {
      await harness.redis.set('user-information:9', 'by hand')
      await harness.redis.set('user-information.hidden:9', 'by hand')
    },
    act: (client, epoch) => client.writer(tallyLayout).displace(epoch, '9', aDoubt('b')),
  },
  {
    name: 'a sweep',
    act: (client, epoch) => client.audit(tallyLayout).sweep(epoch, ['1', '5'], ['topArtists']),
  },
  {
    name: 'what is let go',
    prepare: (epoch) => store.keeping(tallyLayout).raise({ epoch, before: undefined, after: 7 }),
    act: (client, epoch) => client.keeping(tallyLayout).remove({ epoch, bound: 7, keys: ['5'] }),
  },
  {
    name: 'a barrier',
    act: (client) => client.coordination.publish(aBarrier('0/20', 10, { number: 3 }), [1]),
  },
  {
    name: 'a look',
    act: (client, epoch) =>
      client.audit(tallyLayout).look({ epoch, keys: ['1', '404'], ticket: 'u' }),
  },
  {
    name: 'a look at items',
    act: (client, epoch) => {
      const question = { epoch, entry: '1', tally: 'topArtists', items: ['Abba'], ticket: 'u' }
      return client.tallies(tallyLayout).look(question)
    },
  },
  {
    name: 'a pass',
    act: async (client, epoch) => {
      const { pass } = await stateOf(store)
      const step = { epoch, before: pass, after: `${pass}+`, ended: [], completed: [declared.id] }
      return client.audit(tallyLayout).progress(step)
    },
  },
  {
    name: 'a wish',
    act: (client) =>
      client.watchable.want(() => ({ declaration: 'd1', adopt: false, prune: false, sweep: [] })),
  },
  {
    name: 'a lease',
    act: (client) =>
      client.coordination.lease({ holder: 'h', declaration: 'd1', ttlMs: 60_000, over: true }),
  },
  { name: 'forgetting parked records', act: (client) => readerOf(client).clearParked() },
  { name: 'an epoch', act: (client, epoch) => client.coordination.turn(aTurn(epoch)) },
]

async function filled(): Promise<Epoch> {
  const amounts = { add: { likeCount: 1n }, cells: cellsOf({ topArtists: { Cher: 1n } }) }
  const mutations = ['1', '2', '3', '4', '5'].map((key) => ({ ...put(key), ...amounts }))
  const epoch = await building(store)
  await store.writer(tallyLayout).commit(aCommit(epoch, { to: checkpoint(10), mutations }))
  await store.audit(tallyLayout).look({ epoch, keys: ['1', '2', '3'], ticket: 's' })
  return epoch
}

/** What lies under every key of the store; a set, for hashes have no order. */
async function everything(redis: Redis): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key)
    if (type === 'string') found.add(`${key} ${await redis.get(key)}`)
    const scores = type === 'zset' ? await redis.zrange(key, '0', '-1', 'WITHSCORES') : []
    if (type === 'zset') found.add(`${key} ${scores.join(' ')}`)
    const fields = type === 'hash' ? await redis.hgetall(key) : {}
    for (const [field, value] of Object.entries(fields)) found.add(`${key} ${field} ${value}`)
  }
  return found
}

const rules = aclRules('worker', ['user-information'])
const written = new Set(
  scriptNames
    .map(readScript)
    .filter(({ readOnly }) => !readOnly)
    .flatMap(({ source }) => [...source.matchAll(/call\('([A-Z]+)'/g)])
    .map(([, command]) => `+${command!.toLowerCase()}`),
)

test.each(rules.filter((rule) => written.has(rule)))(
  'a worker without %s does as a whole what it may, and else changes nothing',
  async (lacking) => {
    const epoch = await filled()
    const name = `worker-${lacking.slice(1)}`
    const given = rules.filter((rule) => rule !== lacking)
    await harness.redis.acl('SETUSER', name, 'reset', 'on', '>secret', ...given)
    const { host } = new URL(harness.server.url)
    const client = await harness.openWith({ url: `redis://${name}:secret@${host}` })
    closeAfterwards(client)
    const refused: string[] = []
    for (const step of steps) {
      await step.prepare?.(epoch)
      const before = await everything(harness.redis)
      const done = step.act(client, epoch)
      const error: unknown = await done.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error === undefined) continue
      refused.push(step.name)
      const message = expect.stringMatching(
        `nothing was written: the user lacks \\${lacking}|'get'`,
      )
      expect([step.name, error]).toMatchObject([step.name, { code: 'store-refused', message }])
      expect([step.name, await everything(harness.redis)]).toEqual([step.name, before])
      await step.act(store, epoch)
    }
    expect(refused).not.toEqual([])
  },
)
