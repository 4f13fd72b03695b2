/** What the coordinator of a view watches all the time, said once, as findings with cures. */
import { isEndangered, slotHint } from '../coordinate/fingerprint.ts'
import type { ConnectorStatus } from '../source/connect.ts'
import type { SlotState } from '../source/source.ts'
import type { StoreStatus } from '../store/reader.ts'

export type Finding = {
  /** `source`, `kafka`, `connect`, `registry` or a store's name. */
  readonly where: string
  /** Null for what is about no view alone. */
  readonly view: string | null
  readonly what: string
  readonly cure: string | null
  /** False where something could not be asked. */
  readonly answered: boolean
}

/** As much log is kept for a connector that was down for a short while. */
const walKeptMaxBytes = 2 ** 30

export function slotFindings(name: string, slot: SlotState | undefined): readonly Finding[] {
  const finding = findingOf('source')
  if (!slot) {
    const cure =
      "The connector makes it when it first runs: Connect's log says why it has not. If it was " +
      'dropped, see "When the slot was lost" in the README.'
    return [finding(`there is no replication slot ${name}`, cure)]
  }
  const { active, walStatus, walBytes } = slot
  const gibibytes = (walBytes / 2 ** 30).toFixed(1)
  return [
    ...(active
      ? []
      : [
          finding(
            `nobody reads the replication slot ${name}`,
            "See the connector's state, Connect's log and that of Postgres.",
          ),
        ]),
    ...(isEndangered(slot) ? [finding(`the slot's log is ${walStatus}`, slotHint)] : []),
    ...(walBytes > walKeptMaxBytes
      ? [finding(`the source keeps ${gibibytes} GiB of log for the slot ${name}`, slotHint)]
      : []),
  ]
}

export function connectorFindings(
  name: string,
  { state, reason }: ConnectorStatus,
): readonly Finding[] {
  const finding = findingOf('connect')
  if (state === 'failed') {
    const why = reason === undefined ? '' : `: ${reason}`
    const cure = 'A worker starts it again and again; mend what it names.'
    return [finding(`the task of connector ${name} has failed${why}`, cure)]
  }
  if (state === 'stopped') {
    const cure = `Somebody has stopped or paused it: PUT connectors/${name}/resume lets it go on.`
    return [finding(`connector ${name} is stopped`, cure)]
  }
  return state === 'starting' ? [finding(`connector ${name} is starting`, undefined)] : []
}

export type ViewAsked = {
  readonly view: string
  readonly store: string
  /** The id of the declaration that is to be served. */
  readonly declaration: string
  readonly freshWithinMs: number
}

export function viewFindings(
  { state, ageMs, parked, problems, evicted = 0 }: StoreStatus,
  { view, store, declaration, freshWithinMs }: ViewAsked,
): readonly Finding[] {
  const finding = findingOf(store, view)
  const standing = [...problems].map(([place, { message, hint }]) =>
    finding(`${place} stands still: ${message}`, hint),
  )
  if (!state) {
    const cure = 'Start a worker, `millrace worker`. Its log says what it waits for.'
    return [finding(`view ${view} was not begun`, cure), ...standing]
  }
  const kept = state.declarations.find(({ id }) => id === declaration)
  const old = ageMs !== undefined && ageMs > freshWithinMs
  return [
    ...(kept?.complete === false
      ? [finding(`view ${view} is being built`, 'Readers get 503 until every entry was put in.')]
      : []),
    ...(old
      ? [
          finding(
            `view ${view} is ${Math.round(ageMs / 1_000)} s behind the source`,
            'See whether a worker runs, what else is said here, and `millrace status`.',
          ),
        ]
      : []),
    ...standing,
    ...state.doubts.map(({ reason, hint }) =>
      finding(`view ${view} is in doubt: ${reason}`, hint ?? 'It is compared, and ends by itself.'),
    ),
    ...(parked > 0
      ? [
          finding(
            `${parked} records of view ${view} could not be decoded`,
            '`millrace parked` lists them, and --clear forgets them.',
          ),
        ]
      : []),
    ...(evicted > 0
      ? [
          finding(
            `${store} has dropped ${evicted} keys to make room since it started`,
            'Give it more memory, and maxmemory-policy noeviction.',
          ),
        ]
      : []),
  ]
}

export function findingOf(where: string, view: string | null = null) {
  return (what: string, cure: string | undefined, answered = true): Finding => ({
    where,
    view,
    what,
    cure: cure ?? null,
    answered,
  })
}
