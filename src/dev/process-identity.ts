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

/** True while that very process runs; one that has ended but isn't reaped yet doesn't. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false
  const stat = readStat(identity.pid)
  return stat !== undefined && stat.state !== 'Z' && stat.startTicks === identity.startTicks
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** The command's name stands in parentheses and may hold anything, so fields count from its end. */
function readStat(pid: number): { state: string; startTicks: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', startTicks: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
