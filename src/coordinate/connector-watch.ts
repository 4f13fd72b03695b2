import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { Reported } from '../store/reported.ts'
import type { ViewWriter } from '../store/writer.ts'
import { hintFor, reasonOf, type ConnectorTask } from './connector-task.ts'

export type ConnectorWatchParts = {
  readonly task: Pick<ConnectorTask, 'look'>
  readonly writer: Pick<ViewWriter, 'report'>
  readonly clock: Clock
}

const lookEveryMs = 3_000

/** Shows with one view whether the connector's task has failed, while this process coordinates it. */
export async function watchConnector(
  { task, writer, clock }: ConnectorWatchParts,
  signal: AbortSignal,
): Promise<void> {
  const reported = new Reported(clock, 'connector')
  while (!signal.aborted) {
    try {
      const status = await task.look()
      if (status.state === 'failed') await reported.report(writer, failed(reasonOf(status)))
      else if (status.state === 'running') await reported.report(writer, undefined)
    } catch (error) {
      // Connect or the store is away, which shows elsewhere.
      if (!(error instanceof MillraceError)) throw error
    }
    await clock.sleep(lookEveryMs, signal)
  }
}

function failed(reason: string): MillraceError {
  return new MillraceError('connector-failed', `the connector's task has failed: ${reason}`, {
    hint: hintFor(reason),
  })
}
