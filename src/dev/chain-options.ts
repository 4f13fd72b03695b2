import type { GivenSource } from './chain-env.ts'
import type { Ports } from './ports.ts'
import type { Say } from './say.ts'

export const serverNames = ['postgres', 'redis', 'registry', 'kafka', 'connect'] as const
export type ServerName = (typeof serverNames)[number]

type Settings = Readonly<Record<string, string>>

/**
 * What a chain is made of. Without any option but its folder it is all servers and no roles. Its
 * source is prepared for the views that the configuration names.
 */
export type ChainOptions = {
  /** Where its data, logs and settings lie. */
  readonly folder: string
  readonly ports: Ports
  readonly say?: Say
  /** Ends the start early; what runs by then is stopped. */
  readonly signal?: AbortSignal | undefined
  readonly servers?: readonly ServerName[]
  /** How many `worker` processes; 0 by default. */
  readonly workers?: number
  readonly api?: boolean
  /** SQL files that the chain's own source database begins with. */
  readonly init?: readonly string[]
  /** A source that somebody else keeps; without it the chain's own Postgres has one. */
  readonly source?: GivenSource | undefined
  /** Exactly-once sources in Connect and in the connector; true by default. */
  readonly transactions?: boolean
  /** Settings of the connector beside or instead of the committed ones; `null` removes one. */
  readonly connector?: Readonly<Record<string, string | null>>
  readonly connectSettings?: Settings
  readonly kafkaSettings?: Settings
  readonly postgresSettings?: Settings
  readonly redisArgs?: readonly string[]
  /**
   * The configuration file that names the views, for the preparation, workers and API; the one in
   * the current folder where left out.
   */
  readonly config?: string
  /** `MILLRACE_*` variables of workers and API beside or instead of the chain's own. */
  readonly roleEnv?: Settings
}
