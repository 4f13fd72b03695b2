import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import type { Chain } from '../dev/chain.ts'
import { envOfRole } from '../dev/chain-env.ts'
import { mainPath } from '../dev/folders.ts'
import { MillraceError } from '../errors.ts'
import { familySeconds, processSeconds } from './process-time.ts'

export type Verified = {
  /** What `millrace verify` said last. */
  readonly said: string
  /** Seconds of processor time that it took meanwhile. */
  readonly seconds: { readonly verify: number; readonly redis: number; readonly postgres: number }
}

const askEveryMs = 50

/** Runs `millrace verify` on a chain. Throws when it does not say that all is right. */
export async function verified(
  chain: Chain,
  signal: AbortSignal,
  options: readonly string[] = [],
): Promise<Verified> {
  const pids = new Map(chain.processes.list().map(({ name, pid }) => [name, pid]))
  const servers = () => ({
    redis: familySeconds(pids.get('redis')!),
    postgres: familySeconds(pids.get('postgres')!),
  })
  const before = servers()
  const env = {
    PATH: process.env.PATH,
    MILLRACE_FOLDER: chain.folders.chain,
    ...envOfRole('verify', chain.env),
  }
  const child = spawn(process.execPath, ['--no-warnings', mainPath, 'verify', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
    signal,
  })
  const exited = once(child, 'exit')
  // Interrupted, it rejects while nobody waits for it yet.
  exited.catch(() => undefined)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  let verify = 0
  while (child.exitCode === null && child.signalCode === null) {
    verify = Math.max(verify, processSeconds(child.pid!))
    await systemClock.sleep(askEveryMs)
  }
  await exited
  const said = output.trim().split('\n').at(-1) ?? ''
  if (child.exitCode !== 0) throw new MillraceError('bench', `verify did not succeed: ${said}`)
  const after = servers()
  return {
    said,
    seconds: {
      verify,
      redis: after.redis - before.redis,
      postgres: after.postgres - before.postgres,
    },
  }
}
