import { readdirSync, readFileSync } from 'node:fs'

/** `USER_HZ`, which Linux tells user space as 100 on every machine. */
const ticksPerSecond = 100

/** Seconds of processor time that a process has used since it began; 0 once it has ended. */
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

/** Processes that this one has started and that have not ended. */
export function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent)
}

function statOf(pid: number): { readonly parent: number; readonly seconds: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything; what follows are numbers, from the third on.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const seconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
    return { parent: Number(fields[1]), seconds }
  } catch {
    return undefined
  }
}
