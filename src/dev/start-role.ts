import type { Chain } from './chain.ts'
import { envOfRole } from './chain-env.ts'
import { roleSpec } from './servers/roles.ts'

/** Starts one more worker or API of a chain, with the variables of its role alone. */
export function startRole(
  chain: Chain,
  role: 'worker' | 'api',
  name: string,
  env: Readonly<Record<string, string>> = {},
): void {
  const own = { ...envOfRole(role, chain.env), ...env }
  chain.spawn(roleSpec(chain.folders, { name, args: [role], env: own }))
}
