import { configOf, namedSettings } from '../../src/config.ts'
import { givenToChain } from '../../src/dev/given.ts'
import type { LoadedProject } from '../../src/project/project.ts'

type Said = Readonly<Record<string, unknown>>
type Variables = Readonly<Record<string, string>>

function projectOf(values: Said, env: Variables): LoadedProject {
  const sources = { env, file: { name: 'millrace.config.ts', values } }
  const named = namedSettings(sources)
  return { config: configOf(sources), views: [], path: undefined, named }
}

function given(values: Said, env: Variables = {}) {
  return givenToChain(projectOf(values, env), env)
}

test('what names nothing gets every server, and no port is asked for', () => {
  expect(given({})).toEqual({
    source: undefined,
    ports: {},
    servers: ['postgres', 'redis', 'registry', 'kafka', 'connect'],
    notes: [],
  })
})

test('addresses of this machine say which ports the servers take', () => {
  const { ports, notes } = given({
    kafka: ['localhost:9192', 'other.example:9092'],
    registry: 'http://127.0.0.1:8181/apis/ccompat/v7',
    connect: 'http://[::1]:8183',
    stores: { redis: 'redis://127.0.0.1' },
    apiPort: 8180,
  })
  expect(ports).toEqual({
    kafka: { port: 9192, where: 'kafka' },
    registry: { port: 8181, where: 'registry' },
    connect: { port: 8183, where: 'connect' },
    redis: { port: 6379, where: 'stores.redis' },
    api: { port: 8180, where: 'apiPort' },
  })
  expect(notes).toEqual([])
})

test('those of other machines are not used, and that is said', () => {
  const env = { MILLRACE_REDIS: 'rediss://:secret@cache.example:6379', MILLRACE_KAFKA: 'k:1' }
  const { ports, notes } = given({ connect: 'http://connect.example:8083' }, env)
  expect(ports).toEqual({})
  expect(notes).toEqual([
    'MILLRACE_KAFKA is not used: this chain has its own',
    'connect is not used: this chain has its own',
    'MILLRACE_REDIS is not used: this chain has its own',
  ])
})

test('a source that is named stands in for the Postgres of the chain', () => {
  const source = 'postgres://me@127.0.0.1:5433/shop'
  const fromFile = given({ source })
  expect(fromFile.source).toEqual({
    source,
    sourceOwner: undefined,
    capture: undefined,
    postgres: undefined,
    postgresReader: undefined,
  })
  expect(fromFile.servers).toEqual(['redis', 'registry', 'kafka', 'connect'])
  expect(given({}, { MILLRACE_SOURCE: source }).source).toEqual(fromFile.source)
  const owner = 'postgres://boss@127.0.0.1:5433/shop'
  expect(given({ source, sourceOwner: owner, capture: owner }).source).toMatchObject({
    sourceOwner: owner,
    capture: owner,
  })
})

test('what only belongs to a source that is named is said not to count without one', () => {
  const { source, notes } = given({ sourceOwner: 'postgres://boss@db.example/shop' })
  expect(source).toBeUndefined()
  expect(notes).toEqual([expect.stringContaining('sourceOwner is not used without a source')])
})

test('Redis is started only where a store of it is kept or read', () => {
  const source = 'postgres://me@127.0.0.1/shop'
  const stores = { postgres: 'postgres://views@127.0.0.1/cards' }
  expect(given({ source, stores })).toMatchObject({
    servers: ['registry', 'kafka', 'connect'],
    source: { postgres: stores.postgres },
  })
  expect(given({}, { MILLRACE_STORES: 'redis,postgres' }).servers).toContain('redis')
  expect(given({ source, stores }).notes).toEqual([
    expect.stringMatching(/as the user that writes them.*MILLRACE_POSTGRES_READER/),
  ])
  const reader = 'postgres://reader@127.0.0.1/cards'
  expect(given({ source, stores }, { MILLRACE_POSTGRES_READER: reader })).toMatchObject({
    source: { postgres: stores.postgres, postgresReader: reader },
    notes: [],
  })
})

test('a Postgres store beside a source that is named needs an address', () => {
  const env = { MILLRACE_SOURCE: 'postgres://me@127.0.0.1/shop', MILLRACE_STORES: 'postgres' }
  expect(() => given({}, env)).toThrow('the Postgres store is to be kept, and has no address')
})

test('a source that Kafka Connect can not reach is refused, without its password', () => {
  const source = 'postgres://me:secret@localhost/shop?host=/var/run/postgresql'
  const fault = () => given({ source })
  expect(fault).toThrow('postgres://me@localhost/shop names no host that Kafka Connect can reach')
  const capture = 'postgres://dbz@127.0.0.1/shop'
  expect(given({ source, capture }).source).toMatchObject({ capture })
})
