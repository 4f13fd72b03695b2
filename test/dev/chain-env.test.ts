import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { readConfig } from '../../src/config.ts'
import {
  captureEnv,
  chainEnvPath,
  environmentOf,
  envOf,
  envOfRole,
  ownSettings,
  storesOfChain,
} from '../../src/dev/chain-env.ts'
import { lockPath } from '../../src/dev/folders.ts'
import { newPasswords } from '../../src/dev/passwords.ts'
import { portNames, portVariable, usualPorts } from '../../src/dev/ports.ts'
import { identify } from '../../src/dev/process-identity.ts'
import { writeFile } from '../../src/dev/small-files.ts'
import { inDatabase } from '../../src/dev/urls.ts'

const chain: Record<string, string> = {
  ...envOf(usualPorts, newPasswords()),
  [storesOfChain]: 'redis',
}

describe('a command', () => {
  let folder: string
  let env: Record<string, string>

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-env-'))
    env = { MILLRACE_FOLDER: folder, MILLRACE_LOG_LEVEL: 'debug' }
    writeFile(chainEnvPath(folder), chain)
    writeFile(lockPath(folder), identify(process.pid))
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  test('uses the chain that runs, and says so', () => {
    expect(environmentOf('worker', env)).toEqual({
      env: { ...env, ...envOfRole('worker', chain) },
      note: expect.stringMatching(/^using the chain of .*millrace-env-/) as string,
    })
  })

  test('keeps to the environment when one variable of the chain is set by hand', () => {
    env.MILLRACE_REDIS = 'redis://production.example'
    const { env: found, note } = environmentOf('verify', env)
    expect(found).toEqual(env)
    expect(note).toContain('MILLRACE_REDIS is set, so the chain of')
  })

  test('also when that is a variable which the role itself does not read', () => {
    env.MILLRACE_SOURCE = 'postgres://production.example/shop'
    expect(environmentOf('api', env).env).toEqual(env)
  })

  test('keeps to the environment when the chain does not run', () => {
    writeFile(lockPath(folder), { ...identify(process.pid), startTicks: '1' })
    const { env: found, note } = environmentOf('verify', env)
    expect(found).toEqual(env)
    expect(note).toContain('does not run')
    rmSync(lockPath(folder))
    expect(environmentOf('verify', env).env).toEqual(env)
  })

  test('is not confused by a variable that the chain has taken from the environment itself', () => {
    env.MILLRACE_SOURCE = chain.MILLRACE_SOURCE!
    expect(environmentOf('worker', env).env).toEqual({ ...env, ...envOfRole('worker', chain) })
  })

  test('takes the configuration that the chain was started with, unless another is named', () => {
    writeFile(chainEnvPath(folder), { ...chain, MILLRACE_CONFIG: '/shop/millrace.config.ts' })
    expect(environmentOf('verify', env).env.MILLRACE_CONFIG).toBe('/shop/millrace.config.ts')
    env.MILLRACE_CONFIG = 'other.config.ts'
    expect(environmentOf('verify', env).env).toEqual({ ...env, ...envOfRole('verify', chain) })
  })

  test('says nothing where everything is given, as to the roles of the chain', () => {
    const given = { ...env, ...envOfRole('api', chain) }
    expect(environmentOf('api', given)).toEqual({ env: given })
  })

  test('says nothing where no chain was ever started', () => {
    rmSync(chainEnvPath(folder))
    expect(environmentOf('worker', env)).toEqual({ env })
  })
})

describe('of a chain', () => {
  test('the API is given what reads the stores, and nothing else', () => {
    expect(envOfRole('api', chain)).toEqual({
      MILLRACE_REDIS: chain.MILLRACE_REDIS_READER,
      MILLRACE_API_HOST: '127.0.0.1',
      MILLRACE_API_PORT: '8080',
    })
  })

  test('a worker is given neither an administrator nor the application’s role', () => {
    const names = ['CONNECT', 'KAFKA', 'REDIS', 'REGISTRY', 'SOURCE']
    const expected = names.map((name) => `MILLRACE_${name}`)
    expect(Object.keys(envOfRole('worker', chain)).toSorted()).toEqual(expected)
    expect(envOfRole('worker', chain).MILLRACE_REDIS).toBe(chain.MILLRACE_REDIS)
  })

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['its configuration keeps it', { [storesOfChain]: 'redis,postgres' }, {}],
    ['its environment says so', { MILLRACE_STORES: 'postgres' }, {}],
    ['the role is told so', {}, { MILLRACE_STORES: 'redis, postgres' }],
    ['it is read from', {}, { MILLRACE_READ_FROM: 'postgres' }],
  ])('a Postgres store is given to who uses it: %s', (_, more, asked) => {
    const { MILLRACE_POSTGRES, MILLRACE_POSTGRES_READER } = chain
    const keeping = { ...chain, ...more }
    expect(envOfRole('worker', keeping, asked)).toMatchObject({ MILLRACE_POSTGRES })
    const reading = { MILLRACE_POSTGRES: MILLRACE_POSTGRES_READER }
    expect(envOfRole('api', keeping, asked)).toMatchObject(reading)
  })

  test('a Postgres store is given to a command that is told to use it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-env-'))
    writeFile(chainEnvPath(folder), chain)
    writeFile(lockPath(folder), identify(process.pid))
    try {
      const { MILLRACE_POSTGRES } = chain
      const env = { MILLRACE_FOLDER: folder, MILLRACE_STORES: 'redis,postgres' }
      expect(environmentOf('verify', env).env).toMatchObject({ ...env, MILLRACE_POSTGRES })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('traffic is given the application’s role alone, and bench that too', () => {
    const { MILLRACE_SOURCE_APP } = chain
    expect(envOfRole('traffic', chain)).toEqual({ MILLRACE_SOURCE_APP })
    expect(envOfRole('bench', chain)).toMatchObject({ MILLRACE_SOURCE_APP })
    expect(Object.keys(envOfRole('bench', chain)).filter((name) => /ADMIN/.test(name))).toEqual([])
  })

  test('every variable, and every variable of a port, is known', () => {
    const ports = portNames.map((name) => [portVariable(name), '1'])
    const capture = captureEnv(chain)
    const all = { ...chain, ...capture, ...Object.fromEntries(ports) }
    expect(() => readConfig(all)).not.toThrow()
  })

  test('settings that a person sets are handed on, unless the chain has its own', () => {
    const env = {
      MILLRACE_STORES: 'redis,postgres',
      MILLRACE_REDIS: 'redis://production.example',
      MILLRACE_PORT_API: '1',
      MILLRACE_TEST_SEED: '7',
      PATH: '/bin',
    }
    expect(ownSettings(env, chain)).toEqual({ MILLRACE_STORES: 'redis,postgres' })
  })
})

describe('of a chain around a source that is named', () => {
  const source = 'postgresql://me:own%40@db.local:6543/my%20shop?sslmode=disable'
  const no = { sourceOwner: undefined, capture: undefined }
  const given = { source, ...no, postgres: undefined, postgresReader: undefined }
  const passwords = newPasswords()

  test('who is named comes to it; for capturing a role of its own is to be made', () => {
    const env = envOf(usualPorts, passwords, given)
    expect(env).toMatchObject({ MILLRACE_SOURCE: source, MILLRACE_SOURCE_OWNER: source })
    expect(captureEnv(env)).toMatchObject({
      MILLRACE_CAPTURE_HOST: 'db.local',
      MILLRACE_CAPTURE_PORT: '6543',
      MILLRACE_CAPTURE_DATABASE: 'my shop',
      MILLRACE_CAPTURE_USER: 'millrace_capture',
      MILLRACE_CAPTURE_PASSWORD: passwords.capture,
    })
  })

  test('there is no administrator, and no Postgres store but one that is named', () => {
    const names = Object.keys(envOf(usualPorts, passwords, given))
    expect(names.filter((name) => /ADMIN|APP|POSTGRES/.test(name))).toEqual([
      'MILLRACE_REDIS_ADMIN',
    ])
    const postgres = 'postgres://views@db.local/cards'
    expect(envOf(usualPorts, passwords, { ...given, postgres })).toMatchObject({
      MILLRACE_POSTGRES: postgres,
      MILLRACE_POSTGRES_READER: postgres,
    })
    const postgresReader = 'postgres://reader@db.local/cards'
    const env = envOf(usualPorts, passwords, { ...given, postgres, postgresReader })
    expect(envOfRole('worker', env)).toMatchObject({ MILLRACE_POSTGRES: postgres })
    expect(envOfRole('api', env)).toMatchObject({ MILLRACE_POSTGRES: postgresReader })
  })

  test('owner and capture that are named are taken', () => {
    const named = {
      sourceOwner: 'postgres://boss@db.local/shop',
      capture: 'postgres://dbz@db.local/shop',
    }
    const env = envOf(usualPorts, passwords, { ...given, ...named })
    expect(env.MILLRACE_SOURCE_OWNER).toBe(named.sourceOwner)
    expect(captureEnv(env)).toMatchObject({
      MILLRACE_CAPTURE_USER: 'dbz',
      MILLRACE_CAPTURE_PORT: '5432',
    })
  })
})

describe('a password with characters that mean something in a URL', () => {
  const password = 'p@ss:w/o?r#d%41&=+ ü'
  const names = Object.keys(newPasswords())
  const env = envOf(usualPorts, {
    ...newPasswords(),
    ...Object.fromEntries(names.map((name) => [name, password])),
  })

  test.each(Object.entries(env).filter(([, value]) => value.startsWith('postgres://')))(
    'is read back from %s by the driver',
    (_, url) => {
      const client = new Client(url)
      expect([client.password, client.host]).toEqual([password, '127.0.0.1'])
    },
  )

  test.each(Object.entries(env).filter(([, value]) => value.startsWith('redis://')))(
    'is read back from %s by the driver',
    (_, url) => {
      const redis = new Redis(url, { lazyConnect: true })
      expect([redis.options.password, redis.options.host]).toEqual([password, '127.0.0.1'])
      redis.disconnect()
    },
  )

  test('is not touched when another database is named', () => {
    const url = inDatabase(env.MILLRACE_SOURCE_ADMIN ?? '', 'other')
    expect(new Client(url)).toMatchObject({ database: 'other', user: 'postgres', password })
  })

  test('reaches Connect as it is', () => {
    expect(captureEnv(env)).toMatchObject({
      MILLRACE_CAPTURE_PASSWORD: password,
      MILLRACE_CAPTURE_HOST: '127.0.0.1',
      MILLRACE_CAPTURE_PORT: '5432',
      MILLRACE_CAPTURE_DATABASE: 'millrace',
    })
  })
})
