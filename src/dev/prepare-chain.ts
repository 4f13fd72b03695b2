/** Source, topics and connector of a chain, as `millrace apply` prepares them. */
import { DatabaseError } from 'pg'
import { MillraceError } from '../errors.ts'
import { withoutTransactions } from '../plan/connect-plan.ts'
import { prepare, prepareSource } from '../plan/prepare.ts'
import type { ConnectorChanges } from '../plan/words.ts'
import type { Project } from '../project/project.ts'
import { untilRunning } from '../source/connector-setup.ts'
import type { GivenSource } from './chain-env.ts'
import type { ChainOptions, ServerName } from './chain-options.ts'
import { fromEnvironment } from './connector.ts'
import type { Attended } from './say.ts'
import { withClient } from './sql-files.ts'
import { userOf, withUser } from './urls.ts'

const connectorTimeoutMs = 180_000
/** Servers that have just begun answer late, all the more on a laptop that starts all of them. */
const callTimeoutMs = 60_000

export type Preparation = {
  readonly project: Project
  /** Settings of a connector that is made, beside or instead of ours. */
  readonly connector?: ConnectorChanges
}

/** Everything, with a Connect that has the variables of `captureEnv`; ends when the connector runs. */
export async function prepareOutside(
  { project, connector }: Preparation,
  { say, signal }: Attended,
): Promise<void> {
  const parts = { project: patient(project), connector: { ...fromEnvironment, ...connector } }
  await prepare(parts, say, signal)
  const { connect, connector: name } = project.config
  await untilRunning(
    { connect, name, callTimeoutMs },
    { timeoutMs: connectorTimeoutMs, resumes: true },
  )
  say('the connector runs')
}

type Prepared = Pick<ChainOptions, 'source' | 'transactions' | 'connector'> & {
  readonly servers: readonly ServerName[]
  readonly project: Project
}

/** What of it the servers of the chain allow. */
export async function prepareChain(options: Prepared, attended: Attended): Promise<void> {
  const { servers, source, project, transactions = true, connector } = options
  const has = (name: ServerName) => servers.includes(name)
  const changes = { ...(transactions ? {} : withoutTransactions), ...connector }
  if (!has('postgres') && !source) return
  if (!has('kafka') || !has('connect')) {
    return prepareSource({ project: patient(project) }, attended.say, attended.signal)
  }
  await prepareOutside({ project, connector: changes }, attended).catch((error: unknown) => {
    throw helped(error, [
      ...(source ? [] : ['A Postgres of its own begins with the files that --init names.']),
      '--reset begins anew, also with the connector.',
    ])
  })
}

type Given = { readonly project: Project; readonly source: GivenSource }

/** A source that somebody else keeps, before anything is started: it may have to be mended first. */
export async function prepareGiven(
  { project, source }: Given,
  { say, signal }: Attended,
): Promise<void> {
  const { capture = '' } = project.config
  await prepareSource({ project }, say, signal).catch((error: unknown) => {
    const withPassword = `MILLRACE_CAPTURE=${withUser(capture, [userOf(capture)[0], 'PASSWORD'])}`
    throw helped(error, [
      ...(source.sourceOwner ? [] : ['Or name who may do it: MILLRACE_SOURCE_OWNER=postgres://…']),
      ...(source.capture
        ? []
        : [`If a role for Debezium is made by hand, start with ${withPassword}`]),
    ])
  })
  await refuseWrongPassword(capture)
}

/** Who may be there already, with a password that nobody told: Connect would say so much later. */
async function refuseWrongPassword(capture: string): Promise<void> {
  const [role] = userOf(capture)
  await withClient(capture, (client) => client.query('select 1')).catch((cause: unknown) => {
    if (!(cause instanceof DatabaseError) || !cause.code?.startsWith('28')) throw cause
    const wanted = withUser(capture, [role, 'PASSWORD'])
    throw new MillraceError('source-unfit', `role ${role}, for Debezium, can't log in`, {
      cause,
      hint: `Name it with its password, or another role that may replicate: MILLRACE_CAPTURE=${wanted}`,
    })
  })
}

function patient({ config, views }: Project): Pick<Project, 'config' | 'views'> {
  return { views, config: { ...config, callTimeoutMs } }
}

/** A fault of the preparation, with what else helps here. */
function helped(error: unknown, lines: readonly string[]): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'source-unfit') return error
  const hint = [error.hint ?? [], lines].flat().join('\n')
  return new MillraceError(error.code, error.message, { cause: error.cause, hint })
}
