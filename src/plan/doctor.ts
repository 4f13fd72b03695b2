/** A plan, and what is watched while views are kept. */
import { ownView } from '../coordinate/view-plan.ts'
import { describe, MillraceError } from '../errors.ts'
import { connectRest } from '../source/connect-rest.ts'
import { postgresSource } from '../source/postgres-source.ts'
import type { View } from '../view/view.ts'
import {
  connectorFindings,
  findingOf,
  slotFindings,
  viewFindings,
  type Finding,
} from './findings.ts'
import { planOf } from './plan.ts'
import { withStoreToRead } from './tools.ts'
import type { Fault, PlanConfig, PlanParts, Step } from './words.ts'

export type Diagnosis = {
  readonly findings: readonly Finding[]
  readonly notes: readonly string[]
}

/** `freshWithinMs` is how old a watermark may be. */
export async function diagnose(parts: PlanParts, freshWithinMs: number): Promise<Diagnosis> {
  const { config, views } = parts.project
  const [plan, ...watched] = await Promise.all([
    planOf(parts),
    asked('source', () => sourceFindings(config)),
    asked('connect', () => connectFindings(config)),
    ...config.stores.flatMap((store) =>
      views.map((view) =>
        asked(store, () => storeFindings(config, view, { store, freshWithinMs })),
      ),
    ),
  ])
  const all = [...plan.faults.map(ofFault), ...plan.steps.map(ofStep), ...watched.flat()]
  const once = new Map(all.map((it) => [`${it.where} ${it.what}`, it]))
  return { findings: [...once.values()], notes: plan.notes }
}

function ofFault({ where, what, cure, answered }: Fault): Finding {
  return findingOf(where)(what, cure, answered)
}

function ofStep({ where, what }: Step): Finding {
  return findingOf(where)(`to do: ${what}`, '`millrace plan` shows it, `millrace apply` does it.')
}

async function asked(
  where: string,
  ask: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return [findingOf(where)(describe(error), error.hint, false)]
  }
}

async function sourceFindings(config: PlanConfig): Promise<readonly Finding[]> {
  const { publication, slot, callTimeoutMs } = config
  // Millrace's own role may be among what is missing.
  const url = config.sourceOwner ?? config.source
  const source = postgresSource({ url, publication, slot, callTimeoutMs })
  try {
    return slotFindings(slot, await source.slot())
  } finally {
    await source.close()
  }
}

async function connectFindings(config: PlanConfig): Promise<readonly Finding[]> {
  const { connect, connector: name, callTimeoutMs } = config
  const rest = connectRest({ connect, name, callTimeoutMs })
  try {
    const status = await rest.status()
    const found = connectorFindings(name, status)
    if (status.state !== 'running' || (await rest.committed()).commitLsn !== undefined) return found
    const cure = "Connect's log and that of Postgres say why, if it stays so."
    return [...found, findingOf('connect')(`connector ${name} has read nothing yet`, cure)]
  } catch (error) {
    // The plan says that there is none.
    if (error instanceof MillraceError && error.code === 'connect-refused') return []
    throw error
  }
}

type StoreAsked = {
  readonly store: PlanConfig['stores'][number]
  readonly freshWithinMs: number
}

async function storeFindings(
  config: PlanConfig,
  view: View,
  { store: name, freshWithinMs }: StoreAsked,
): Promise<readonly Finding[]> {
  const own = ownView(view)
  const about = { view: view.name, store: name, declaration: own.id, freshWithinMs }
  try {
    return await withStoreToRead(name, { config, view }, async (store) =>
      viewFindings(await store.reader(view.layout, own.id).status(), about),
    )
  } catch (error) {
    if (!(error instanceof MillraceError && error.code === 'store-layout')) throw error
    return [findingOf(name, view.name)(describe(error), error.hint)]
  }
}
