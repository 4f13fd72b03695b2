import { parseArgs } from 'node:util'
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { connectorSettings, putConnector } from './connector.ts'
import { setUpSource } from './source.ts'
import { createTopics } from './topics.ts'

const connectorTimeoutMs = 180_000

const schema = z.object({
  MILLRACE_SOURCE_ADMIN: z.url(),
  MILLRACE_APP_PASSWORD: z.string().min(1),
  MILLRACE_CAPTURE_PASSWORD: z.string().min(1),
  MILLRACE_PASSWORD: z.string().min(1),
  MILLRACE_KAFKA: z.string().min(1),
  MILLRACE_CONNECT: z.url(),
  MILLRACE_CONNECTOR: z.string().default('millrace'),
})

/**
 * The role `setup`, for servers that somebody else started: prepares the source database, creates
 * the topics and the connector, and ends. `--seed` fills an empty database with a small network.
 * May be run again at any time. Answers the exit code.
 */
export async function runSetup(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { seed: { type: 'boolean' } } })
  const parsed = schema.safeParse(env)
  if (!parsed.success) {
    const names = parsed.error.issues.map(({ path }) => String(path[0])).join(', ')
    throw new MillraceError('config', `the set-up needs ${names}`, {
      hint: 'docker-compose.yml shows what each of them is.',
    })
  }
  const given = parsed.data
  const passwords = {
    app: given.MILLRACE_APP_PASSWORD,
    capture: given.MILLRACE_CAPTURE_PASSWORD,
    millrace: given.MILLRACE_PASSWORD,
  }
  const seed = values.seed === true
  await setUpSource(given.MILLRACE_SOURCE_ADMIN, passwords, { seed })
  await createTopics(given.MILLRACE_KAFKA, given.MILLRACE_CONNECTOR)
  const name = given.MILLRACE_CONNECTOR
  await putConnector(connectorSettings({ 'topic.prefix': name }), {
    connect: given.MILLRACE_CONNECT,
    name,
    timeoutMs: connectorTimeoutMs,
  })
  process.stdout.write('source, topics and connector are set up\n')
  return 0
}
