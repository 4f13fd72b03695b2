import {
  createDatabase,
  databaseExists,
  makeRole,
  runFile,
  setForSession,
  withClient,
} from './sql-files.ts'
import { databaseOf, inDatabase, userOf } from './urls.ts'

export type ViewsDatabase = {
  /** By a superuser, in any database. */
  readonly admin: string
  /** By the role that keeps the views and owns the database. */
  readonly worker: string
  /** By the role that reads them. */
  readonly reader: string
}

/** Makes the roles and the database of the Postgres store. May be run again at any time. */
export async function setUpViewsDatabase({ admin, worker, reader }: ViewsDatabase): Promise<void> {
  const [name, [keeps], [reads]] = [databaseOf(worker), userOf(worker), userOf(reader)]
  await withClient(admin, async (client) => {
    await makeRole(client, worker)
    await makeRole(client, reader)
    if (!(await databaseExists(client, name))) await createDatabase(client, name, keeps)
  })
  await withClient(inDatabase(admin, name), async (client) => {
    await setForSession(client, { 'millrace.worker': keeps, 'millrace.reader': reads })
    await runFile(client, 'databases', 'views.sql')
  })
}
