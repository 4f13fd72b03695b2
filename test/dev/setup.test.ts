import { parseArguments } from '../../src/arguments.ts'
import { runSetup, setupCommand } from '../../src/dev/setup.ts'

const none = parseArguments([], setupCommand)

const complete = {
  MILLRACE_SOURCE_ADMIN: 'postgres://postgres:secret@127.0.0.1:1/postgres',
  MILLRACE_KAFKA: '127.0.0.1:1',
  MILLRACE_CONNECT: 'http://127.0.0.1:1',
  MILLRACE_APP_PASSWORD: 'secret',
  MILLRACE_CAPTURE_PASSWORD: 'secret',
  MILLRACE_SOURCE_PASSWORD: 'secret',
  MILLRACE_WORKER_PASSWORD: 'secret',
  MILLRACE_READER_PASSWORD: 'secret',
}

test('every variable that is missing is named', async () => {
  const failed = await runSetup(none, {}).catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'config' })
  for (const name of Object.keys(complete)) {
    expect((failed as Error).message).toContain(`${name} is missing`)
  }
})

test.each([
  ['MILLRACE_CONNECT', 'http://user:secret/x@127.0.0.1'],
  ['MILLRACE_SOURCE_ADMIN', 'mysql://root:secret@127.0.0.1'],
  ['MILLRACE_REDIS_ADMIN', 'redis://admin:1#secret@127.0.0.1'],
])('%s=%s is refused before anything is changed, and not shown', async (name, value) => {
  const failed = await runSetup(none, { ...complete, [name]: value }).catch(
    (error: unknown) => error,
  )
  expect(failed).toMatchObject({ code: 'config', message: expect.stringContaining(name) as string })
  expect((failed as Error).message).not.toContain('secret')
})

test('a variable that is not known is refused', async () => {
  const env = { ...complete, MILLRACE_REDIS_ADMN: 'redis://127.0.0.1' }
  await expect(runSetup(none, env)).rejects.toThrow('did you mean MILLRACE_REDIS_ADMIN?')
})
