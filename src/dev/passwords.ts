import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Folders } from './folders.ts'
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

/**
 * Made at the first start, and kept also when the data goes: a role that was made in somebody else's
 * Postgres has its password for good. Earlier releases kept them with the data.
 */
export function keptPasswords({ chain, data }: Folders): Passwords {
  const path = join(chain, 'passwords.json')
  const kept = readFile(path) ?? readFile(join(data, 'passwords.json'))
  const passwords = { ...newPasswords(), ...(kept as Partial<Passwords> | undefined) }
  writeFile(path, passwords)
  return passwords
}
