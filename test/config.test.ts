import { readConfig, refuseUnknownVariables, variablesOf } from '../src/config.ts'

const secret = 's3cret'

function messageOf(env: Readonly<Record<string, string>>): string {
  try {
    readConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

test('everything has a default', () => {
  expect(readConfig({})).toMatchObject({ redis: 'redis://127.0.0.1:6379', apiPort: 8080 })
})

test('an empty variable is one that is not set', () => {
  expect(readConfig({ MILLRACE_API_PORT: '' }).apiPort).toBe(8080)
})

test.each([
  ['MILLRACE_REDSI', 'MILLRACE_REDSI is unknown; did you mean MILLRACE_REDIS?'],
  ['MILLRACE_SESSION_TIMEOUT', 'did you mean MILLRACE_SESSION_TIMEOUT_MS?'],
  ['MILLRACE_PORT_KAKFA', 'did you mean MILLRACE_PORT_KAFKA?'],
])('%s is refused with the nearest name', (name, said) => {
  expect(messageOf({ [name]: 'x' })).toContain(said)
  expect(() => refuseUnknownVariables({ [name]: 'x' })).toThrow(said)
})

test('a name that is like none is refused without a guess', () => {
  expect(messageOf({ MILLRACE_ZZZZ: 'x' })).toMatch(/MILLRACE_ZZZZ is unknown$/)
})

test('variables of tools and tests, and those of others, are let pass', () => {
  const names = ['MILLRACE_FOLDER', 'MILLRACE_SOURCE_ADMIN', 'MILLRACE_TEST_SEED', 'REDSI']
  expect(messageOf(Object.fromEntries(names.map((name) => [name, 'x'])))).toBe('')
})

test('all that is wrong is said at once', () => {
  const message = messageOf({
    MILLRACE_REDSI: 'x',
    MILLRACE_API_PORT: '65536',
    MILLRACE_STORES: 'redis,sqlite',
    MILLRACE_KAFKA: 'broker',
    MILLRACE_SLOT: 'Mill-Race',
    MILLRACE_READ_FROM: 'disk',
    MILLRACE_LOOK_SHARE_PERCENT: 'half',
    MILLRACE_SOURCE: 'mysql://127.0.0.1/x',
  })
  expect(message.split('\n').slice(1).length).toBe(8)
})

describe('a URL', () => {
  test.each([
    ['redis://127.0.0.1:6379/3'],
    ['rediss://user:p%40%2F%23%25@redis.example:6380'],
    ['redis://[::1]:6379'],
  ])('%s of Redis is taken', (redis) => {
    expect(readConfig({ MILLRACE_REDIS: redis }).redis).toBe(redis)
  })

  test('of Postgres may name its host as libpq does', () => {
    const source = 'postgresql:///millrace?host=/var/run/postgresql'
    expect(readConfig({ MILLRACE_SOURCE: source }).source).toBe(source)
  })

  test.each([
    ['MILLRACE_REDIS', `http://:${secret}@127.0.0.1`, 'must begin with redis:// or rediss://'],
    ['MILLRACE_SOURCE', secret, 'must begin with postgres:// or postgresql://'],
    ['MILLRACE_CONNECT', 'ftp://127.0.0.1', 'must begin with http:// or https://'],
    ['MILLRACE_POSTGRES', 'postgres:///views', 'names no host'],
    ['MILLRACE_REDIS', `redis://user:${secret}/x@127.0.0.1`, 'is no URL'],
    ['MILLRACE_REDIS', `redis://user:1/${secret}@127.0.0.1`, 'is no URL'],
    ['MILLRACE_REDIS', `redis://user:1#${secret}@127.0.0.1`, 'is no URL'],
    ['MILLRACE_SOURCE', `postgres://user:1?${secret}@127.0.0.1/db`, 'is no URL'],
    ['MILLRACE_SOURCE', `postgres://user:${secret}%zz@127.0.0.1/db`, 'is no URL'],
  ])('%s=%s is refused, and not shown', (name, value, said) => {
    const message = messageOf({ [name]: value })
    expect(message).toContain(`${name} ${said}`)
    expect(message).not.toContain(secret)
  })
})

describe('a role', () => {
  test('reads only what it needs: the API does not mind a source that is no URL', () => {
    const env = { MILLRACE_SOURCE: 'nonsense', MILLRACE_REDIS: 'redis://redis.example' }
    expect(readConfig(env, 'api').redis).toBe('redis://redis.example')
    expect(() => readConfig(env, 'worker')).toThrow('MILLRACE_SOURCE')
  })

  test('that asks for more is a bug, not a default', () => {
    const config = readConfig({}, 'api')
    expect(() => config.source).toThrow('the role api does not read MILLRACE_SOURCE')
  })

  test('has a list of its variables', () => {
    expect(variablesOf('api')).toEqual(
      expect.arrayContaining(['MILLRACE_REDIS', 'MILLRACE_API_PORT', 'MILLRACE_READ_FROM']),
    )
    const hidden = ['SOURCE', 'KAFKA', 'CONNECT', 'REGISTRY'].map((name) => `MILLRACE_${name}`)
    expect(variablesOf('api').filter((name) => hidden.includes(name))).toEqual([])
    expect(variablesOf('parked').filter((name) => hidden.includes(name))).toEqual([])
    expect(variablesOf('worker')).toEqual(expect.arrayContaining(hidden))
    expect(variablesOf('worker')).not.toContain('MILLRACE_API_PORT')
  })
})
