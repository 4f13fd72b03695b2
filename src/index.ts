/** What `import … from 'millrace'` gives: the words in which views and settings are declared. */
export { defineConfig, type MillraceConfig } from './project/define-config.ts'
export {
  bigint,
  countOf,
  defineView,
  from,
  timestamptz,
  type CountDeclaration,
  type FieldDeclaration,
  type RowDeclaration,
  type ViewDeclaration,
} from './view/define-view.ts'
export type { View } from './view/view.ts'
