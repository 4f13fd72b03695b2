/**
 * What Millrace asks of Kafka Connect about the one connector that captures the source. Every
 * method rejects with `connect-unavailable` while Connect is away, and with `connect-refused` when
 * it knows no such connector.
 */
import type { Lsn } from '../position.ts'

export type Connect = {
  /** The newest committed source offset, in one answer. */
  committed(): Promise<CommittedOffset>
  /** The connector's configuration as it was given; secrets stand as their placeholders. */
  settings(): Promise<ConnectorSettings>
  status(): Promise<ConnectorStatus>
  /** Starts the connector's task again, failed or not. */
  restart(): Promise<void>
  /** Version of the connector's plugin, as `3.7.0.Final`. */
  version(): Promise<string>
}

/** Everything below is acknowledged by Kafka. */
export type CommittedOffset = {
  /**
   * End of the last transaction seen. Undefined before the first, and so also for a connector whose
   * offsets were deleted.
   */
  readonly commitLsn: Lsn | undefined
  /** True while a snapshot is under way. */
  readonly snapshot: boolean
}

export type ConnectorSettings = Readonly<Record<string, string>>

export type ConnectorStatus = {
  readonly state: 'running' | 'failed' | 'stopped' | 'starting'
  /** The last cause in the task's trace, where it has failed. */
  readonly reason: string | undefined
}
