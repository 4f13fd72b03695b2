import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectorSettings, withoutTransactions } from '../../src/dev/connector.ts'
import { packageFolder } from '../../src/dev/folders.ts'
import { changeTopicSettings, chainTopics, passingTopicSettings } from '../../src/dev/topics.ts'
import { versions } from '../../src/dev/versions.ts'
import { columnsOf } from '../../src/view/view.ts'
import { userInformation } from '../../src/views/user-information.ts'

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

describe('a topic that the connector makes is like those that we make', () => {
  const madeBy = (group: string) => {
    const prefix = `topic.creation.${group}.`
    const made = Object.entries(connectorSettings()).filter(([key]) => key.startsWith(prefix))
    return Object.fromEntries(made.map(([key, value]) => [key.replace(prefix, ''), value]))
  }

  test('of changes', () => {
    const expected = { 'replication.factor': '1', partitions: '4', ...changeTopicSettings }
    expect(madeBy('default')).toEqual(expected)
  })

  test('of markers and heartbeats', () => {
    expect(connectorSettings()['topic.creation.groups']).toBe('passing')
    const { include = '', ...settings } = madeBy('passing')
    const expected = { 'replication.factor': '1', partitions: '1', ...passingTopicSettings }
    expect(settings).toEqual(expected)
    const patterns = include.split(',').map((pattern) => new RegExp(`^(?:${pattern})$`))
    const passing = chainTopics('shop').filter(({ topic }) => {
      return patterns.some((pattern) => pattern.test(topic))
    })
    expect(passing.map(({ partitions }) => partitions)).toEqual([1, 1])
  })
})

test('the connector emits the columns that views and primary keys need, and no others', () => {
  const keys = {
    users: ['user_id'],
    tweets: ['tweet_id'],
    follows: ['follower_id', 'followee_id'],
    likes: ['user_id', 'tweet_id'],
  }
  const needed = Object.entries(keys).flatMap(([table, key]) => {
    const columns = Object.keys(columnsOf(userInformation, table))
    return [...key, ...columns].map((column) => `public.${table}.${column}`)
  })
  const emitted = connectorSettings()['column.include.list']?.split(',') ?? []
  expect(emitted.toSorted()).toEqual([...new Set(needed)].toSorted())
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
