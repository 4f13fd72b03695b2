/** What is done to the source that its log does not tell, or not whole. */
import type { Random } from '../../src/random.ts'
import type { TableName } from './components.ts'
import type { BlindFault } from './excuses.ts'
import type { Fault } from './faults.ts'
import { rewritePrefix } from './replayed-tables.ts'
import { insistently, logEnd, pause, runSql, type Scene } from './scene.ts'

const outOfTheWay = 'alter publication millrace drop table'
const all = ['users', 'tweets', 'follows', 'likes'] as const

export const blindFaults: readonly Fault[] = [
  blind('truncate', { weight: 2, codes: ['table-rewritten'] }, async (act, random) => {
    const tables = random.chance(0.5) ? (['likes'] as const) : (['follows'] as const)
    await act(tables, [`truncate ${tables[0]}`])
  }),
  blind('truncate cascading', { weight: 1, codes: ['table-rewritten'] }, async (act) => {
    await act(['tweets', 'likes'], ['truncate tweets cascade'])
  }),
  blind('column rewritten', { weight: 2, codes: ['table-rewritten'] }, async (act) => {
    await act(
      ['users'],
      [
        `begin;
         alter table users alter column location type text using reverse(location);
         select pg_logical_emit_message(true, '${rewritePrefix}', jsonb_build_object(
           'column', 'location',
           'values', (select jsonb_object_agg(user_id::text, location) from users))::text);
         commit`,
      ],
    )
  }),
  blind('column added and dropped', { weight: 2, codes: laidOut() }, async (act, random, scene) => {
    const table = random.pick(all)
    await act([table], [`alter table ${table} add column passing text default 'a'`])
    await pause(random, 500, 6_000)
    await altered(scene, `alter table ${table} drop column passing`)
  }),
  blind('table unpublished', { weight: 2, codes: published() }, async (act, random, scene) => {
    const table = random.pick(all)
    await act([table], [`${outOfTheWay} ${table}`])
    await pause(random, 200, 4_000)
    await altered(scene, `alter publication millrace add table ${table}`)
  }),
  blind('deletes unpublished', { weight: 2, codes: published() }, async (act, random, scene) => {
    await act(all, [`alter publication millrace set (publish = 'insert, update')`])
    await pause(random, 200, 4_000)
    const whole = `alter publication millrace set (publish = 'insert, update, delete, truncate')`
    await altered(scene, whole)
  }),
  blind('identity altered', { weight: 2, codes: laidOut() }, async (act, random, scene) => {
    const table = random.chance(0.5) ? 'users' : 'tweets'
    await act([table], [`alter table ${table} replica identity default`])
    await pause(random, 100, 4_000)
    await altered(scene, `alter table ${table} replica identity full`)
  }),
]

function laidOut(): readonly string[] {
  return [
    'table-rewritten',
    'replica-identity-altered',
    'unusable-change',
    'source-unfit',
    'source-was-unfit',
  ]
}

function published(): readonly string[] {
  return ['publication-altered', 'source-unfit', 'source-was-unfit']
}

/** Does the first step of a fault; from then on these tables may be told wrong. */
type Act = (tables: readonly TableName[], statements: readonly string[]) => Promise<void>

type Steps = (act: Act, random: Random, scene: Scene) => Promise<void>

function blind(
  kind: string,
  { weight, codes }: Pick<Fault, 'weight'> & Pick<BlindFault, 'codes'>,
  steps: Steps,
): Fault {
  return {
    kind,
    weight,
    targets: ['set-up of the source'],
    run: async (scene, random) => {
      const { excuses } = scene
      // One after another, or it could not be told which of them a doubt is about.
      if (excuses.open || !scene.isServing()) return 'put off'
      let opened: ReturnType<typeof excuses.begin> | undefined
      const act: Act = async (tables, statements) => {
        const from = await insistently(() => logEnd(scene))
        opened = excuses.begin({ kind, tables: [...tables], codes, from, beganMs: Date.now() })
        scene.tell(`${kind} of ${tables.join(' ')}`)
        await altered(scene, ...statements)
      }
      await steps(act, random, scene)
      const began = opened!
      const to = await insistently(() => logEnd(scene))
      began.end(to)
      return true
    },
  }
}

/** One that was cut off may have been done, and is done again. */
function altered(scene: Scene, ...statements: readonly string[]): Promise<unknown> {
  return insistently(() => runSql(scene, ...statements).catch(unlessDone))
}

/** The reply of a statement that was done may have been lost. */
function unlessDone(error: unknown): void {
  const text = Error.isError(error) ? error.message : String(error)
  if (/already (exists|member)|is not part of the publication|does not exist/.test(text)) return
  throw error
}
