import { describe, MillraceError, type ErrorCode } from '../../errors.ts'
import { typeError } from '../checks.ts'

/** What Redis says by an error's first word, and what that means. */
const replies: Readonly<Record<string, Meaning>> = {
  OOM: full('Redis is at maxmemory. Make room, or raise it: CONFIG SET maxmemory <bytes>.'),
  MISCONF: full('Redis can not write to its disk. See its log; free or replace the disk.'),
  READONLY: away('This is a replica now. Point MILLRACE_REDIS at the primary.'),
  LOADING: away('Redis reads its data after a start. It will answer when that is done.'),
  MASTERDOWN: away('This replica has lost its primary.'),
  NOREPLICAS: away('Too few replicas follow, by min-replicas-to-write.'),
  CLUSTERDOWN: away('The cluster does not cover all slots. See CLUSTER INFO.'),
  TRYAGAIN: away('Slots are being moved.'),
  BUSY: away('A script of somebody else runs for too long. See SCRIPT KILL.'),
  NOAUTH: refused('Put user and password into MILLRACE_REDIS: redis://user:password@host:port.'),
  WRONGPASS: refused('User or password in MILLRACE_REDIS is wrong.'),
  NOPERM: refused(
    'Give the user in MILLRACE_REDIS what it lacks, as ACL SETUSER <user> +<command>. ' +
      'All that it needs stands in src/store/redis/acl.ts.',
  ),
}

type Meaning = { readonly code: ErrorCode; readonly hint: string }

/**
 * Names whatever ioredis rejected with. Its errors carry the command's arguments, passwords and
 * people's data among them, so none of them is passed on.
 */
export function redisError(error: unknown, what: string): MillraceError {
  if (error instanceof MillraceError) return error
  const message = describe(error)
  const isReply = error instanceof Error && error.name === 'ReplyError'
  const { code, hint } = isReply ? meaningOf(message) : unreached
  return new MillraceError(code, `redis: ${what}: ${message}`, { hint })
}

/** What a script found in its way: a key of another type, or an error of Redis about it. */
export function foundError(key: string, reason: string, entry: string | undefined): MillraceError {
  const { code, hint } = meaningOf(reason)
  const isType = reason.startsWith('WRONGTYPE') || !/^[A-Z]+ /.test(reason)
  if (isType) return typeError(key, reason, entry === undefined ? {} : { entry })
  return new MillraceError(code, `redis: ${key}: ${reason}`, { hint })
}

function meaningOf(message: string): Meaning {
  // Within a script Redis words a lack of rights otherwise.
  if (message.startsWith('ERR The user executing the script')) return replies.NOPERM!
  return replies[message.split(' ', 1)[0]!] ?? refused('See the log of Redis.')
}

const unreached = away('Redis did not answer in time. Is it up, and MILLRACE_REDIS right?')

function full(hint: string): Meaning {
  return { code: 'store-full', hint }
}

function away(hint: string): Meaning {
  return { code: 'store-away', hint }
}

function refused(hint: string): Meaning {
  return { code: 'store-refused', hint }
}
