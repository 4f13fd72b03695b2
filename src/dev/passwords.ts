import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { readFile, writeFile } from './small-files.ts'

/** One for each that holds it. */
export type Passwords = {
  /** Superuser of Postgres, for the set-up alone. */
  readonly postgres: string
  /** The application, which owns its tables. */
  readonly app: string
  /** Debezium. */
  readonly capture: string
  /** Millrace in the source database. */
  readonly millrace: string
  /** Administrator of Redis, for people and tests. */
  readonly redis: string
  /** Workers in the stores. */
  readonly worker: string
  /** APIs in the stores. */
  readonly reader: string
}

export function newPasswords(): Passwords {
  const password = () => randomBytes(18).toString('hex')
  return {
    postgres: password(),
    app: password(),
    capture: password(),
    millrace: password(),
    redis: password(),
    worker: password(),
    reader: password(),
  }
}

/** The cluster remembers the superuser's password, so they live and go with the data. */
export function keptPasswords(dataFolder: string): Passwords {
  const path = join(dataFolder, 'passwords.json')
  const passwords = { ...newPasswords(), ...(readFile(path) as Partial<Passwords> | undefined) }
  writeFile(path, passwords)
  return passwords
}
