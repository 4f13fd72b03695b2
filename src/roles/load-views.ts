import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import { views as shipped } from '../views/index.ts'

/** The views of the module that MILLRACE_VIEWS names, which exports `views`; else those shipped. */
export async function loadViews({ views: path }: Pick<Config, 'views'>): Promise<readonly View[]> {
  if (path === undefined) return shipped
  let found: unknown
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { readonly views?: unknown }
    found = module.views
  } catch (cause) {
    throw new MillraceError(
      'config',
      `MILLRACE_VIEWS: ${path} can't be loaded: ${describe(cause)}`,
      {
        cause,
        hint: 'It names a module that exports `views`, a list of what defineView answers.',
      },
    )
  }
  if (Array.isArray(found) && found.length > 0) return found as readonly View[]
  throw new MillraceError('config', `MILLRACE_VIEWS: ${path} exports no views`, {
    hint: 'export const views = [defineView({ … })]',
  })
}

/** The one view that the command is about. */
export async function loadView(config: Pick<Config, 'views'>): Promise<View> {
  const [view, ...more] = await loadViews(config)
  if (more.length === 0) return view!
  throw new MillraceError('config', `${more.length + 1} views are declared, one is kept for now`, {
    hint: 'Export one view from the module that MILLRACE_VIEWS names.',
  })
}
