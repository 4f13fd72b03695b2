/** What `import … from 'millrace'` gives: the words in which views and settings are declared. */
export { defineConfig, type MillraceConfig } from './project/define-config.ts'
export * from './types/declare.ts'
export type { ColumnType, KeyType } from './types/types.ts'
export {
  countOf,
  defineView,
  from,
  type CountDeclaration,
  type FieldDeclaration,
  type RowDeclaration,
  type ViewDeclaration,
} from './view/define-view.ts'
export type { View } from './view/view.ts'
