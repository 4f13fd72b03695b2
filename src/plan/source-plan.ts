/** What the source lacks: roles and rights, replica identities, the publication, indexes. */
import { describe, MillraceError } from '../errors.ts'
import { faultsIn } from '../source/setup-faults.ts'
import { readFacts, type SetupFacts } from '../source/setup-facts.ts'
import { loginOf, readRoles, type SourceRoles } from '../source/source-roles.ts'
import { SourceDatabase } from '../source/source-database.ts'
import type { SetupFault } from '../source/source.ts'
import { tableOf } from '../table-name.ts'
import { identifier } from '../view/sql-text.ts'
import { tablesOf } from '../view/view.ts'
import { askedOr, faultIn, faultOf, type Draft, type Work } from './draft.ts'
import { indexWorks, rangeNotes, unfinishedNotes } from './indexes.ts'
import { runStatements, type SourceStep } from './owner-session.ts'
import { captureRole, readerRole } from './roles.ts'
import { sumNotes } from './sums.ts'
import type { Tools } from './tools.ts'
import type { Fault, PlanConfig, PlanParts } from './words.ts'

export type SourceDraft = Draft & { readonly facts?: SetupFacts }

export function sourceDraft(parts: PlanParts, tools: Tools): Promise<SourceDraft> {
  return askedOr('source', () => draftOf(parts, tools))
}

async function draftOf({ project }: PlanParts, tools: Tools): Promise<SourceDraft> {
  const { config, views } = project
  const tables = [...new Set(views.flatMap(tablesOf))]
  const schemas = [...new Set(tables.map((table) => tableOf(table).schema))]
  const reader = loginOf(config.source)
  const capture = config.capture === undefined ? undefined : loginOf(config.capture)
  const names = [reader.role, ...(capture ? [capture.role] : [])]
  const [facts, roles] = await asOwner(project.config, () =>
    Promise.all([
      readFacts(tools.owner, { tables, publication: config.publication, role: reader.role }),
      readRoles(tools.owner, names, schemas),
    ]),
  )
  const found = faultsIn(facts, views, config.publication)
  const exists = roles.roles[reader.role]?.exists === true
  const refused = exists && config.source !== tools.ownerUrl ? await loginFaults(config) : []
  const steps: SourceStep[] = [
    ...readerRole(reader, roles),
    ...(capture ? captureRole(capture, roles) : []),
    ...ordered(found),
    ...indexWorks(facts, views),
  ]
  return {
    facts,
    works: steps.map((step) => workOf(step, tools)),
    faults: [
      ...found.filter(({ does }) => does === undefined).map((fault) => faultIn('source', fault)),
      ...otherDatabase(reader.database, roles),
      ...refused,
    ],
    notes: [...unfinishedNotes(facts), ...rangeNotes(facts, views), ...sumNotes(facts, views)],
  }
}

function workOf({ what, statements, needs }: SourceStep, { ownerUrl }: Tools): Work {
  return {
    where: 'source',
    what,
    text: statements.map(({ shown }) => shown),
    needs,
    run: (say, signal) => runStatements(ownerUrl, statements, { say, signal }),
  }
}

/** Rights first, the publication last: a published table whose rows have no identity takes no update. */
function ordered(faults: readonly SetupFault[]): SourceStep[] {
  const steps = faults.flatMap(({ does, mend }) =>
    does === undefined || mend === undefined ? [] : [{ what: does, statements: [{ shown: mend }] }],
  )
  const rank = ({ statements }: SourceStep) =>
    ['grant ', 'alter table '].findIndex((begin) => statements[0]!.shown.startsWith(begin))
  const place = (step: SourceStep) => (rank(step) === -1 ? 2 : rank(step))
  return steps
    .toSorted((a, b) => place(a) - place(b))
    .map((step) =>
      step.statements[0]!.shown.startsWith('create publication')
        ? { ...step, needs: 'the right to create in the database' }
        : step,
    )
}

function otherDatabase(wanted: string, { database }: SourceRoles): readonly Fault[] {
  if (wanted === database) return []
  const what = `sourceOwner names the database ${database}, and source names ${wanted}`
  return [faultOf('source', what, 'Let both name the same database.')]
}

/** A role that is there may have another password than the one that is configured. */
async function loginFaults({ source, callTimeoutMs }: PlanConfig): Promise<readonly Fault[]> {
  const database = new SourceDatabase({
    url: source,
    connectionsMax: 1,
    messageTimeoutMs: callTimeoutMs,
    connectTimeoutMs: callTimeoutMs,
  })
  try {
    await database.run(['select 1'])
    return []
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    const { role } = loginOf(source)
    const hint =
      `Set the password that it has in MILLRACE_SOURCE, or give it that one: ` +
      `alter role ${identifier(role)} password '<the password in MILLRACE_SOURCE>';`
    return [faultOf('source', `role ${role} can't log in: ${describe(error)}`, hint)]
  } finally {
    await database.close()
  }
}

async function asOwner<T>({ sourceOwner }: PlanConfig, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof MillraceError && error.code === 'source-refused')) throw error
    const hint =
      sourceOwner === undefined
        ? 'Name a role that may prepare the source in the setting sourceOwner (MILLRACE_SOURCE_OWNER): ' +
          'the owner of the tables, or a superuser.'
        : 'Check role, password and database in MILLRACE_SOURCE_OWNER.'
    throw new MillraceError(error.code, describe(error), { hint })
  }
}
