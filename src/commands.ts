/** Every command. Each loads its own modules, so that none waits for those of another. */
import { parseArguments, type Command, type Given, type Options } from './arguments.ts'
import { refuseUnknownVariables, type ConfiguredRole } from './config.ts'
import { environmentOf } from './dev/chain-env.ts'
import { createLog } from './log.ts'
import { configOption } from './project/option.ts'
import { loadProject, type Project } from './project/project.ts'

export type Runnable = {
  readonly command: Command
  /** Answers the exit code; 0 where it answers nothing. */
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<number | void>
  /** Exit code where arguments or configuration are wrong, for a command whose 2 means something else. */
  readonly wrongInputCode?: number
}

export type Listed = { readonly does: string; readonly load: () => Promise<Runnable> }

export const commands: Readonly<Record<string, Listed>> = {
  worker: {
    does: 'keeps the views in their stores',
    load: async () => {
      const { runWorker, workerCommand } = await import('./roles/worker.ts')
      return reading('worker', workerCommand, (given, project, signal) => {
        const log = createLog(project.config.logLevel, 'worker')
        return runWorker(given, project, { log, signal })
      })
    },
  },
  api: {
    does: 'serves the views over HTTP',
    load: async () => {
      const { apiCommand, runApi } = await import('./roles/api.ts')
      return reading('api', apiCommand, (_, project, signal) => runApi(project, signal))
    },
  },
  status: {
    does: 'shows how each view stands',
    load: async () => {
      const { runStatus, statusCommand } = await import('./roles/status.ts')
      return reading('status', statusCommand, runStatus)
    },
  },
  verify: {
    does: 'compares every entry with SQL',
    load: async () => {
      const { runVerify, verifyCommand } = await import('./roles/verify.ts')
      return reading('verify', verifyCommand, runVerify)
    },
  },
  explain: {
    does: 'shows what touched one entry',
    load: async () => {
      const { explainCommand, runExplain } = await import('./roles/explain.ts')
      return reading('explain', explainCommand, runExplain)
    },
  },
  plan: {
    does: 'says what is missing for the views to be kept',
    load: async () => {
      const { planCommand, runPlan } = await import('./roles/plan.ts')
      return { ...reading('plan', planCommand, runPlan), wrongInputCode: 1 }
    },
  },
  apply: {
    does: 'does what plan says, and has the declarations served',
    load: async () => {
      const { applyCommand, runApply } = await import('./roles/apply.ts')
      return reading('apply', applyCommand, runApply)
    },
  },
  doctor: {
    does: 'says what is wrong, with its cure',
    load: async () => {
      const { doctorCommand, runDoctor } = await import('./roles/doctor.ts')
      return { ...reading('doctor', doctorCommand, runDoctor), wrongInputCode: 1 }
    },
  },
  parked: {
    does: 'lists records that could not be decoded',
    load: async () => {
      const { parkedCommand, runParked } = await import('./roles/parked.ts')
      return reading('parked', parkedCommand, runParked)
    },
  },
  dev: {
    does: 'brings up the whole chain on this machine',
    load: async () => {
      const { devCommand, runDev } = await import('./dev/launcher.ts')
      return runnable(devCommand, (given) => runDev(given))
    },
  },
  setup: {
    does: 'makes users and databases in servers that somebody else started',
    load: async () => {
      const { runSetup, setupCommand } = await import('./dev/setup.ts')
      return runnable(setupCommand, (given) => runSetup(given))
    },
  },
  traffic: {
    does: "a living social network on the example's source database",
    load: async () => {
      const { runTraffic } = await import('./traffic/traffic.ts')
      const { trafficCommand } = await import('./traffic/arguments.ts')
      return runnable(trafficCommand, (given, signal) => {
        refuseUnknownVariables(process.env)
        return runTraffic(given, signal)
      })
    },
  },
  bench: {
    does: "measures the example's chain",
    load: async () => {
      const { benchCommand, runBench } = await import('./bench/bench.ts')
      return reading('bench', benchCommand, (given, { config }, signal) =>
        runBench(given, config, signal),
      )
    },
  },
}

function runnable<const Known extends Options>(
  command: Command<Known>,
  act: (given: Given<Known>, signal: AbortSignal) => Promise<number | void>,
): Runnable {
  return { command, run: async (args, signal) => act(parseArguments(args, command), signal) }
}

/** A command that reads the configuration, and so can be told where its file is. */
function reading<const Known extends Options>(
  role: ConfiguredRole,
  command: Command<Known>,
  act: (given: Given<Known>, project: Project, signal: AbortSignal) => Promise<number | void>,
): Runnable {
  const options = { ...command.options, config: configOption }
  return {
    command: { ...command, options },
    run: async (args, signal) => {
      const given = parseArguments(args, { ...command, options })
      const { env, note } = environmentOf(role)
      if (note !== undefined) process.stderr.write(`${note}\n`)
      const path = (given.values as { readonly config: string | undefined }).config
      const project = await loadProject({ folder: process.cwd(), env, path, role })
      return act(given, project, signal)
    },
  }
}
