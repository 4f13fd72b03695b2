import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from '../../errors.ts'
import { makePrivateFolder, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'
import { javaSpec } from './java.ts'

export type RegistryOptions = {
  readonly java: string
  /** Folder of the unpacked archive. */
  readonly archive: string
  readonly port: number
}

/** The registry with its schemas in files: in memory alone, a restart would orphan old records. */
export function registrySpec(folders: Folders, options: RegistryOptions): ProcessSpec {
  const data = join(folders.data, 'registry')
  makePrivateFolder(data)
  const jar = readdirSync(options.archive).find((file) => file.endsWith('-runner.jar'))
  if (jar === undefined) {
    throw new MillraceError('download', `there is no runnable jar in ${options.archive}`, {
      hint: `Remove ${options.archive}, so that it is fetched again.`,
    })
  }
  return javaSpec(folders, {
    name: 'registry',
    java: options.java,
    heapMaxMb: 192,
    args: [
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${options.port}`,
      // H2 holds writes back for half a second; a schema that a kill takes with it makes every
      // record that was written by it unreadable.
      `-Dquarkus.datasource.jdbc.url=jdbc:h2:file:${join(data, 'schemas')};WRITE_DELAY=0`,
      '-jar',
      join(options.archive, jar),
    ],
    niceness: 5,
  })
}
