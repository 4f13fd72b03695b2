/**
 * What the set-up looks like: whatever, altered for a moment, may have kept changes from the log
 * although all is as it was when somebody looks. Compared at every barrier.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { TopicDescription } from '../consume/change-source.ts'
import { placeholderOf } from '../source/connector-faults.ts'
import type { ConnectorSettings } from '../source/connect.ts'
import type { Moment } from '../source/source.ts'

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
  readonly moment: Pick<Moment, 'history' | 'setup'> | undefined
  readonly settings: ConnectorSettings | undefined
  readonly topics: Readonly<Record<string, TopicDescription>> | undefined
  readonly evicted: number
}

const setupSchema = z.object({
  tables: parts,
  publication: z.unknown(),
  slot: z.unknown(),
  unique,
})

/** Of what could be asked; the rest is as it was `known`, which there has to be then. */
export function fingerprintOf(
  { moment, settings, topics, evicted }: FingerprintParts,
  known?: Fingerprint,
): Fingerprint {
  return {
    ...databaseIn(moment ? { history: moment.history, ...setupIn(moment) } : known!),
    connector: settings ? connectorIn(settings) : known!.connector,
    evicted,
    topics: { ...(topics ?? known!.topics) },
  }
}

/** The parts of the database, in one order. */
function databaseIn(from: Omit<Fingerprint, 'connector' | 'evicted' | 'topics'>) {
  const { history, tables, publication, slot, unique: columns } = from
  return { history, tables, publication, slot, unique: columns }
}

function setupIn({ setup }: Pick<Moment, 'setup'>) {
  return setupSchema.parse(JSON.parse(setup))
}

function connectorIn(settings: ConnectorSettings): Fingerprint['connector'] {
  const sorted = Object.keys(settings)
    .toSorted()
    .map((name) => [name, settings[name]])
  const hash = createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16)
  return { hash, placeholder: placeholderOf(settings) }
}

/** With what was known of topics that are not there: what comes back is compared with that. */
export function withAbsent(found: Fingerprint, known: Fingerprint): Fingerprint {
  return { ...found, topics: { ...known.topics, ...found.topics } }
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
  moment: Pick<Moment, 'history' | 'setup'>,
): boolean {
  if (fingerprint.history !== moment.history) return false
  const { tables, publication, slot } = setupIn(moment)
  return (
    same(fingerprint.tables, tables) &&
    same([fingerprint.publication, fingerprint.slot], [publication, slot])
  )
}

/** As their texts are. */
export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
