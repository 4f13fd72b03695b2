import { text, usageOf, type Given } from '../arguments.ts'
import { urlFault, type Environment } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import { printLine } from '../print-line.ts'
import { configOption } from '../project/option.ts'
import { loadProject, refuseNoViews, type Project } from '../project/project.ts'
import { initFiles, makeOwnSource } from './own-source.ts'
import { prepareOutside } from './prepare-chain.ts'
import { setUpRedis } from './servers/redis.ts'
import { setUpViewsDatabase } from './views-database.ts'

export const setupCommand = {
  call: 'millrace setup',
  about: `Makes what only an administrator can, in servers that somebody else started: users, databases and
rights. Each part is done where its variables are set. May be run again at any time; passwords are
then set anew. What the views need besides, \`millrace apply\` does.`,
  options: {
    init: text('FILES', 'SQL, with commas between files, that a source database begins with'),
    config: configOption,
  },
  more: `Users of Redis, who keep and read the views of the configuration, with the names and passwords of
these URLs:
  MILLRACE_REDIS_ADMIN        redis://… of a user that may make users
  MILLRACE_REDIS              redis://… of workers
  MILLRACE_REDIS_READER       redis://… of APIs
Roles and the database of the Postgres store:
  MILLRACE_POSTGRES_ADMIN     postgres://… of a superuser
  MILLRACE_POSTGRES           postgres://… of workers; it will own the database
  MILLRACE_POSTGRES_READER    postgres://… of APIs
A source database that is not there yet, and its owner:
  MILLRACE_SOURCE_ADMIN       postgres://… of a superuser
  MILLRACE_SOURCE_APP         postgres://… of the owner
Source, topics and connector as \`millrace apply\` prepares them, before any worker runs, for a Connect
that has the variables MILLRACE_CAPTURE_… of docker-compose.yml:
  MILLRACE_SOURCE_OWNER       postgres://… of a superuser
  MILLRACE_CAPTURE            postgres://… of Debezium`,
} as const

type Options = (typeof setupCommand)['options']

const schemes = { REDIS: ['redis', 'rediss'], POSTGRES: ['postgres', 'postgresql'] } as const
const urlsOf = {
  MILLRACE_REDIS_ADMIN: schemes.REDIS,
  MILLRACE_REDIS_READER: schemes.REDIS,
  MILLRACE_POSTGRES_ADMIN: schemes.POSTGRES,
  MILLRACE_POSTGRES_READER: schemes.POSTGRES,
  MILLRACE_SOURCE_ADMIN: schemes.POSTGRES,
  MILLRACE_SOURCE_APP: schemes.POSTGRES,
} as const

/** By the variable that asks for a part, what else it needs. */
const partsOf = {
  MILLRACE_REDIS_ADMIN: ['MILLRACE_REDIS', 'MILLRACE_REDIS_READER'],
  MILLRACE_POSTGRES_ADMIN: ['MILLRACE_POSTGRES', 'MILLRACE_POSTGRES_READER'],
  MILLRACE_SOURCE_ADMIN: ['MILLRACE_SOURCE_APP'],
  MILLRACE_SOURCE_OWNER: ['MILLRACE_CAPTURE'],
} as const

/** The role `setup`. Answers the exit code. */
export async function runSetup(
  { values }: Given<Options>,
  env: Environment = process.env,
): Promise<number> {
  const project = await loadProject({ folder: process.cwd(), env, path: values.config })
  refuseNoViews(project)
  refuseUnfit(env)
  const init = initFiles(values.init, setupCommand)
  const url = (name: string) => env[name] ?? ''
  if (env.MILLRACE_SOURCE_ADMIN) {
    const [admin, owner] = [env.MILLRACE_SOURCE_ADMIN, url('MILLRACE_SOURCE_APP')]
    const state = await makeOwnSource({ admin, owner, init }, printLine)
    printLine(
      state === 'made' ? 'the source database is made' : 'the source database is there already',
    )
  }
  if (env.MILLRACE_POSTGRES_ADMIN) {
    await setUpViewsDatabase({
      admin: env.MILLRACE_POSTGRES_ADMIN,
      worker: url('MILLRACE_POSTGRES'),
      reader: url('MILLRACE_POSTGRES_READER'),
    })
    printLine('the database of the Postgres store is set up')
  }
  if (env.MILLRACE_REDIS_ADMIN) await setUpRedisUsers(project, env)
  if (env.MILLRACE_SOURCE_OWNER) await prepareOutside({ project }, { say: printLine })
  return 0
}

async function setUpRedisUsers({ views }: Project, env: Environment): Promise<void> {
  const kept = await setUpRedis(env.MILLRACE_REDIS_ADMIN ?? '', {
    worker: env.MILLRACE_REDIS ?? '',
    reader: env.MILLRACE_REDIS_READER ?? '',
    views: views.map(({ name }) => name),
  })
  printLine(kept ? 'Redis is set up' : 'Redis is set up, but has no aclfile to keep its users in')
}

/** Says all that is missing or wrong at once, and never a value. */
export function refuseUnfit(env: Environment): void {
  const asked = Object.entries(partsOf).filter(([by]) => env[by])
  const missing = asked.flatMap(([by, names]) =>
    names.filter((name) => !env[name]).map((name) => `${name} is missing, which ${by} asks for`),
  )
  const wrong = Object.entries(urlsOf).flatMap(([name, begins]) => {
    const fault = env[name] && urlFault(env[name], begins)
    return fault ? [`${name} ${fault}`] : []
  })
  const none = asked.length === 0 ? [`none of ${Object.keys(partsOf).join(', ')} is set`] : []
  const faults = [...none, ...missing, ...wrong]
  if (faults.length === 0) return
  throw new MillraceError('config', `the set-up can not begin:\n  ${faults.join('\n  ')}`, {
    hint: usageOf(setupCommand),
  })
}
