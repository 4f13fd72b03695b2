import { Client } from 'pg'
import { readConfig } from '../../src/config.ts'
import { allOf, type Draft } from '../../src/plan/draft.ts'
import { sourceDraft } from '../../src/plan/source-plan.ts'
import { withTools } from '../../src/plan/tools.ts'
import type { PlanParts } from '../../src/plan/words.ts'
import type { View } from '../../src/view/view.ts'
import { postgresServer, type ServerSettings, type TestServer } from '../support/chain.ts'

/** Tables with names of all kinds: of another schema, quoted, partitioned. */
export const shelvesSchema = `
  create schema "Lager";
  create table "Lager"."Regale A" (house text, number int, "the Label" text, depth smallint, primary key (house, number));
  create table boxes (id bigint primary key, "in house" varchar, "in number" int);
  create table moves (id bigint, house text, number int, at date, primary key (id, at)) partition by range (at);
  create table moves_old partition of moves for values from (minvalue) to ('2026-01-01');
  create table "moves New" partition of moves for values from ('2026-01-01') to (maxvalue);`

/** A server with an empty database that `owner`, who is no superuser, has made tables in. */
export type PlanFixture = {
  readonly server: TestServer
  /** By a superuser, in the database. */
  readonly admin: Client
  /** Who owns the database and makes the tables. */
  readonly owner: Client
  readonly urls: {
    readonly admin: string
    readonly owner: string
    readonly source: string
    readonly capture: string
  }
  as(url: string): Promise<Client>
  parts(views: readonly View[], env?: Readonly<Record<string, string>>): PlanParts
  close(): Promise<void>
}

export const passwords = { source: 'reads/no%thing', capture: "it's C:aptured@", owner: 'owns' }

/** The roles `…_reader` and `…_capture` are named after the database, and not made. */
export async function planFixture(
  database: string,
  { ownerOptions = 'createrole', ...options }: ServerSettings & { ownerOptions?: string } = {},
): Promise<PlanFixture> {
  const server = await postgresServer(options)
  const clients: Client[] = []
  const as = async (url: string) => {
    const client = new Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  const { host } = new URL(server.url)
  const urlOf = (role: string, password: string) =>
    `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${host}/${database}`
  const first = await as(server.url)
  await first.query(`create role ${database}_owner login ${ownerOptions} password 'owns'`)
  await first.query(`create database ${database} owner ${database}_owner`)
  const admin = server.url.replace(/\/[^/]*$/, `/${database}`)
  const urls = {
    admin,
    owner: urlOf(`${database}_owner`, passwords.owner),
    source: urlOf(`${database}_reader`, passwords.source),
    capture: urlOf(`${database}_capture`, passwords.capture),
  }
  const fixture = {
    server,
    admin: await as(admin),
    owner: await as(urls.owner),
    urls,
    as,
    parts: (views: readonly View[], env: Readonly<Record<string, string>> = {}) => ({
      project: {
        views,
        config: readConfig({
          MILLRACE_SOURCE: urls.source,
          MILLRACE_SOURCE_OWNER: urls.owner,
          MILLRACE_CAPTURE: urls.capture,
          MILLRACE_PUBLICATION: database,
          ...env,
        }),
      },
    }),
    close: async () => {
      await Promise.all(clients.map((client) => client.end()))
      await server.stop()
    },
  }
  return fixture
}

/** What the source lacks. */
export function sourceOf(parts: PlanParts): Promise<Draft> {
  return withTools(parts, async (tools) => allOf([await sourceDraft(parts, tools)]))
}
