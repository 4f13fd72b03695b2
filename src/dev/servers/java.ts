import { join } from 'node:path'
import { packageFolder, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'

export type JavaOptions = {
  readonly name: string
  /** Path of the program. */
  readonly java: string
  readonly heapMaxMb: number
  /** System properties, class path, main class and arguments. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly niceness: number
  readonly stopTimeoutMs?: number
}

/** How a server on the JVM is started: a bounded heap, and `javaFlags`. */
export function javaSpec(folders: Folders, options: JavaOptions): ProcessSpec {
  const { name, java, heapMaxMb, args, env, niceness, stopTimeoutMs = 30_000 } = options
  return {
    name,
    command: java,
    args: [`-Xmx${heapMaxMb}m`, ...javaFlags, ...args],
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...env },
    cwd: folders.chain,
    logPath: join(folders.logs, `${name}.log`),
    niceness,
    stopSignal: 'SIGTERM',
    stopTimeoutMs,
  }
}

/** Logs go to standard output, which the launcher leads into a file of the server's own. */
export const loggingFlag = `-Dlog4j2.configurationFile=${join(packageFolder, 'connectors', 'log4j2.properties')}`

/**
 * For servers that share two cores and live for minutes. To optimize their code as far as Java can
 * would take a third of a core from everything else at first; without that, Connect reads 10,000
 * rows a second instead of 14,000.
 */
export const javaFlags: readonly string[] = [
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Xshare:auto',
  '-Djava.awt.headless=true',
]
