/** Source, topics and connector of a chain, as `millrace apply` prepares them. */
import { MillraceError } from '../errors.ts'
import { prepare, prepareSource } from '../plan/prepare.ts'
import type { Project } from '../project/project.ts'
import type { GivenSource } from './chain-env.ts'
import type { ChainOptions, ServerName } from './chain-options.ts'
import {
  fromEnvironment,
  untilRunning,
  withoutTransactions,
  type ConnectorChanges,
} from './connector.ts'
import type { Say } from './say.ts'
import { withUser } from './urls.ts'

const connectorTimeoutMs = 180_000

export type Preparation = {
  readonly project: Project
  /** Settings of a connector that is made, beside or instead of ours. */
  readonly connector?: ConnectorChanges
}

/** Everything, with a Connect that has the variables of `captureEnv`; ends when the connector runs. */
export async function prepareOutside({ project, connector }: Preparation, say: Say): Promise<void> {
  await prepare({ project, connector: { ...fromEnvironment, ...connector } }, say)
  await untilRunning({
    connect: project.config.connect,
    name: project.config.connector,
    timeoutMs: connectorTimeoutMs,
  })
  say('the connector runs')
}

type Prepared = Pick<ChainOptions, 'source' | 'transactions' | 'connector'> & {
  readonly servers: readonly ServerName[]
  readonly project: Project
  readonly say: Say
}

/** What of it the servers of the chain allow. */
export async function prepareChain(options: Prepared): Promise<void> {
  const { servers, source, project, transactions = true, connector, say } = options
  const has = (name: ServerName) => servers.includes(name)
  const changes = { ...(transactions ? {} : withoutTransactions), ...connector }
  if (!has('postgres') && !source) return
  if (!has('kafka') || !has('connect')) return prepareSource({ project }, say)
  await prepareOutside({ project, connector: changes }, say).catch((error: unknown) => {
    throw helped(error, [
      'A connector of an earlier start that does not fit goes with --reset, and is made anew.',
    ])
  })
}

type Given = { readonly project: Project; readonly source: GivenSource }

/** A source that somebody else keeps, before anything is started: it may have to be mended first. */
export async function prepareGiven({ project, source }: Given, say: Say): Promise<void> {
  await prepareSource({ project }, say).catch((error: unknown) => {
    const capture = withUser(source.source, ['millrace_capture', 'PASSWORD'])
    throw helped(error, [
      ...(source.sourceOwner ? [] : [`Or name who may do it: MILLRACE_SOURCE_OWNER=postgres://…`]),
      ...(source.capture
        ? []
        : [
            'If the role millrace_capture is made by hand, with a password of your choice, start with',
            `  MILLRACE_CAPTURE=${capture}`,
          ]),
    ])
  })
}

/** A fault of the preparation, with what else helps here. */
function helped(error: unknown, lines: readonly string[]): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'source-unfit') return error
  const hint = [error.hint ?? [], lines].flat().join('\n')
  return new MillraceError(error.code, error.message, { cause: error.cause, hint })
}
