import { join } from 'node:path'
import { packageFolder, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'

export type JavaOptions = {
  readonly name: string
  readonly java: JavaProgram
  readonly heapMaxMb: number
  /** System properties, class path, main class and arguments. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly niceness: number
  readonly stopTimeoutMs?: number
}

/** The program, and flags that every JVM of a chain gets. */
export type JavaProgram = {
  readonly path: string
  readonly flags: readonly string[]
}

/** How a server on the JVM is started: a bounded heap, and a collector that suits two cores. */
export function javaSpec(folders: Folders, options: JavaOptions): ProcessSpec {
  const { name, java, heapMaxMb, args, env, niceness, stopTimeoutMs = 30_000 } = options
  return {
    name,
    command: java.path,
    args: [`-Xmx${heapMaxMb}m`, ...javaFlags, ...java.flags, ...args],
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

const javaFlags = ['-XX:+UseSerialGC', '-Xshare:auto', '-Djava.awt.headless=true']
