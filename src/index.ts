/** What `import … from 'millrace'` gives: the words in which views and settings are declared. */
export { defineConfig, type MillraceConfig } from './project/define-config.ts'
export * from './types/declare.ts'
export type { ColumnType, KeyType } from './types/types.ts'
export type { WindowType } from './types/windows.ts'
export { defineView } from './view/define-view.ts'
export {
  from,
  type FieldDeclaration,
  type RowDeclaration,
  type ViewDeclaration,
} from './view/declaration.ts'
export * from './view/aggregates/index.ts'
export {
  eq,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  type Condition,
} from './view/condition.ts'
export { lookup, type FieldLookup, type ItemLookup } from './view/lookup.ts'
export type { Json } from './view/json-types.ts'
export type {
  Asked,
  EntryKey,
  EntryOf,
  QueryDeclaration,
  QueryOf,
  QueryParameter,
  Question,
  ReadEntries,
  RespondFunction,
  ViewOf,
} from './view/respond.ts'
export { windowOf, type PartDeclaration, type WindowDeclaration } from './view/window-of.ts'
export type { View } from './view/view.ts'
