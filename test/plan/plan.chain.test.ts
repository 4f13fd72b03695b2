/** Tables that nothing else here knows, from nothing to a view that is served and changed. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'
import { runCommand } from '../../src/dev/command.ts'
import { mainPath } from '../../src/dev/folders.ts'
import { keptPasswords } from '../../src/dev/passwords.ts'
import { createLog } from '../../src/log.ts'
import type { Finding } from '../../src/plan/findings.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { loadProject } from '../../src/project/project.ts'
import { runWorker } from '../../src/roles/worker.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { slowness, until } from '../support/wait.ts'
import { shelvesSchema } from './plan-fixture.ts'

const index = pathToFileURL(resolve(import.meta.dirname, '../../src/index.ts')).href

const declaration = (more: { readonly fields: string; readonly counts: string }) => `
import { countOf, defineConfig, defineView, from, text, integer } from '${index}'
const shelves = defineView({
  name: 'shelves',
  key: { house: 'text', number: 'integer' },
  row: from('Lager.Regale "A"'.replaceAll('"', ''), {
    key: ['house', 'number'],
    fields: { label: text('the Label')${more.fields} },
  }),
  aggregates: { boxCount: countOf('boxes', { by: ['in house', 'in number'] })${more.counts} },
})
export default defineConfig({ views: [shelves] })
`

const schema = `${shelvesSchema}
  insert into "Lager"."Regale A" select 'Ä' || n % 3, n, 'the ' || n, n from generate_series(1, 40) n;
  insert into boxes select n, 'Ä' || n % 3, n % 45 from generate_series(1, 200) n;
  insert into moves select n, 'Ä' || n % 3, n % 45, date '2025-11-01' + n from generate_series(1, 100) n`

let chain: Chain
let redis: Redis
let owner: Client
let env: Record<string, string>
const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'))

beforeAll(async () => {
  chain = await startTestChain({})
  redis = new Redis(chain.urls.redis)
  const admin = chain.env.MILLRACE_SOURCE_ADMIN!
  const { host } = new URL(admin)
  const { capture } = keptPasswords(chain.folders)
  await onceAs(admin, `create role lager_owner login createrole password 'owns'`)
  await onceAs(admin, 'create database lager owner lager_owner')
  const urlOf = (user: string) => `postgres://${user}@${host}/lager`
  env = {
    MILLRACE_FOLDER: folder,
    MILLRACE_KAFKA: chain.urls.kafka,
    MILLRACE_REGISTRY: chain.urls.registry,
    MILLRACE_CONNECT: chain.urls.connect,
    MILLRACE_CONNECTOR: 'lager',
    MILLRACE_PUBLICATION: 'lager_views',
    MILLRACE_SLOT: 'lager',
    MILLRACE_SOURCE: urlOf('lager_reader:reads%2Fit'),
    MILLRACE_SOURCE_OWNER: urlOf('lager_owner:owns'),
    MILLRACE_CAPTURE: urlOf(`lager_capture:${capture}`),
    MILLRACE_REDIS: chain.urls.redis,
    MILLRACE_TOPIC_PARTITIONS: '2',
    MILLRACE_BARRIER_INTERVAL_MS: '300',
    MILLRACE_BARRIER_IDLE_MS: '600',
  }
  owner = new Client({ connectionString: env.MILLRACE_SOURCE_OWNER })
  await owner.connect()
  await owner.query(schema)
}, chainTimeoutMs)

afterAll(async () => {
  await owner?.end()
  redis?.disconnect()
  if (chain) await stopTestChain(chain)
}, 60_000)

async function onceAs(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

function configFile(name: string, fields: string, counts: string): string {
  const path = join(folder, name)
  writeFileSync(path, declaration({ fields, counts }))
  return path
}

async function millrace(...args: readonly string[]) {
  const lines: string[] = []
  const onLine = (line: string) => void lines.push(line)
  const options = { timeoutMs: 120_000 * slowness, env, onLine }
  const code = await runCommand(process.execPath, ['--no-warnings', mainPath, ...args], options)
    .then(() => 0)
    .catch((error: unknown) => Number(/ended with (\d+)/.exec(String(error))?.[1]))
  return { code, output: lines.join('\n') }
}

async function planned(config: string): Promise<{ readonly code: number; readonly plan: Plan }> {
  const { code, output } = await millrace('plan', '--json', '--config', config)
  return { code, plan: JSON.parse(output) as Plan }
}

/** A worker of this process. */
async function working(config: string, work: () => Promise<void>): Promise<void> {
  const project = await loadProject({ folder, env, path: config, role: 'worker' })
  const end = new AbortController()
  const given = { values: { view: undefined, topics: undefined, store: undefined }, operands: [] }
  const log = createLog('silent', 'worker')
  const running = runWorker(given, project, { log, signal: end.signal })
  try {
    await work()
  } finally {
    end.abort()
    await running
  }
}

/** Entries as SQL has them, by key. */
async function truth(): Promise<Map<string, Record<string, string>>> {
  const { rows } = await owner.query<Record<string, string>>(`
    select house || ':' || number as key, "the Label" as label, depth::text,
      (select count(*)::text from boxes b where b."in house" = house and "in number" = number) as "box-count",
      (select count(*)::text from moves m where m.house = r.house and m.number = r.number) as "move-count"
    from "Lager"."Regale A" r order by 1`)
  return new Map(rows.map(({ key, ...entry }) => [key!, entry]))
}

/** Waits until Redis has these fields as SQL has them, and no entry that SQL has not. */
async function untilEqual(fields: readonly string[]): Promise<void> {
  await until(
    'every entry equals SQL',
    async () => {
      const expected = await truth()
      const keys = await redis.keys('shelves:*')
      const found = await Promise.all(
        keys.map(async (key) => [key.slice('shelves:'.length), await redis.hgetall(key)] as const),
      )
      const rows = found.filter(([, entry]) => entry.house !== undefined)
      return (
        rows.length === expected.size &&
        rows.every(([key, entry]) =>
          fields.every((field) => (entry[field] ?? '0') === (expected.get(key)?.[field] ?? '0')),
        )
      )
    },
    60_000 * slowness,
  )
}

test(
  'plan, apply, a worker; then a field and a count more, by the same way',
  async () => {
    const first = configFile('first.mjs', '', '')
    const before = await planned(first)
    expect(before.plan.faults).toEqual([])
    expect(before.code).toBe(2)
    expect([...new Set(before.plan.steps.map(({ where }) => where))]).toEqual([
      'source',
      'kafka',
      'connect',
    ])
    // What the owner may not do, a superuser does by the SQL that the plan has.
    const superuser = chain.env.MILLRACE_SOURCE_ADMIN!.replace(/\/[^/]*$/, '/lager')
    const { capture } = keptPasswords(chain.folders)
    const theirs = before.plan.steps.filter(
      ({ needs }) => needs?.startsWith('a superuser') === true,
    )
    expect(theirs.map(({ what }) => what)).toContain('create role lager_capture')
    for (const { text, what } of theirs) {
      if (!what.includes('lager_capture')) continue
      const statements = text.map((line) => line.replace(/<the password in [A-Z_]+>/, capture))
      await onceAs(superuser, ...statements)
    }

    const sql = await millrace('apply', '--sql', '--config', first)
    expect(sql).toEqual({ code: 0, output: expect.stringContaining('create publication') })
    expect(sql.output).not.toContain('create role "lager_capture"')
    expect((await millrace('doctor', '--config', first)).code).toBe(2)

    const applied = await millrace('apply', '--config', first)
    expect(applied).toEqual({ code: 0, output: expect.stringContaining('create publication') })
    expect(applied.output).not.toContain(capture)
    expect(await planned(first)).toMatchObject({ code: 0, plan: { steps: [], faults: [] } })

    await working(first, async () => {
      await untilEqual(['label', 'box-count'])
      await owner.query(`update boxes set "in number" = 7 where id % 3 = 0`)
      await owner.query(`delete from "Lager"."Regale A" where number > 35`)
      await untilEqual(['label', 'box-count'])
      let said = ''
      await until(
        'the doctor finds nothing',
        async () => {
          const { code, output } = await millrace('doctor', '--config', first)
          said = output
          return code === 0 && output.endsWith('Nothing was found.')
        },
        90_000 * slowness,
      ).catch((error: unknown) => {
        throw new Error(said, { cause: error })
      })
    })

    const second = configFile(
      'second.mjs',
      `, depth: integer('depth')`,
      `, moveCount: countOf('moves', { by: ['house', 'number'] })`,
    )
    const changed = await planned(second)
    expect(changed.code).toBe(2)
    const [declared] = changed.plan.steps.filter(({ where }) => where === 'redis')
    expect(declared!.text).toEqual([
      '+ depth: depth as integer',
      '+ moveCount: count of moves by house, number',
    ])
    expect(changed.plan.steps.map(({ what }) => what)).toEqual(
      expect.arrayContaining([
        'add moves to publication lager_views',
        'let connector lager read more',
      ]),
    )
    await working(second, async () => {
      const again = await millrace('apply', '--config', second)
      expect(again).toEqual({ code: 0, output: expect.stringContaining('it is served') })
      await untilEqual(['label', 'depth', 'box-count', 'move-count'])
      await owner.query(
        `insert into moves select n, 'Ä1', 4, date '2025-12-20' + n from generate_series(101, 130) n`,
      )
      await untilEqual(['label', 'depth', 'box-count', 'move-count'])
    })
    expect(await planned(second)).toMatchObject({ code: 0, plan: { steps: [], faults: [] } })

    await owner.query('alter publication lager_views drop table boxes')
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    // The worker has ended, so the view is behind, if only by a second.
    env.MILLRACE_FRESH_WITHIN_MS = '500'
    const found = await millrace('doctor', '--json', '--config', second)
    const { findings } = JSON.parse(found.output) as { readonly findings: readonly Finding[] }
    expect([found.code, findings.map(({ where, what }) => `${where}: ${what}`)]).toEqual([
      2,
      expect.arrayContaining([
        'source: to do: add boxes to publication lager_views',
        'redis: Redis evicts keys: maxmemory-policy is allkeys-lru',
        expect.stringMatching(/^redis: view shelves is \d+ s behind the source$/),
      ]),
    ])
    await chain.kill('registry')
    expect((await millrace('doctor', '--config', second)).code).toBe(1)
  },
  400_000 * slowness,
)
