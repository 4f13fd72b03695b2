import { readdirSync, readFileSync } from 'node:fs'
import { until } from '../support/wait.ts'
import type { Fault } from './faults.ts'
import type { Lost } from './outages.ts'
import { pause, type Scene } from './scene.ts'

const upTimeoutMs = 180_000
type Span = readonly [leastMs: number, mostMs: number]

/** Kills (SIGKILL) and pauses (SIGSTOP) of every process of the chain. */
export const processFaults: readonly Fault[] = [
  killed('worker-a', { weight: 10, downMs: [0, 3_000] }),
  paused('worker-a', { weight: 5, heldMs: [500, 7_000] }),
  joined(8),
  killed('redis', { weight: 5, downMs: [0, 2_000], lost: 'store' }),
  paused('redis', { weight: 5, heldMs: [300, 4_000], lost: 'store' }),
  killed('kafka', { weight: 4, downMs: [0, 3_000] }),
  paused('kafka', { weight: 4, heldMs: [500, 6_000] }),
  killed('connect', { weight: 2, downMs: [0, 2_000] }),
  paused('connect', { weight: 4, heldMs: [500, 8_000] }),
  killed('registry', { weight: 3, downMs: [0, 5_000] }),
  paused('registry', { weight: 3, heldMs: [500, 6_000] }),
  killed('postgres', { weight: 4, downMs: [0, 2_000] }),
  paused('postgres', { weight: 4, heldMs: [500, 5_000] }),
  killed('api', { weight: 4, downMs: [0, 2_000], lost: 'api' }),
  paused('api', { weight: 3, heldMs: [300, 4_000], lost: 'api' }),
]

type KillOptions = { readonly weight: number; readonly downMs: Span; readonly lost?: Lost }
type PauseOptions = { readonly weight: number; readonly heldMs: Span; readonly lost?: Lost }

function killed(name: string, { weight, downMs, lost }: KillOptions): Fault {
  return {
    kind: `${kindOf(name)} killed`,
    weight,
    targets: [name],
    run: async (scene, random) => {
      const outage = lost && scene.outages.begin(lost, Date.now())
      const wasAlive = scene.chain.processes.isAlive(name)
      const before = pidOf(scene, name)
      await scene.chain.kill(name)
      const died = !scene.chain.processes.isAlive(name)
      await pause(random, ...downMs)
      await startAgain(scene, name)
      outage?.end(Date.now())
      return wasAlive && died && pidOf(scene, name) !== before
    },
  }
}

function paused(name: string, { weight, heldMs, lost }: PauseOptions): Fault {
  return {
    kind: `${kindOf(name)} paused`,
    weight,
    targets: [name],
    run: async (scene, random) => {
      const outage = lost && scene.outages.begin(lost, Date.now())
      const pids = familyOf(pidOf(scene, name))
      signal(pids, 'SIGSTOP')
      // A process stops at its next step, not within the call.
      const stopped = await within(2_000, () => stateOf(pids[0]!) === 'T')
      await pause(random, ...heldMs)
      signal(pids, 'SIGCONT')
      outage?.end(Date.now())
      return stopped
    },
  }
}

/** A second worker comes for a while, and leaves by SIGTERM or SIGKILL. */
function joined(weight: number): Fault {
  const name = 'worker-b'
  return {
    kind: 'second worker came and left',
    weight,
    targets: [name],
    run: async (scene, random) => {
      scene.startWorker(name)
      await pause(random, 6_000, 25_000)
      const lived = scene.chain.processes.isAlive(name)
      if (random.chance(0.5)) await scene.chain.kill(name)
      else await scene.chain.processes.stop(name)
      scene.chain.forget(name)
      return lived
    },
  }
}

export async function startAgain(scene: Scene, name: string): Promise<void> {
  if (!scene.chain.processes.isAlive(name)) scene.chain.startAgain(name)
  await scene.chain.ready(name, upTimeoutMs)
}

function kindOf(name: string): string {
  return name.replace(/-[a-z]$/, '')
}

function pidOf(scene: Scene, name: string): number {
  return scene.chain.processes.list().find((each) => each.name === name)!.pid
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended meanwhile, as processes of a database's sessions do.
    }
  }
}

/** A process and its children: a database does its work in processes of its own. */
function familyOf(pid: number): readonly number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => statOf(each)?.parent === pid)
  return [pid, ...children]
}

function stateOf(pid: number): string | undefined {
  return statOf(pid)?.state
}

function statOf(pid: number): { readonly state: string; readonly parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

async function within(timeoutMs: number, condition: () => boolean): Promise<boolean> {
  try {
    await until('a process has stopped', condition, timeoutMs)
    return true
  } catch {
    return false
  }
}
