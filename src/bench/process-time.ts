import { readdirSync, readFileSync } from 'node:fs'

/** `USER_HZ`, which Linux tells user space as 100 on every machine. */
const ticksPerSecond = 100

/**
 * Seconds of processor time that a process has used since it began, and those of its children that
 * have ended; 0 once it has ended itself.
 */
export function processSeconds(pid: number): number {
  return statOf(pid)?.seconds ?? 0
}

/** Resident memory of a process in MiB; 0 once it has ended. */
export function residentMib(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

/** The same with all children. */
export function familySeconds(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + processSeconds(each), 0)
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent)
}

function statOf(pid: number): { readonly parent: number; readonly seconds: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything; what follows are numbers, from the third on.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { parent: Number(fields[1]), seconds: ticks / ticksPerSecond }
  } catch {
    return undefined
  }
}
