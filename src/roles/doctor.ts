/** The command `doctor`: all that is wrong or about to be, with what can be done about it. */
import type { Given } from '../arguments.ts'
import type { Config } from '../config.ts'
import { schemaRegistry } from '../decode/registry.ts'
import { describe, MillraceError } from '../errors.ts'
import { diagnose, type Diagnosis } from '../plan/doctor.ts'
import { findingOf, type Finding } from '../plan/findings.ts'
import { printLine } from '../print-line.ts'
import { refuseNoViews, type Project } from '../project/project.ts'
import { jsonOption } from './options.ts'

export const doctorCommand = {
  call: 'millrace doctor',
  about: `Says what \`millrace plan\` says, and what is watched while views are kept: slot and log behind it,
connector and its task, topics, registry, rights and eviction in the stores, doubts, what stands
still, parked records, the watermark's age. Each finding has its cure. Changes nothing.`,
  options: { json: jsonOption },
  more: 'Exits with 0 when nothing was found, 2 when something was, 1 when something could not be asked.',
} as const

/** No registry has given so many. */
const unknownSchema = 2 ** 31 - 1

export async function runDoctor(
  { values }: Given<(typeof doctorCommand)['options']>,
  project: Project,
): Promise<number> {
  refuseNoViews(project)
  const { config } = project
  const [{ findings, notes }, registry] = await Promise.all([
    diagnose({ project }, config.freshWithinMs),
    registryFindings(config),
  ])
  const all = { findings: [...findings, ...registry], notes }
  printLine(values.json ? JSON.stringify(all) : textOf(all))
  if (all.findings.some(({ answered }) => !answered)) return 1
  return all.findings.length > 0 ? 2 : 0
}

async function registryFindings({ registry, callTimeoutMs }: Config): Promise<readonly Finding[]> {
  try {
    await schemaRegistry(registry, { callTimeoutMs }).schema(unknownSchema)
    return []
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return [findingOf('registry')(describe(error), error.hint, false)]
  }
}

function textOf({ findings, notes }: Diagnosis): string {
  const lines = findings.flatMap(({ where, what, cure }) => [
    `${where}: ${what}`,
    ...(cure === null ? [] : [`  ${cure}`]),
  ])
  const end =
    findings.length === 0
      ? 'Nothing was found.'
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}.`
  return [...lines, ...notes.map((note) => `note: ${note}`), end].join('\n')
}
