import { describe, MillraceError } from '../../errors.ts'

/** What Redis says by its error's first word, and what that means. */
const replies: Readonly<Record<string, { code: string; retriable: boolean; hint: string }>> = {
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
    'The user lacks rights: +@all -@dangerous +info +bgrewriteaof on the keys of the view.',
  ),
}

/** Names whatever ioredis rejected with. A reply that isn't known is not retriable. */
export function redisError(error: unknown, what: string): MillraceError {
  if (error instanceof MillraceError) return error
  const isReply = error instanceof Error && error.name === 'ReplyError'
  const word = isReply ? error.message.split(' ', 1)[0]! : ''
  const known = replies[word] ?? (isReply ? refused('See the log of Redis.') : unreached)
  return new MillraceError(known.code, `redis: ${what}: ${describe(error)}`, {
    ...known,
    cause: error,
  })
}

const unreached = away('Redis did not answer in time. Is it up, and MILLRACE_REDIS right?')

function full(hint: string) {
  return { code: 'store-full', retriable: true, hint }
}

function away(hint: string) {
  return { code: 'store-away', retriable: true, hint }
}

function refused(hint: string) {
  return { code: 'store-refused', retriable: false, hint }
}
