/**
 * What of a declaration is not written in the form that declarations have. Types say the same in an
 * editor; when a configuration is loaded they are stripped. Of what has another form nothing else is
 * asked.
 */
export function faultsOfForm(declaration: unknown): readonly string[] {
  if (!isObject(declaration)) return ['a declaration is an object']
  const { name, key, row, aggregates, lookups, serve } = declaration
  return [
    ...(typeof name === 'string' ? [] : [`it needs a name: 'user-information'`]),
    ...(isObject(key) ? [] : [`it needs a key: { userId: 'bigint' }`]),
    ...(serve === undefined || typeof serve === 'string' ? [] : ['serve is no path']),
    ...(row === undefined ? [] : faultsOfRow(row)),
    ...eachOf('aggregates', aggregates, faultsOfAggregate),
    ...eachOf('lookups', lookups, faultsOfLookup),
  ]
}

type Given = Readonly<Record<string, unknown>>

function isObject(given: unknown): given is Given {
  return typeof given === 'object' && given !== null
}

function eachOf(
  what: string,
  given: unknown,
  faultsOf: (name: string, each: unknown) => readonly string[],
): readonly string[] {
  if (given === undefined) return []
  if (!isObject(given)) return [`${what} are named: ${what}: { … }`]
  return Object.entries(given).flatMap(([name, each]) => faultsOf(name, each))
}

function faultsOfRow(row: unknown): readonly string[] {
  if (!isObject(row)) return [`row is what from answers: from('users', { key, fields })`]
  const { table, key, fields } = row
  return [
    ...(typeof table === 'string' ? [] : [`row needs a table: from('users', …)`]),
    ...(isNames(key) ? [] : [`row needs the primary key: key: 'user_id'`]),
    ...(isObject(fields) && Object.values(fields).every(isColumn)
      ? []
      : [`row needs fields, columns by their names: fields: { name: 'name' }`]),
  ]
}

function faultsOfAggregate(name: string, given: unknown): readonly string[] {
  if (!isObject(given) || !Array.isArray(given.faults)) {
    return [`${name} is no aggregate, as countOf answers one`]
  }
  const { kind, faults, by, where, table } = given
  if (kind === lacking) return (faults as readonly string[]).map((fault) => `${name}: ${fault}`)
  return [
    ...(typeof table === 'string' ? [] : [`${name} names no table: countOf('orders', …)`]),
    ...(isNames(by) ? [] : [`${name}: by is a column's name, or a list of them`]),
    ...(Array.isArray(where) && where.every(isCondition)
      ? []
      : [`${name}: where is a list of conditions: where: [eq('state', 'paid')]`]),
  ]
}

function faultsOfLookup(name: string, given: unknown): readonly string[] {
  const isLookup =
    isObject(given) && typeof given.view === 'string' && isObject(given.fields) && given.by
  return isLookup
    ? []
    : [
        `lookup ${name} is written as lookup('artist', { by: 'artistId', fields: { name: 'text' } })`,
      ]
}

function isNames(given: unknown): boolean {
  return [given].flat().every((name) => typeof name === 'string')
}

function isColumn(given: unknown): boolean {
  return typeof given === 'string' || (isObject(given) && typeof given.column === 'string')
}

function isCondition(given: unknown): boolean {
  return isObject(given) && typeof given.column === 'string' && typeof given.is === 'string'
}

/** The kind of an aggregate that lacks what makes it one; its faults say what. */
export const lacking = 'lacking'
