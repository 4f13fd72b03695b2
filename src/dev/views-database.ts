import { viewsDatabase } from './chain-env.ts'
import type { Passwords } from './passwords.ts'
import { createDatabase, runFile, setForSession, withClient } from './sql-files.ts'
import { inDatabase } from './urls.ts'

/**
 * The database of the Postgres store, with a role that keeps the views and one that reads them, by
 * the SQL under `sql/views`. `admin` is a superuser's URL. May be run again at any time.
 */
export async function setUpViewsDatabase(
  admin: string,
  passwords: Pick<Passwords, 'worker' | 'reader'>,
): Promise<void> {
  await withClient(admin, async (client) => {
    await setForSession(client, {
      'millrace.worker_password': passwords.worker,
      'millrace.reader_password': passwords.reader,
    })
    await runFile(client, 'views', '1-roles.sql')
    await createDatabase(client, viewsDatabase, 'millrace_views')
  })
  await withClient(inDatabase(admin, viewsDatabase), (client) =>
    runFile(client, 'views', '2-rights.sql'),
  )
}
