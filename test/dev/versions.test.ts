import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectorSettings, withoutTransactions } from '../../src/dev/connector.ts'
import { cloneFolder } from '../../src/dev/folders.ts'
import { changeTopicSettings, chainTopics } from '../../src/dev/topics.ts'
import { versions } from '../../src/dev/versions.ts'

const artifact = /<artifactId>([^<]+)<\/artifactId>\s*<version>([^<]+)<\/version>/g

function coordinates(part: string): Record<string, string> {
  const pom = readFileSync(join(cloneFolder, 'connectors', part, 'pom.xml'), 'utf8')
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

test('a topic that the connector makes is like those that we make', () => {
  const made = Object.entries(connectorSettings())
    .filter(([key]) => key.startsWith('topic.creation.default.'))
    .map(([key, value]) => [key.replace('topic.creation.default.', ''), value])
  expect(Object.fromEntries(made)).toEqual({
    'replication.factor': '1',
    partitions: '4',
    ...changeTopicSettings,
  })
})

test('every captured table has its topic', () => {
  const settings = connectorSettings()
  const tables = settings['table.include.list']?.split(',') ?? []
  const wanted = tables.map((table) => `${settings['topic.prefix']}.${table}`)
  const topics = chainTopics('millrace').filter(({ partitions }) => partitions === 4)
  expect(topics.map(({ topic }) => topic)).toEqual(wanted)
})

test('a setting overridden by null is left out', () => {
  const settings = connectorSettings(withoutTransactions)
  expect(settings['exactly.once.support']).toBe('requested')
  expect(settings).not.toHaveProperty('transaction.boundary')
})
