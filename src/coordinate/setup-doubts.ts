/** What it makes doubtful that the set-up looks otherwise than it did. */
import { z } from 'zod'
import { topicPartitionName } from '../position.ts'
import type { Doubt, DoubtCode, Restart } from '../store/state.ts'
import { same, type Fingerprint } from './fingerprint.ts'

const parts = z.record(z.string(), z.unknown())

/**
 * `tableOf` names the table of a topic; `barrier` is the number of one that has not begun yet;
 * `applied` has how many partitions of each topic the view applies.
 */
export type Context = {
  readonly tableOf: (topic: string) => string | undefined
  readonly barrier: number
  readonly applied: Readonly<Record<string, number>>
}

/** What the difference between two fingerprints makes doubtful. */
export function doubtsBetween(before: Fingerprint, after: Fingerprint, context: Context): Doubt[] {
  return [
    ...historyDoubts(before, after, context),
    ...tableDoubts(before, after, context),
    ...partDoubts(before, after, context),
    ...topicDoubts(before, after, context),
  ]
}

function historyDoubts(before: Fingerprint, after: Fingerprint, { barrier }: Context): Doubt[] {
  if (before.history === after.history) return []
  return [
    doubt('source-replaced', barrier, {
      reason:
        `the source database goes on another history (system and timeline ${after.history}, ` +
        `before ${before.history}): it has failed over, or was put back`,
      hint:
        'What the old server had not handed on is gone; the view is compared with what the new ' +
        'one says. If the connector fails for want of its slot, see "When the source was put ' +
        'back" in the README.',
      restart: { how: 'forward', partitions: [] },
    }),
  ]
}

function tableDoubts(before: Fingerprint, after: Fingerprint, { barrier }: Context): Doubt[] {
  return Object.keys({ ...before.tables, ...after.tables }).flatMap((table) => {
    const [was, is] = [before.tables[table], after.tables[table]]
    // One that is only here or only there was not looked at both times, or is a fault of the set-up.
    if (was === undefined || is === undefined || same(was, is)) return []
    const code = onlyIdentityDiffers(was, is) ? 'replica-identity-altered' : 'table-rewritten'
    const what =
      code === 'table-rewritten'
        ? 'was emptied, rewritten or made anew (TRUNCATE, ALTER TABLE, VACUUM FULL)'
        : 'had its replica identity or another setting altered'
    return [
      doubt(code, barrier, { what: table, tables: [table], reason: `table ${table} ${what}` }),
    ]
  })
}

function partDoubts(before: Fingerprint, after: Fingerprint, { barrier }: Context): Doubt[] {
  const doubts: Doubt[] = []
  if (!samePublication(before.publication, after.publication)) {
    const reason = 'the publication was altered: changes may not have been captured meanwhile'
    doubts.push(doubt('publication-altered', barrier, { reason }))
  }
  if (!same(before.slot, after.slot)) {
    doubts.push(
      doubt('slot-altered', barrier, {
        reason: 'the replication slot was dropped or made anew: changes between may be lost',
        hint: 'If it is missing, see "When the slot was lost" in the README.',
      }),
    )
  }
  if (before.connector.hash !== after.connector.hash) {
    const reason = "the connector's configuration was altered"
    doubts.push(doubt('connector-altered', barrier, { reason }))
  }
  if (after.evicted > before.evicted) {
    const reason = `the store has dropped ${after.evicted - before.evicted} keys to make room`
    const hint = 'Set maxmemory-policy to noeviction, and give the store more memory.'
    doubts.push(doubt('entries-evicted', barrier, { reason, hint }))
  }
  return doubts
}

function topicDoubts(before: Fingerprint, after: Fingerprint, context: Context): Doubt[] {
  return Object.keys(after.topics).flatMap((topic) => {
    const [was, is] = [before.topics[topic], after.topics[topic]!]
    const { common, partitions } = topicParts(topic, is, context)
    if (was === undefined || same(was, is)) return []
    if (was.id !== is.id) {
      const reason = `topic ${topic} was deleted and made anew`
      const restart: Restart = { how: 'anew', partitions }
      return [doubt('another-log', context.barrier, { ...common, reason, restart })]
    }
    if (was.partitions !== is.partitions)
      return [partitionsChanged(topic, was.partitions, is, context)]
    const reason = `settings of topic ${topic} were altered: compaction may have taken changes`
    return [doubt('topic-altered', context.barrier, { ...common, reason })]
  })
}

/**
 * About topics whose partitions are not those that the view applies, whatever they were before, but
 * for those that one of the `told` doubts begins anew.
 */
export function unappliedDoubts(
  { topics }: Fingerprint,
  context: Context,
  told: readonly Pick<Doubt, 'name' | 'restart'>[],
): Doubt[] {
  const begunAnew = new Set(told.filter(({ restart }) => restart).map(({ name }) => name))
  return Object.entries(topics).flatMap(([topic, is]) => {
    const before = context.applied[topic] ?? 0
    if (before === is.partitions || begunAnew.has(`another-log ${topic}`)) return []
    const changed = partitionsChanged(topic, before, is, context)
    return begunAnew.has(changed.name) ? [] : [changed]
  })
}

type Topic = Fingerprint['topics'][string]

function partitionsChanged(topic: string, before: number, is: Topic, context: Context): Doubt {
  const { common, partitions } = topicParts(topic, is, context)
  const reason = `topic ${topic} has ${is.partitions} partitions, it had ${before}`
  const restart: Restart = { how: 'forward', partitions }
  return doubt('partitions-changed', context.barrier, { ...common, reason, restart })
}

function topicParts(topic: string, { partitions: count }: Topic, { tableOf }: Context) {
  const table = tableOf(topic)
  const partitions = Array.from({ length: count }, (_, partition) =>
    topicPartitionName({ topic, partition }),
  )
  return { common: { what: topic, tables: table === undefined ? [] : [table] }, partitions }
}

type DoubtParts = Pick<Doubt, 'reason'> & Partial<Doubt> & { readonly what?: string }

export function doubt(code: DoubtCode, barrier: number, given: DoubtParts): Doubt {
  const { what, reason, hint, tables = [], keys = [], restart } = given
  return {
    name: what === undefined ? code : `${code} ${what}`,
    code,
    reason,
    hint,
    tables,
    keys,
    offsets: new Map(),
    barrier,
    restart,
  }
}

/** A table's fingerprint lists its file nodes under `files`. */
function onlyIdentityDiffers(before: unknown, after: unknown): boolean {
  const [was, is] = [parts.safeParse(before), parts.safeParse(after)]
  if (!was.success || !is.success) return false
  return same([was.data['oid'], was.data['files']], [is.data['oid'], is.data['files']])
}

const publicationParts = z.looseObject({ tables: parts.nullable() })

/** A table that was asked for only once, because a declaration needs it since then, tells nothing. */
function samePublication(before: unknown, after: unknown): boolean {
  const [was, is] = [publicationParts.safeParse(before), publicationParts.safeParse(after)]
  if (!was.success || !is.success) return same(before, after)
  const [tablesBefore, tablesAfter] = [was.data.tables ?? {}, is.data.tables ?? {}]
  const ofBoth = (tables: typeof tablesBefore) =>
    Object.entries(tables).filter(([table]) => table in tablesBefore && table in tablesAfter)
  return same(
    [{ ...was.data, tables: null }, ofBoth(tablesBefore)],
    [{ ...is.data, tables: null }, ofBoth(tablesAfter)],
  )
}
