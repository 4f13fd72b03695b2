/** URLs with a user: whatever a name or password holds, it is written so that it can be read back. */

export type User = readonly [name: string, password: string]

export function withUser(url: string, [name, password]: User): string {
  const changed = new URL(url)
  // The setters leave a percent sign as it is, and it would be taken for the beginning of a code.
  changed.username = encodeURIComponent(name)
  changed.password = encodeURIComponent(password)
  return changed.href
}

/** The user that a URL names; empty where it names none. */
export function userOf(url: string): User {
  const { username, password } = new URL(url)
  return [decodeURIComponent(username), decodeURIComponent(password)]
}

/** The database that a URL names. */
export function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1))
}

/** A URL as people may see it: without its password, and without what may hold one. */
export function shownUrl(url: string): string {
  const { protocol, username, host, pathname } = new URL(url)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}

/** The same server and another database, by another user where one is given. */
export function inDatabase(url: string, database: string, user?: User): string {
  const changed = new URL(url)
  changed.pathname = `/${encodeURIComponent(database)}`
  return user === undefined ? changed.href : withUser(changed.href, user)
}
