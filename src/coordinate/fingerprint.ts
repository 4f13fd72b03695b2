/**
 * What the set-up looks like: whatever, altered for a moment, may have kept changes from the log
 * although all is as it was when somebody looks. Compared at every barrier; what differs is a doubt.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { TopicDescription } from '../consume/change-source.ts'
import { topicPartitionName } from '../position.ts'
import { placeholderOf } from '../source/connector-faults.ts'
import type { ConnectorSettings } from '../source/connect.ts'
import type { Moment } from '../source/source.ts'
import type { Doubt, DoubtCode, Restart } from '../store/state.ts'

const parts = z.record(z.string(), z.unknown())

const unique = z.record(z.string(), z.array(z.string()))

const schema = z.object({
  /** System identifier and timeline. */
  history: z.string(),
  /** By table name. */
  tables: parts,
  publication: z.unknown(),
  slot: z.unknown(),
  /** Columns that an index could give as a replica identity, by table. Nothing is concluded from it. */
  unique: unique.optional(),
  connector: z.object({ hash: z.string(), placeholder: z.string() }),
  /** Keys that the store says it has dropped to make room since it started. */
  evicted: z.number(),
  topics: z.record(
    z.string(),
    z.object({
      id: z.string(),
      partitions: z.number(),
      compactionLagMs: z.number(),
      cleanupPolicy: z.string(),
    }),
  ),
  /** How the slot was at `atMs` of the worker's wall clock; nothing is concluded from it. */
  slotState: z
    .object({ active: z.boolean(), walStatus: z.string(), walBytes: z.number(), atMs: z.number() })
    .optional(),
})

export type Fingerprint = z.infer<typeof schema>

export type FingerprintParts = {
  readonly moment: Pick<Moment, 'history' | 'setup'>
  readonly settings: ConnectorSettings
  readonly topics: Readonly<Record<string, TopicDescription>>
  readonly evicted: number
}

const setupSchema = z.object({
  tables: parts,
  publication: z.unknown(),
  slot: z.unknown(),
  unique,
})

export function fingerprintOf({
  moment,
  settings,
  topics,
  evicted,
}: FingerprintParts): Fingerprint {
  const sorted = Object.keys(settings)
    .toSorted()
    .map((name) => [name, settings[name]])
  const hash = createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16)
  const setup = setupSchema.parse(JSON.parse(moment.setup))
  return {
    history: moment.history,
    tables: setup.tables,
    publication: setup.publication,
    slot: setup.slot,
    unique: setup.unique,
    connector: { hash, placeholder: placeholderOf(settings) },
    evicted,
    topics: { ...topics },
  }
}

/** As Postgres says it: the log that the slot needs may be removed, or is. */
export function isEndangered({ walStatus }: { readonly walStatus: string }): boolean {
  return walStatus === 'unreserved' || walStatus === 'lost'
}

export const slotHint =
  'See why the connector does not read on, or raise max_slot_wal_keep_size before it is too late; ' +
  'if the slot is lost, see "When the slot was lost" in the README.'

export function encodeFingerprint(fingerprint: Fingerprint): string {
  return JSON.stringify(fingerprint)
}

export function decodeFingerprint(text: string): Fingerprint {
  return schema.parse(JSON.parse(text))
}

/** Undefined also where the fingerprint has a form that is not known here. */
export function knownSlotState(text: string | undefined): Fingerprint['slotState'] {
  if (text === undefined) return undefined
  return schema.safeParse(JSON.parse(text)).data?.slotState
}

/** True when nothing differs that could have kept changes from the log. */
export function isSameSetup(a: Fingerprint, b: Fingerprint): boolean {
  return same({ ...a, slotState: undefined }, { ...b, slotState: undefined })
}

/** True when the part that a look compares is the same: that of the database. */
export function isSameDatabase(
  fingerprint: Fingerprint,
  moment: FingerprintParts['moment'],
): boolean {
  if (fingerprint.history !== moment.history) return false
  const { tables, publication, slot } = setupSchema.parse(JSON.parse(moment.setup))
  return (
    same(fingerprint.tables, tables) &&
    same([fingerprint.publication, fingerprint.slot], [publication, slot])
  )
}

/** `topicOf` names the topic of a table; `barrier` is the number of one that has not begun yet. */
export type Context = {
  readonly tableOf: (topic: string) => string | undefined
  readonly barrier: number
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
  const { tableOf, barrier } = context
  return Object.keys(after.topics).flatMap((topic) => {
    const [was, is] = [before.topics[topic], after.topics[topic]!]
    if (was === undefined || same(was, is)) return []
    const table = tableOf(topic)
    const common = { what: topic, tables: table === undefined ? [] : [table] }
    const partitions = Array.from({ length: is.partitions }, (_, partition) =>
      topicPartitionName({ topic, partition }),
    )
    if (was.id !== is.id) {
      const reason = `topic ${topic} was deleted and made anew`
      return [
        doubt('another-log', barrier, { ...common, reason, restart: { how: 'anew', partitions } }),
      ]
    }
    if (was.partitions !== is.partitions) {
      const reason = `topic ${topic} has ${is.partitions} partitions, it had ${was.partitions}`
      const restart: Restart = { how: 'forward', partitions }
      return [doubt('partitions-changed', barrier, { ...common, reason, restart })]
    }
    const reason = `settings of topic ${topic} were altered: compaction may have taken changes`
    return [doubt('topic-altered', barrier, { ...common, reason })]
  })
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

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
