/** The example's tables and a small network in them, as files for an empty source database. */
import { join } from 'node:path'
import { packageFolder } from '../dev/folders.ts'

const folder = join(packageFolder, 'sql', 'example')

export const exampleSchema = join(folder, 'schema.sql')
export const exampleSeed = join(folder, 'seed.sql')
