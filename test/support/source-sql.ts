import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'

/** Runs one statement in the source database with rights that no role of Millrace has. */
export async function asSuperuser(chain: Chain, statement: string): Promise<void> {
  const url = new URL(chain.env.MILLRACE_SOURCE_ADMIN ?? '')
  url.pathname = new URL(chain.urls.source).pathname
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
