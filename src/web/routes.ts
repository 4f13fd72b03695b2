/** Paths that a view's `serve` stands for: `/users/:userId`. */
import { MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'

/** Throws `view-invalid` where one path could be meant for two views. */
export function refuseSamePaths(views: readonly View[]): void {
  const known = new Map<string, string>()
  for (const { name, serve } of views) {
    if (serve === undefined) continue
    for (const path of [serve, batchPathOf(serve)]) {
      if (path === undefined) continue
      const shape = path.replaceAll(/:[^/]+/g, ':')
      const other = known.get(shape)
      if (other !== undefined) {
        throw new MillraceError('view-invalid', `${other} and ${name} are both served at ${path}`, {
          hint: 'Give one of them another path, or none.',
        })
      }
      known.set(shape, name)
    }
  }
}

/** The path for many entries, without the key's parts: `/users`; undefined where nothing is left. */
export function batchPathOf(route: string): string | undefined {
  return route.replaceAll(/\/:[^/]+/g, '') || undefined
}

/** Matches every path that could be meant for the route, also with a key that is none. */
export function patternOf(route: string): RegExp {
  return new RegExp(`^${route.replaceAll(/:[^/]+/g, '[^/]*')}$`)
}
