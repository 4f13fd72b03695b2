import { readFileSync } from 'node:fs'

/**
 * A pid alone may belong to somebody else by the time that it is used. With the moment of its
 * start, in clock ticks since the machine's start, and the machine's start itself it is unique.
 */
export type ProcessIdentity = {
  readonly pid: number
  readonly startTicks: string
  readonly bootId: string
}

export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks ?? '', bootId: bootId() }
}

/**
 * True while that very process runs; one that has ended but isn't reaped yet doesn't. Its first
 * thread may have ended while others, and with them its sockets and locks, are still there.
 */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false
  const stat = readStat(identity.pid)
  if (stat === undefined || stat.startTicks !== identity.startTicks) return false
  return stat.state !== 'Z' || stat.threads > 1
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

type Stat = { readonly state: string; readonly threads: number; readonly startTicks: string }

/** The command's name stands in parentheses and may hold anything, so fields count from its end. */
function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state = '', threads, startTicks = ''] = [fields[0], fields[17], fields[19]]
    return { state, threads: Number(threads), startTicks }
  } catch {
    return undefined
  }
}
