/** What `import … from 'millrace/test'` gives: tests of views in memory. */
export type { Generated, GeneratedOptions } from './kit/generated.ts'
export type { RowValues, TableOptions } from './kit/rows.ts'
export { viewTest, type ViewTest, type ViewTestOptions } from './kit/view-test.ts'
export type { EntryJson } from './view/json.ts'
