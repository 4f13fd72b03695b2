import type { Config } from '../config.ts'
import { MillraceError } from '../errors.ts'
import { createCommandLog } from '../log.ts'
import { refuseNoViews, type Project } from '../project/project.ts'
import { storeNamed } from '../store/open-store.ts'
import type { View } from '../view/view.ts'
import type { WithStoreOptions } from './with-store.ts'

/** The views that `--view` names, all of them where it was left out. Throws `arguments`, `config`. */
export function chosenViews(project: Project, list: string | undefined): readonly View[] {
  refuseNoViews(project)
  const names = project.views.map(({ name }) => name)
  const wanted = chosen(list, names, '--view: no view is declared by the name')
  return project.views.filter(({ name }) => wanted.includes(name))
}

/** The one view that a command is about: it has to be named where there are several. */
export function chosenView(project: Project, named: string | undefined): View {
  const [view, ...more] = chosenViews(project, named)
  if (more.length === 0) return view!
  const names = project.views.map(({ name }) => name).join(', ')
  throw new MillraceError('arguments', 'this is about one view: name it with --view', {
    hint: `There are ${names}.`,
  })
}

/** The store that `--store` names, the one that the API reads from where it was left out. */
export function chosenStore(config: Config, named: string | undefined): Config['readFrom'] {
  return named === undefined ? config.readFrom : storeNamed(named, config)
}

/** The store that `--store` names, all that are kept where it was left out. */
export function chosenStores(config: Config, named: string | undefined): Config['stores'] {
  return named === undefined ? config.stores : [storeNamed(named, config)]
}

/** What a command opens the chosen store by. */
export function opening(
  { config }: Project,
  named: string | undefined,
  command: string,
): WithStoreOptions {
  const log = createCommandLog(config.logLevel, command)
  return { config, name: chosenStore(config, named), log }
}

/** What a list names, of what there is; all of it where there is no list. */
export function chosen(
  list: string | undefined,
  all: readonly string[],
  refusal: string,
): readonly string[] {
  const named = list?.split(',') ?? all
  const unknown = named.filter((each) => !all.includes(each))
  if (unknown.length === 0) return named
  const hint = `There are ${all.join(', ')}.`
  throw new MillraceError('arguments', `${refusal} ${unknown.join(', ')}`, { hint })
}
