import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { TopicSpec } from '../../src/consume/change-source.ts'
import { fromEnvironment } from '../../src/dev/connector.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { versions } from '../../src/dev/versions.ts'
import { topicSpecs } from '../../src/plan/topics-plan.ts'

const artifact = /<artifactId>([^<]+)<\/artifactId>\s*<version>([^<]+)<\/version>/g

function coordinates(part: string): Record<string, string> {
  const pom = readFileSync(join(packageFolder, 'connectors', part, 'pom.xml'), 'utf8')
  const dependencies = pom.slice(pom.indexOf('<dependencies>'), pom.indexOf('</dependencies>'))
  return Object.fromEntries([...dependencies.matchAll(artifact)].map(([, id, at]) => [id, at]))
}

test('the poms name the versions that are written down', () => {
  expect(coordinates('kafka')).toEqual({
    [`kafka_${versions.scala}`]: versions.kafka,
    'connect-runtime': versions.kafka,
    'log4j-slf4j-impl': versions.log4j,
  })
  expect(coordinates('debezium')).toEqual({ 'debezium-connector-postgres': versions.debezium })
  expect(coordinates('converter')).toEqual({
    'apicurio-registry-utils-converter': versions.apicurio,
  })
  expect(coordinates('registry')).toEqual({ 'apicurio-registry-app': versions.apicurio })
})

const connector = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(join(packageFolder, 'connectors', 'millrace.json'), 'utf8')))

describe('a topic that the connector makes is like those that we make', () => {
  const specs = topicSpecs(['public.boats'], { connector: 'shop', topicPartitions: 4 })
  const made = (group: string) => {
    const prefix = `topic.creation.${group}.`
    const settings = Object.entries(connector).filter(([key]) => key.startsWith(prefix))
    return Object.fromEntries(settings.map(([key, value]) => [key.replace(prefix, ''), value]))
  }
  const ours = ({ partitions, settings }: TopicSpec) => ({
    'replication.factor': '1',
    partitions: String(partitions),
    ...settings,
  })
  const { include = '', ...passing } = made('passing')
  const isPassing = ({ topic }: TopicSpec) =>
    include.split(',').some((pattern) => new RegExp(`^(?:${pattern})$`).test(topic))

  test('of changes', () => {
    const changes = specs.filter((spec) => !isPassing(spec))
    expect(changes.map(({ topic }) => topic)).toEqual(['shop.public.boats'])
    expect(changes.map(ours)).toEqual([made('default')])
  })

  test('of markers and heartbeats', () => {
    expect(connector['topic.creation.groups']).toBe('passing')
    expect(specs.filter(isPassing).map(ours)).toEqual([passing, passing])
  })
})

test('the connector’s file names no tables: they come from the views', () => {
  expect(Object.keys(connector).filter((name) => /(include|exclude)\.list$/.test(name))).toEqual([])
})

test('what Connect finds in its environment stands in the file as a chain has it', () => {
  expect(connector).toMatchObject(fromEnvironment)
})
