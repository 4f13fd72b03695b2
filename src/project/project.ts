import {
  configOf,
  namedSettings,
  type Config,
  type ConfiguredRole,
  type Setting,
} from '../config.ts'
import type { Environment } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import { gatherFaults } from '../view/define-view.ts'
import type { View } from '../view/view.ts'
import { configFileNames, loadConfigFile } from './config-file.ts'
import { viewFaults } from './view-faults.ts'

/** What a process works with: its settings, and the views that the configuration file names. */
export type Project = {
  readonly config: Config
  readonly views: readonly View[]
  /** Of the configuration file; undefined where there is none. */
  readonly path: string | undefined
}

export type LoadedProject = Project & {
  /** Settings that the file or the environment names. */
  readonly named: ReadonlySet<Setting>
}

export type ProjectSources = {
  /** Where the file is looked for. */
  readonly folder: string
  readonly env: Environment
  /** Of the configuration file, where one is named. */
  readonly path?: string | undefined
  /** Without one, every setting is read. */
  readonly role?: ConfiguredRole
}

/** Throws `config`, which names all that is wrong in the file and in the environment. */
export async function loadProject(sources: ProjectSources): Promise<LoadedProject> {
  const { folder, env, role } = sources
  const path = sources.path ?? (env.MILLRACE_CONFIG || undefined)
  const { result: file, faults } = await gatherFaults(() => loadConfigFile(folder, path))
  const wrong = [...faults, ...(file ? viewFaults(file) : [])]
  const config = configOf({ env, file, role, wrong })
  const views = (file?.values.views ?? []) as readonly View[]
  return { config, views, path: file?.path, named: namedSettings({ env, file }) }
}

/** Throws `config` where the project has no configuration file, and so no view. */
export function refuseNoViews({ views }: Project): void {
  if (views.length > 0) return
  throw new MillraceError('config', `there is no ${configFileNames[0]} here, so no view is known`, {
    hint:
      `Write one (${configFileNames.join(', ')}) that names your views, ` +
      'or name it with --config or MILLRACE_CONFIG.',
  })
}
