/** Names of variables, and faults of their values that must not be shown: they may hold passwords. */
import { didYouMean, nearest } from './nearest.ts'

/** Variables of tools, of the set-up and of what they start. Tests have `MILLRACE_TEST_*`. */
const toolVariables: readonly string[] = [
  'MILLRACE_CONFIG',
  'MILLRACE_FOLDER',
  'MILLRACE_PORT_POSTGRES',
  'MILLRACE_PORT_KAFKA',
  'MILLRACE_PORT_KAFKA_CONTROLLER',
  'MILLRACE_PORT_REGISTRY',
  'MILLRACE_PORT_CONNECT',
  'MILLRACE_PORT_REDIS',
  'MILLRACE_PORT_API',
  'MILLRACE_SOURCE_ADMIN',
  'MILLRACE_SOURCE_APP',
  'MILLRACE_REDIS_ADMIN',
  'MILLRACE_REDIS_READER',
  'MILLRACE_POSTGRES_ADMIN',
  'MILLRACE_POSTGRES_READER',
  'MILLRACE_ADMIN_PASSWORD',
  'MILLRACE_APP_PASSWORD',
  'MILLRACE_CAPTURE_PASSWORD',
  'MILLRACE_SOURCE_PASSWORD',
  'MILLRACE_WORKER_PASSWORD',
  'MILLRACE_READER_PASSWORD',
]
const toolPrefixes: readonly string[] = ['MILLRACE_CAPTURE_', 'MILLRACE_TEST_']

export type Environment = Readonly<Record<string, string | undefined>>

/** `apiPort` -> `MILLRACE_API_PORT`. */
export function variableOf(name: string): string {
  return `MILLRACE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** What is wrong with the names of the variables that begin with `MILLRACE_`, a sentence each. */
export function nameFaults(env: Environment, settings: readonly string[]): string[] {
  const known = [...settings, ...toolVariables]
  const given = Object.keys(env).filter((name) => name.startsWith('MILLRACE_'))
  const unknown = given.filter(
    (name) => !known.includes(name) && !toolPrefixes.some((prefix) => name.startsWith(prefix)),
  )
  const own = (full: string) => full.slice('MILLRACE_'.length)
  const knownOwn = known.map(own)
  return unknown.toSorted().map((name) => {
    const near = nearest(own(name), knownOwn)
    return `${name} is unknown${didYouMean(near && `MILLRACE_${near}`)}`
  })
}

/** What is wrong with a URL, as the end of a sentence that begins with its variable's name. */
export function urlFault(text: string, schemes: readonly string[]): string | undefined {
  const begins = schemes.map((scheme) => `${scheme}://`).join(' or ')
  const scheme = /^([a-z][a-z+.-]*):\/\//i.exec(text)?.[1]
  if (scheme === undefined || !schemes.includes(scheme.toLowerCase())) {
    return `must begin with ${begins}`
  }
  const url = URL.parse(text)
  if (!url || !isWellEncoded(url)) {
    return 'is no URL: in a user or password, @ : / ? # and % are written as %40 %3A %2F %3F %23 and %25'
  }
  const host = url.hostname || url.searchParams.get('host')
  return host ? undefined : 'names no host'
}

/** A raw `/`, `?` or `#` in a password ends the address early, and leaves its `@` behind. */
function isWellEncoded({ username, password, pathname, search, hash }: URL): boolean {
  try {
    decodeURIComponent(username)
    decodeURIComponent(password)
  } catch {
    return false
  }
  return hash === '' && !`${pathname}${search}`.includes('@')
}
