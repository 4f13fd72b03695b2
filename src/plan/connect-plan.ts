/** The connector: made from `connectors/millrace.json`, or one that is there with more in its lists. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { connectorNeeds, versionFaults } from '../coordinate/setup.ts'
import {
  connectorFaults,
  includingSettings,
  widenedSettings,
  type ConnectorNeeds,
} from '../source/connector-faults.ts'
import {
  connectorObjections,
  connectorSettings,
  connectPlugins,
  putConnector,
} from '../source/connector-setup.ts'
import type { ConnectorSettings } from '../source/connect.ts'
import type { SetupFacts } from '../source/setup-facts.ts'
import { loginOf } from '../source/source-roles.ts'
import { askedOr, faultIn, faultOf, nothing, type Draft, type Work } from './draft.ts'
import { isPlaceholder } from './roles.ts'
import type { Tools } from './tools.ts'
import type { ConnectorChanges, Fault, PlanConfig, PlanParts } from './words.ts'

const connectorTimeoutMs = 180_000
const template = new URL('../../connectors/millrace.json', import.meta.url)
const settingsSchema = z.record(z.string(), z.string())

/** `facts` are those of the source; without them nothing can be said of the lists. */
export function connectDraft(
  parts: PlanParts,
  tools: Tools,
  facts: SetupFacts | undefined,
): Promise<Draft> {
  return askedOr('connect', async () => {
    const [settings, plugins] = await Promise.all([
      connectorSettings(tools.connect),
      connectPlugins(tools.connect),
    ])
    const { config, views } = parts.project
    const needs = connectorNeeds(views, config)
    const pluginsWrong = pluginFaults(plugins, settings)
    if (settings) {
      const drafted = widening(settings, { config, tools, needs: withKeys(needs, facts) })
      const wrong = connectorFaults(drafted.settings, needs).map((fault) =>
        faultIn('connect', fault),
      )
      return { ...drafted, faults: [...pluginsWrong, ...wrong], notes: [] }
    }
    if (config.capture === undefined)
      return { ...nothing, faults: [...pluginsWrong, noCapture(config)] }
    if (!facts) return { ...nothing, faults: pluginsWrong }
    const made = settingsOf(parts, config.capture, withKeys(needs, facts))
    const wrong = connectorFaults(made, needs).map((fault) => faultIn('connect', fault))
    return {
      works: [creation(made, { config, tools })],
      faults: [...pluginsWrong, ...wrong],
      notes: [],
    }
  })
}

/** Primary keys as well: what a record is about is told by them. */
function withKeys(needs: ConnectorNeeds, facts: SetupFacts | undefined): ConnectorNeeds {
  const tables = needs.tables.map(({ table, columns }) => {
    const key = facts?.tables[table]?.primaryKey?.columns ?? []
    return { table, columns: [...new Set([...key, ...columns])] }
  })
  return { ...needs, tables }
}

type Making = { readonly config: PlanConfig; readonly tools: Tools }

function widening(
  settings: ConnectorSettings,
  { config, tools, needs }: Making & { readonly needs: ConnectorNeeds },
) {
  const wide = widenedSettings(settings, needs)
  const names = Object.keys(wide).filter((name) => wide[name] !== settings[name])
  const work: Work = {
    where: 'connect',
    what: `let connector ${config.connector} read more`,
    text: names.map((name) => `${name} += ${wide[name]!.slice(settings[name]!.length + 1)}`),
    needs: undefined,
    run: () => putConnector(tools.connect, wide, connectorTimeoutMs),
  }
  return { settings: wide, works: names.length === 0 ? [] : [work] }
}

function creation(settings: ConnectorSettings, { config, tools }: Making): Work {
  const known = templateSettings()
  const own = Object.entries(settings).filter(
    ([name, value]) => known[name] !== value && name !== 'database.password',
  )
  return {
    where: 'connect',
    what: `create connector ${config.connector}`,
    text: [
      ...own.map(([name, value]) => `${name} = ${value}`),
      `database.password = ${shownPassword(settings)}`,
      'and all else as connectors/millrace.json has it',
    ],
    needs: undefined,
    run: async () => {
      const objections = await connectorObjections(tools.connect, settings)
      const exactly = (objections.get('exactly.once.support') ?? []).length === 0
      const fitting = exactly ? settings : changedBy(settings, withoutTransactions)
      await putConnector(tools.connect, fitting, connectorTimeoutMs)
    },
  }
}

function shownPassword(settings: ConnectorSettings): string {
  const password = settings['database.password']
  return isPlaceholder(password)
    ? `${password}, which Connect reads where it runs (its config.providers)`
    : '…'
}

/** For a Connect whose workers do not have `exactly.once.source.support`. */
export const withoutTransactions: ConnectorChanges = {
  'exactly.once.support': 'requested',
  'transaction.boundary': null,
}

function changedBy(settings: ConnectorSettings, changes: ConnectorChanges): ConnectorSettings {
  const all = Object.entries({ ...settings, ...changes })
  return Object.fromEntries(all.filter((it): it is [string, string] => it[1] !== null))
}

function templateSettings(): ConnectorSettings {
  return settingsSchema.parse(JSON.parse(readFileSync(template, 'utf8')))
}

function settingsOf(
  { project, connector: changed = {} }: PlanParts,
  capture: string,
  needs: ConnectorNeeds,
): ConnectorSettings {
  const { config } = project
  const { host, port, database, role, password } = loginOf(capture)
  const settings: ConnectorSettings = {
    ...templateSettings(),
    'database.hostname': host,
    'database.port': String(port),
    'database.dbname': database,
    'database.user': role,
    ...(isPlaceholder(password) && { 'database.password': password! }),
    'topic.prefix': config.connector,
    'publication.name': config.publication,
    'slot.name': config.slot,
    ...includingSettings(needs.tables),
    ...registrySettings(config),
    'topic.creation.default.partitions': String(config.topicPartitions),
    'topic.creation.default.replication.factor': '-1',
    'topic.creation.passing.replication.factor': '-1',
  }
  return changedBy(settings, changed)
}

/** The converter speaks the registry's own protocol, everybody else Confluent's. */
function registrySettings({ registry }: PlanConfig): ConnectorSettings {
  const { origin, pathname, username } = new URL(registry)
  // What has another form, or a password, Connect reads where it runs.
  if (!pathname.startsWith('/apis/ccompat/') || username !== '') return {}
  const url = `${origin}/apis/registry/v2`
  return {
    'key.converter.apicurio.registry.url': url,
    'value.converter.apicurio.registry.url': url,
  }
}

const connectorClass = 'io.debezium.connector.postgresql.PostgresConnector'
const converterClass = 'io.apicurio.registry.utils.converter.AvroConverter'

function pluginFaults(
  plugins: ReadonlyMap<string, string>,
  settings: ConnectorSettings | undefined,
): readonly Fault[] {
  const version = plugins.get(connectorClass)
  const install = 'Install it in the plugin path of Connect; connectors/Dockerfile shows how.'
  const lacking = [
    ...(version === undefined ? ['the Debezium connector for Postgres'] : []),
    ...(settings === undefined && !plugins.has(converterClass)
      ? ["Apicurio's Avro converter"]
      : []),
  ]
  return [
    ...lacking.map((what) => faultOf('connect', `Connect does not have ${what}`, install)),
    ...(version === undefined
      ? []
      : versionFaults(version).map((fault) => faultIn('connect', fault))),
  ]
}

function noCapture({ connector }: PlanConfig): Fault {
  return faultOf(
    'connect',
    `there is no connector ${connector}, and for making it a role is wanted that may replicate`,
    'Set MILLRACE_CAPTURE to postgres://role:password@host:port/database, the source as Kafka Connect reaches it.',
  )
}
