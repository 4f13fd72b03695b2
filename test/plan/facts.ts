import type { SetupFacts, TableFacts } from '../../src/source/setup-facts.ts'

/** A table that fits, with columns of text and of bigint by their names. */
export function tableFacts(
  columns: readonly string[],
  changed: Partial<TableFacts> = {},
): TableFacts {
  const text = { name: 'text', full: 'text', kind: 'b', element: null }
  const column = (name: string) => ({
    type: text,
    generated: false,
    deterministic: true,
    collation: null,
    quoted: name,
  })
  return {
    name: 'public.t',
    kind: 'r',
    persistence: 'p',
    identity: 'f',
    mayRead: true,
    rowSecurity: false,
    inherited: false,
    primaryKey: { columns: [columns[0]!], deferrable: false },
    columns: Object.fromEntries(columns.map((name) => [name, column(name)])),
    checks: [],
    parts: [],
    indexes: [],
    unfinished: [],
    ...changed,
  }
}

export function setupFacts(tables: SetupFacts['tables']): SetupFacts {
  return {
    server: {
      inRecovery: false,
      version: 150_000,
      walLevel: 'logical',
      encoding: 'UTF8',
      role: 'reader',
      mayUse: {},
    },
    tables,
    publication: null,
  }
}
