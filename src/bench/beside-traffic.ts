import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.ts'
import { mainPath } from '../dev/folders.ts'
import { MillraceError } from '../errors.ts'

export type TrafficOptions = {
  readonly rate: number
  readonly users: number
  readonly source: string
  readonly signal: AbortSignal
}

const settleMs = 5_000
const startTimeoutMs = 120_000

/**
 * Runs `work` while traffic goes on in a process of its own, which gives way to the chain. Resolves
 * to what `work` gave and the last thing that the traffic said of itself.
 */
export async function besideTraffic<Result>(
  { rate, users, source, signal }: TrafficOptions,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly traffic: string }> {
  if (rate === 0) return { result: await work(), traffic: 'none' }
  const args = ['traffic', '--users', String(users), '--rate', String(rate), '--source', source]
  const child = spawn('nice', ['-n', '5', process.execPath, mainPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (part: Buffer) => (said = (said + part.toString()).slice(-20_000)))
  try {
    await until(() => said.includes('live there'), { child, signal })
    await systemClock.sleep(settleMs, signal)
    const result = await work()
    child.kill('SIGINT')
    await exited
    const summary = said.split('\n').findLast((line) => line.includes('behind'))
    return { result, traffic: summary ?? 'it said nothing' }
  } finally {
    child.kill('SIGINT')
    await exited
  }
}

async function until(
  holds: () => boolean,
  { child, signal }: { readonly child: { exitCode: number | null }; readonly signal: AbortSignal },
): Promise<void> {
  const beganMs = systemClock.monotonicMs()
  while (!holds()) {
    const late = systemClock.monotonicMs() - beganMs > startTimeoutMs
    if (signal.aborted || late || child.exitCode !== null) {
      throw new MillraceError('bench', 'the traffic did not begin', {
        hint: 'Try `millrace traffic` by itself: it says what is wrong.',
      })
    }
    await systemClock.sleep(100, signal)
  }
}
