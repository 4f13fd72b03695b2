import { hash } from 'node:crypto'

/** A strong validator: a hash of the content alone, so that every store and process agrees on it. */
export function etagOf(body: string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 27)}"`
}

/**
 * Whether `If-None-Match` names the representation that the client has already. The comparison is
 * weak, as RFC 9110 wants it for this header: a `W/` that a proxy has put in front is of no matter.
 */
export function matchesNone(header: string | undefined, etag: string): boolean {
  if (header === undefined) return true
  if (header.trim() === '*') return false
  for (const [, opaque] of header.matchAll(/(?:W\/)?("[^"]*")/g)) {
    if (opaque === etag) return false
  }
  return true
}
