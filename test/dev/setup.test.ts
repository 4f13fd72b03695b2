import { parseArguments } from '../../src/arguments.ts'
import { runSetup, setupCommand } from '../../src/dev/setup.ts'

const none = parseArguments([], setupCommand)

const complete = {
  MILLRACE_SOURCE_ADMIN: 'postgres://postgres:secret@127.0.0.1:1/postgres',
  MILLRACE_SOURCE_APP: 'postgres://app:secret@127.0.0.1:1/shop',
  MILLRACE_POSTGRES_ADMIN: 'postgres://postgres:secret@127.0.0.1:1/postgres',
  MILLRACE_POSTGRES: 'postgres://views:secret@127.0.0.1:1/views',
  MILLRACE_POSTGRES_READER: 'postgres://reader:secret@127.0.0.1:1/views',
  MILLRACE_REDIS_ADMIN: 'redis://admin:secret@127.0.0.1:1',
  MILLRACE_REDIS: 'redis://worker:secret@127.0.0.1:1',
  MILLRACE_REDIS_READER: 'redis://reader:secret@127.0.0.1:1',
}
type Variable = keyof typeof complete

async function failed(env: Readonly<Record<string, string>>): Promise<Error> {
  const error: unknown = await runSetup(none, env).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'config' })
  return error as Error
}

test('without any administrator there is nothing to do, and the help says so', async () => {
  const error = await failed({})
  expect(error.message).toContain('none of MILLRACE_REDIS_ADMIN, MILLRACE_POSTGRES_ADMIN')
})

test.each<[Variable, Variable]>([
  ['MILLRACE_SOURCE_ADMIN', 'MILLRACE_SOURCE_APP'],
  ['MILLRACE_POSTGRES_ADMIN', 'MILLRACE_POSTGRES'],
  ['MILLRACE_POSTGRES_ADMIN', 'MILLRACE_POSTGRES_READER'],
  ['MILLRACE_REDIS_ADMIN', 'MILLRACE_REDIS'],
  ['MILLRACE_REDIS_ADMIN', 'MILLRACE_REDIS_READER'],
])('%s asks for %s', async (by, name) => {
  const { [name]: _, ...env } = complete
  const { message } = await failed(env)
  expect(message).toContain(`${name} is missing, which ${by} asks for`)
})

test.each([
  ['MILLRACE_CONNECT', 'http://user:secret/x@127.0.0.1'],
  ['MILLRACE_SOURCE_ADMIN', 'mysql://root:secret@127.0.0.1'],
  ['MILLRACE_REDIS_ADMIN', 'redis://admin:1#secret@127.0.0.1'],
])('%s=%s is refused before anything is changed, and not shown', async (name, value) => {
  const { message } = await failed({ ...complete, [name]: value })
  expect(message).toContain(name)
  expect(message).not.toContain('secret')
})

test('a variable that is not known is refused', async () => {
  const { message } = await failed({ ...complete, MILLRACE_REDIS_ADMN: 'redis://127.0.0.1' })
  expect(message).toContain('did you mean MILLRACE_REDIS_ADMIN?')
})

test('a file that is not there is refused before anything is changed', async () => {
  const given = parseArguments(['--init', 'nowhere.sql'], setupCommand)
  await expect(runSetup(given, complete)).rejects.toThrow('there is no file nowhere.sql')
})
