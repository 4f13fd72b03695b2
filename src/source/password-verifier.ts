import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

const iterations = 4_096

/**
 * What Postgres keeps of a password (RFC 7677), which it takes in place of the password: so that
 * the password itself does not stand in a statement, and with it in the server's log.
 *
 * A password with other than ASCII characters would have to be prepared first, so it answers
 * undefined for such a one.
 */
export function passwordVerifier(password: string, salt = randomBytes(16)): string | undefined {
  if (!/^[\x20-\x7e]+$/.test(password)) return undefined
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64')
  const server = keyed('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`
}
