import {
  configOf,
  namedSettings,
  type Config,
  type ConfiguredRole,
  type Setting,
} from '../config.ts'
import type { Environment } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import { configFileNames, loadConfigFile, type ConfigFile } from './config-file.ts'

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
  const file = await loadConfigFile(folder, sources.path ?? (env.MILLRACE_CONFIG || undefined))
  const wrong = file ? viewFaults(file) : []
  const config = configOf({ env, file, role, wrong })
  const views = (file?.values.views ?? []) as readonly View[]
  return { config, views, path: file?.path, named: namedSettings({ env, file }) }
}

/** The one view that a role is about. Throws `config` where none or more are declared. */
export function onlyView({ views, path }: Project): View {
  const [view, ...more] = views
  if (view && more.length === 0) return view
  if (view) {
    throw new MillraceError('config', `${views.length} views are declared, one is kept for now`, {
      hint: `Name one view in ${path}.`,
    })
  }
  return noViews()
}

/** Throws `config` where the project has no configuration file, and so no view. */
export function refuseNoViews({ views }: Project): void {
  if (views.length === 0) noViews()
}

function noViews(): never {
  throw new MillraceError('config', `there is no ${configFileNames[0]} here, so no view is known`, {
    hint:
      `Write one (${configFileNames.join(', ')}) that names your views, ` +
      'or name it with --config or MILLRACE_CONFIG.',
  })
}

function viewFaults({ name: file, values: { views } }: ConfigFile): string[] {
  const wanted = 'must be a list of what defineView answers'
  if (!Array.isArray(views) || views.length === 0) return [`${file}: views ${wanted}`]
  const names = new Set<string>()
  return views.flatMap((view: unknown, index) => {
    if (!isView(view)) return [`${file}: views[${index}] is not what defineView answers`]
    if (names.has(view.name)) return [`${file}: two views have the name ${view.name}`]
    names.add(view.name)
    return []
  })
}

/** By its parts, for the project may have another copy of millrace than the one that runs. */
function isView(value: unknown): value is View {
  if (typeof value !== 'object' || value === null) return false
  const { name, layout } = value as Partial<View>
  return typeof name === 'string' && typeof layout === 'object'
}
