import type { Chain } from './chain.ts'
import { envOfRole, type ChainRole } from './chain-env.ts'
import { roleSpec } from './servers/roles.ts'

export type StartedRole = {
  readonly name: string
  /** The role and its arguments, as `['worker', '--store', 'redis']`. */
  readonly args: readonly [ChainRole, ...string[]]
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts a role as a process of a chain, with the variables that it reads and `env` besides. */
export function startRole(chain: Chain, { name, args, env = {} }: StartedRole): void {
  const own = envOfRole(args[0], chain.env, env)
  chain.spawn(roleSpec(chain.folders, { name, args, env: { ...own, ...env } }))
}
