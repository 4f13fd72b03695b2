import { Client } from 'pg'
import { postgresSource, type PostgresSourceOptions } from '../../src/source/postgres-source.ts'
import type { Source } from '../../src/source/source.ts'
import { postgresServer, type ServerSettings, type TestServer } from '../support/chain.ts'

/** A server with the source's tables, its superuser in their database, and Millrace's own role. */
export type SourceFixture = {
  readonly server: TestServer
  readonly admin: Client
  /** By role `millrace`. */
  readonly url: string
  /** More sessions of the superuser. */
  session(application?: string): Promise<Client>
  open(options?: Partial<PostgresSourceOptions>): Source
  close(): Promise<void>
}

export const capture = { publication: 'millrace', slot: 'millrace_test' }

export async function sourceFixture(options: ServerSettings = {}): Promise<SourceFixture> {
  const server = await postgresServer(options)
  const clients: Client[] = []
  const sources: Source[] = []
  const session = async (application = 'test') => {
    const connectionString = server.url.replace(/\/[^/]*$/, '/millrace')
    const client = new Client({ connectionString, application_name: application })
    // A server may be killed beneath it.
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  const url = server.chain.env.MILLRACE_SOURCE ?? ''
  return {
    server,
    url,
    admin: await session(),
    session,
    open: (changed = {}) => {
      const source = postgresSource({ url, ...capture, callTimeoutMs: 2_000, ...changed })
      sources.push(source)
      return source
    },
    close: async () => {
      await Promise.all(
        [...sources, ...clients.map((client) => ({ close: () => client.end() }))].map((each) =>
          each.close(),
        ),
      )
      await server.stop()
    },
  }
}
