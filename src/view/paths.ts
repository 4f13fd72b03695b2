/** Paths that a view's `serve` stands for: `/users/:userId`, and `/users` for many entries. */
import type { View } from './view.ts'

/** The path for many entries, without the key's parts: `/users`; undefined where nothing is left. */
export function batchPathOf(route: string): string | undefined {
  return route.replaceAll(/\/:[^/]+/g, '') || undefined
}

/** All paths of a view; entries whose answers a function makes are served one by one. */
export function pathsOf({ serve, respond }: Pick<View, 'serve' | 'respond'>): readonly string[] {
  if (serve === undefined) return []
  return [serve, (respond ? undefined : batchPathOf(serve)) ?? []].flat()
}

/** Pairs of views of which one path could be meant for both, in words. */
export function sharedPathFaults(views: readonly View[]): readonly string[] {
  const paths = views.flatMap((view) => pathsOf(view).map((path) => ({ name: view.name, path })))
  const found = new Map<string, string>()
  for (const [at, one] of paths.entries()) {
    for (const other of paths.slice(at + 1)) {
      const pair = `${one.name} ${other.name}`
      if (one.name === other.name || found.has(pair) || !meet(one.path, other.path)) continue
      found.set(
        pair,
        `${one.name} is served at ${one.path} and ${other.name} at ${other.path}, ` +
          'which can be the same path: give one of them another, or none',
      )
    }
  }
  return [...found.values()]
}

/** Whether there is a path that both match: a part that begins with a colon matches every part. */
function meet(one: string, other: string): boolean {
  const [parts, others] = [one.split('/'), other.split('/')]
  const isFree = (part: string) => part.startsWith(':')
  return (
    parts.length === others.length &&
    parts.every((part, at) => part === others[at] || isFree(part) || isFree(others[at]!))
  )
}

/** Paths that the server has for itself. */
const ownPaths = ['health', 'ready', 'fresh', 'status', 'openapi.json', 'views']

type ServedDeclaration = {
  readonly key: Readonly<Record<string, unknown>>
  readonly serve?: string | undefined
}

/** What is wrong with the path under which a declaration serves its entries. */
export function faultsOfServe({ serve, key }: ServedDeclaration): readonly string[] {
  if (serve === undefined) return []
  const end = Object.keys(key)
    .map((name) => `/:${name}`)
    .join('')
  const [, first, ...rest] = serve.slice(0, -end.length).split('/')
  if (!serve.endsWith(end) || !serve.startsWith('/') || first === undefined) {
    return [`serve '${serve}' is no path that ends in ${end}, as /entries${end}`]
  }
  return [
    ...(ownPaths.includes(first) ? [`serve '${serve}' is a path of the server's own`] : []),
    ...[first, ...rest].flatMap((part) =>
      /^[A-Za-z0-9._~-]+$/.test(part) ? [] : [`serve '${serve}': '${part}' is no part of a path`],
    ),
  ]
}
