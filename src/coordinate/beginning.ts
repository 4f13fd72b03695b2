import { MillraceError } from '../errors.ts'
import { boundOf } from '../keep.ts'
import { formatLsn } from '../position.ts'
import { partitionsOf } from '../store/restart.ts'
import type { Checkpoint, KeptDeclaration } from '../store/state.ts'
import { storedNames } from '../view/declarations.ts'
import type { Coordination } from './coordinator.ts'
import { encodeFingerprint } from './fingerprint.ts'
import { unfit } from './setup.ts'
import { keptDeclaration, mergedView, type OwnView } from './view-plan.ts'

/**
 * Begins a view in a store that has no state of it: everything at or above a barrier's `from` is
 * applied from now on, and looks put in what stands before. Throws `declaration-unknown` when another
 * declaration was applied, `store-occupied` when entries lie there that nobody has said may be taken
 * over, and `source-unfit`.
 */
export async function begin(parts: Coordination, signal: AbortSignal): Promise<void> {
  const { store, setup, own, barriers, log } = parts
  const wanted = await store.watchable.wanted()
  if (wanted && wanted.declaration !== own.id) throw anotherWanted(own)
  const occupant = wanted?.adopt ? undefined : await store.watchable.occupant()
  if (occupant !== undefined) throw occupied(parts, occupant)
  const faults = await setup.faults(own.view)
  if (faults.length > 0) throw unfit(own.view, faults)
  const { fingerprint } = await setup.look(own.view)
  const barrier = await barriers.take(signal)
  if (!barrier || barrier.history !== fingerprint.history) return
  const counts = Object.entries(fingerprint.topics).map(([topic, it]) => [topic, it.partitions])
  const topics = Object.fromEntries(counts) as Record<string, number>
  const checkpoints = partitionsOf(topics).map((name): [string, Checkpoint] => {
    const next = barrier.from.get(name)
    if (next === undefined) throw missingPartition(name)
    return [name, { next, last: undefined, windowFrom: next, keySchema: undefined }]
  })
  const declaration = keptDeclaration(own, { declarations: [] })
  const epoch = await store.coordination.open({
    declaration,
    topics,
    checkpoints: new Map(checkpoints),
    fingerprint: encodeFingerprint(fingerprint),
    barrier,
    keepFrom: boundOf(own.view, barrier.takenAtMs),
  })
  if (epoch === undefined) return
  await noteBegun(parts, declaration)
  log.info({ epoch, topics, from: formatLsn(barrier.lsn) }, 'the view is begun')
}

/**
 * From here on whatever lies under the view's names is the view's, and names that were to be swept
 * when its state was lost may be in use again. Another declaration may have been applied meanwhile.
 */
async function noteBegun(
  { store, own }: Coordination,
  declaration: KeptDeclaration,
): Promise<void> {
  const stored = storedNames(mergedView({ declarations: [declaration] }))
  const first = { declaration: own.id, adopt: true, prune: false, sweep: [] }
  await store.watchable.want((now) => {
    if (!now) return first
    const sweep = now.sweep.filter((name) => !stored.has(name))
    if (now.adopt && sweep.length === now.sweep.length) return undefined
    return { ...now, adopt: true, sweep }
  })
}

function anotherWanted({ view }: OwnView): MillraceError {
  return new MillraceError(
    'declaration-unknown',
    `another declaration of view ${view.name} was applied than this process has`,
    {
      hint:
        'If this release is to be served, run its `millrace apply`. ' +
        'Else start workers of the release that was applied.',
    },
  )
}

function missingPartition(name: string): MillraceError {
  return new MillraceError('topic-missing', `${name} has come while the view was begun`, {
    hint: 'Nothing to do: the next try sees it.',
  })
}

function occupied({ store, own }: Coordination, occupant: string): MillraceError {
  return new MillraceError(
    'store-occupied',
    `${store.name} has entries named like those of view ${own.view.name} already, as ${own.view.name}:${occupant}`,
    {
      hint:
        'If they are to become the view, right and kept, run `millrace apply --adopt`. ' +
        'Else delete them, or give the view another name.',
    },
  )
}
