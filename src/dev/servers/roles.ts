import { join } from 'node:path'
import type { ChainEnv } from '../chain-env.ts'
import { mainPath, type Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'

export type RoleOptions = {
  readonly name: string
  /** Arguments of `millrace`. */
  readonly args: readonly string[]
  readonly env: ChainEnv
}

/**
 * How a role of Millrace itself is started. Readers wait for the API and for Redis alone, so these
 * two keep the ordinary priority and everything else on the machine yields to them.
 */
export function roleSpec(folders: Folders, options: RoleOptions): ProcessSpec {
  return {
    name: options.name,
    command: process.execPath,
    args: ['--no-warnings', mainPath, ...options.args],
    env: { PATH: process.env.PATH ?? '', MILLRACE_FOLDER: folders.chain, ...options.env },
    cwd: process.cwd(),
    logPath: join(folders.logs, `${options.name}.log`),
    niceness: options.name === 'api' ? 0 : 2,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
  }
}
