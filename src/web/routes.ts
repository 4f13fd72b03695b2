/** Matches every path that could be meant for the route, also with a key that is none. */
export function patternOf(route: string): RegExp {
  return new RegExp(`^${route.replaceAll(/:[^/]+/g, '[^/]*')}$`)
}
