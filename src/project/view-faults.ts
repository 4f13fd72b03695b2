/** What is wrong with the views of a configuration file, each by itself and with one another. */
import { tableInTopics } from '../table-name.ts'
import { lookupFaults } from '../view/lookup.ts'
import { sharedPathFaults } from '../view/paths.ts'
import { tablesOf, type View } from '../view/view.ts'
import type { ConfigFile } from './config-file.ts'

/** All of it, each with the file's name. */
export function viewFaults({ name: file, values: { views } }: ConfigFile): readonly string[] {
  const faults = Array.isArray(views)
    ? faultsOf(views)
    : ['views must be a list of what defineView answers']
  return faults.map((fault) => `${file}: ${fault}`)
}

function faultsOf(listed: readonly unknown[]): readonly string[] {
  if (listed.length === 0) return ['views must be a list of what defineView answers']
  const strange = listed.flatMap((view, index) =>
    isView(view) ? [] : [`views[${index}] is not what defineView answers`],
  )
  const views = listed.filter(isView)
  // One without a key could not be defined, which is said already.
  const whole = unlike(views).filter(({ key }) => key.length > 0)
  return [
    ...strange,
    ...sameNameFaults(views),
    ...sharedPathFaults(whole),
    ...sharedTopicFaults(whole),
    ...lookupFaults(whole),
  ]
}

function sameNameFaults(views: readonly View[]): readonly string[] {
  const names = views.map(({ name }) => name)
  const twice = names.filter((name, at) => names.indexOf(name) !== at)
  return [...new Set(twice)].map((name) => `two views have the name ${name}`)
}

/** The first of each name. */
function unlike(views: readonly View[]): readonly View[] {
  return views.filter(({ name }, at) => views.findIndex((each) => each.name === name) === at)
}

/** The names of two tables may differ in nothing that a topic's name can hold. */
function sharedTopicFaults(views: readonly View[]): readonly string[] {
  const taken = new Map<string, string>()
  const tables = new Set(views.flatMap((view) => tablesOf(view)))
  return [...tables].flatMap((table) => {
    const topic = tableInTopics(table)
    const other = taken.get(topic) ?? table
    taken.set(topic, other)
    if (other === table) return []
    return [`changes of the tables ${other} and ${table} go to the same topic: rename one of them`]
  })
}

/** By its parts, for the project may have another copy of millrace than the one that runs. */
function isView(value: unknown): value is View {
  if (typeof value !== 'object' || value === null) return false
  const { name, key, row, counts } = value as Partial<View>
  return [key, row ? row.fields : [], counts].every(Array.isArray) && typeof name === 'string'
}
