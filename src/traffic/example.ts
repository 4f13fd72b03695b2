/** Files of the example `social`: its tables and a small network, for an empty source database. */
import { join } from 'node:path'
import { packageFolder } from '../dev/folders.ts'

const folder = join(packageFolder, 'examples', 'social')

export const exampleSchema = join(folder, 'schema.sql')
export const exampleSeed = join(folder, 'seed.sql')
/** The configuration whose only view is `user-information`. */
export const userInformationConfig = join(folder, 'user-information.ts')
