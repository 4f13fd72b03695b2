import { runCommand } from '../../src/dev/command.ts'
import { readConfig } from '../../src/config.ts'
import { runParked } from '../../src/verify/parked-role.ts'
import { runRebuild } from '../../src/verify/rebuild-role.ts'
import { runVerify } from '../../src/verify/verify-role.ts'

/** Ports on which nothing listens: a store that is opened is away. */
const config = readConfig({
  MILLRACE_REDIS: 'redis://127.0.0.1:1',
  MILLRACE_POSTGRES: 'postgres://nobody@127.0.0.1:1/nothing',
  MILLRACE_CALL_TIMEOUT_MS: '1000',
  MILLRACE_LOG_LEVEL: 'fatal',
})

const roles = {
  verify: runVerify,
  parked: runParked,
  rebuild: (args: readonly string[], given: typeof config) =>
    runRebuild(args, given, new AbortController().signal),
}

describe.each(Object.entries(roles))('%s', (_, run) => {
  test.each(['memory', 'postgres', ''])(
    '--store %j, which nobody keeps, is refused',
    async (name) => {
      await expect(run([`--store=${name}`], config)).rejects.toMatchObject({
        code: 'arguments',
        message: `--store: '${name}' is not among MILLRACE_STORES`,
        hint: 'MILLRACE_STORES is redis.',
      })
    },
  )

  test('--store opens the store that it names, and no other', async () => {
    const both = { ...config, stores: ['redis', 'postgres'] as const satisfies string[] }
    const hint = { code: 'store-away', message: expect.stringMatching(/postgres/i) }
    await expect(
      run(['--store', 'postgres'], { ...both, stores: [...both.stores] }),
    ).rejects.toMatchObject(hint)
  })
})

test('arguments that are wrong end a role with code 2', async () => {
  const run = runCommand(process.execPath, ['src/main.ts', 'verify', '--store', 'memory'], {
    timeoutMs: 20_000,
  })
  await expect(run).rejects.toThrow(/ended with 2:.*not among MILLRACE_STORES/s)
})
