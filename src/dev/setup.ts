import { flag, usageOf, type Given } from '../arguments.ts'
import { refuseUnknownVariables } from '../config.ts'
import { urlFault, type Environment } from '../environment.ts'
import { MillraceError } from '../errors.ts'
import { connectorSettings, putConnector } from './connector.ts'
import { setUpRedis } from './servers/redis.ts'
import { setUpSource } from './source.ts'
import { createTopics } from './topics.ts'
import { setUpViewsDatabase } from './views-database.ts'

export const setupCommand = {
  call: 'millrace setup',
  about: `Prepares servers that somebody else started: users and rights in Postgres and Redis, the tables of
the example, topics and the connector. May be run again at any time; passwords are then set anew.`,
  options: { seed: flag('fills an empty database with a small network') },
  more: `These variables have to be set; docker-compose.yml shows all of them:
  MILLRACE_SOURCE_ADMIN       postgres://… of a superuser
  MILLRACE_KAFKA              host:port
  MILLRACE_CONNECT            http://… of Kafka Connect
  MILLRACE_APP_PASSWORD       of the role that owns the tables, millrace_app
  MILLRACE_CAPTURE_PASSWORD   of Debezium's, millrace_capture
  MILLRACE_SOURCE_PASSWORD    of Millrace's in the source, millrace
  MILLRACE_WORKER_PASSWORD    of workers in the stores, millrace_views and millrace-worker
  MILLRACE_READER_PASSWORD    of APIs in the stores, millrace_reader and millrace-reader
and these may be:
  MILLRACE_REDIS_ADMIN        redis://… of a user that may make users; without it none are made
  MILLRACE_CONNECTOR          name of the connector, and prefix of its topics (millrace)`,
} as const

const connectorTimeoutMs = 180_000

const urls = {
  MILLRACE_SOURCE_ADMIN: ['postgres', 'postgresql'],
  MILLRACE_CONNECT: ['http', 'https'],
  MILLRACE_REDIS_ADMIN: ['redis', 'rediss'],
} as const
const texts = [
  'MILLRACE_KAFKA',
  'MILLRACE_APP_PASSWORD',
  'MILLRACE_CAPTURE_PASSWORD',
  'MILLRACE_SOURCE_PASSWORD',
  'MILLRACE_WORKER_PASSWORD',
  'MILLRACE_READER_PASSWORD',
] as const

/** The role `setup`. Answers the exit code. */
export async function runSetup(
  { values }: Given<(typeof setupCommand)['options']>,
  env: Environment = process.env,
): Promise<number> {
  refuseUnfit(env)
  const given = (name: string) => env[name]!
  const admin = given('MILLRACE_SOURCE_ADMIN')
  const passwords = {
    app: given('MILLRACE_APP_PASSWORD'),
    capture: given('MILLRACE_CAPTURE_PASSWORD'),
    millrace: given('MILLRACE_SOURCE_PASSWORD'),
    worker: given('MILLRACE_WORKER_PASSWORD'),
    reader: given('MILLRACE_READER_PASSWORD'),
  }
  await setUpSource(admin, passwords, { seed: values.seed })
  await setUpViewsDatabase(admin, passwords)
  say('Postgres is set up')
  if (env.MILLRACE_REDIS_ADMIN) {
    const kept = await setUpRedis(env.MILLRACE_REDIS_ADMIN, passwords)
    say(kept ? 'Redis is set up' : 'Redis is set up, but has no aclfile to keep its users in')
  }
  const name = env.MILLRACE_CONNECTOR || 'millrace'
  await createTopics(given('MILLRACE_KAFKA'), name)
  await putConnector(connectorSettings({ 'topic.prefix': name }), {
    connect: given('MILLRACE_CONNECT'),
    name,
    timeoutMs: connectorTimeoutMs,
  })
  say('topics and connector are set up')
  return 0
}

/** Says all that is missing or wrong at once, and never a value. */
function refuseUnfit(env: Environment): void {
  refuseUnknownVariables(env)
  const optional = 'MILLRACE_REDIS_ADMIN'
  const missing = [...Object.keys(urls), ...texts].filter((name) => name !== optional && !env[name])
  const wrong = Object.entries(urls).flatMap(([name, schemes]) => {
    const fault = env[name] && urlFault(env[name], schemes)
    return fault ? [`${name} ${fault}`] : []
  })
  const faults = [...missing.map((name) => `${name} is missing`), ...wrong]
  if (faults.length === 0) return
  throw new MillraceError('config', `the set-up can not begin:\n  ${faults.join('\n  ')}`, {
    hint: usageOf(setupCommand),
  })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
