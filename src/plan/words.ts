/** What a plan says, and what it is made of. */
import type { Config } from '../config.ts'
import type { View } from '../view/view.ts'

export type Step = {
  /** What it changes, as people call it: `source`, `kafka`, `connect`, or a store's name. */
  readonly where: string
  /** What is done, in words: `create the publication millrace`. */
  readonly what: string
  /** Of the source: the statements, each alone. Elsewhere what is changed, in lines people can read. */
  readonly text: readonly string[]
  /** Of the source: what right it needs besides owning the tables. */
  readonly needs: string | undefined
}

/** What no step mends. */
export type Fault = {
  readonly where: string
  readonly table: string | undefined
  readonly column: string | undefined
  readonly what: string
  /** What people can do about it, as SQL where it is that. */
  readonly cure: string | undefined
  /** False where this could not be asked. */
  readonly answered: boolean
}

export type Plan = {
  readonly steps: readonly Step[]
  readonly faults: readonly Fault[]
  /** What people should know and nothing has to be done about. */
  readonly notes: readonly string[]
}

export type PlanConfig = Pick<
  Config,
  | 'source'
  | 'sourceOwner'
  | 'capture'
  | 'publication'
  | 'slot'
  | 'kafka'
  | 'topicPartitions'
  | 'connect'
  | 'connector'
  | 'registry'
  | 'stores'
  | 'redis'
  | 'postgres'
  | 'callTimeoutMs'
  | 'logLevel'
>

/** Settings in place of those that Millrace gives a connector; null for one that it shall not have. */
export type ConnectorChanges = Readonly<Record<string, string | null>>

export type PlanParts = {
  readonly project: { readonly config: PlanConfig; readonly views: readonly View[] }
  /** For a connector that has to be made. */
  readonly connector?: ConnectorChanges
  /** Entries that lie under a view's names already are to become the view's. */
  readonly adopt?: boolean
}
