import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { mainPath, packageFolder } from '../src/dev/folders.ts'
import { versionOfRelease } from './support/release.ts'

type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Processes that start on a busy machine. */
jest.setTimeout(60_000)

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-main-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

/** In a folder where no chain was ever started, and with nothing in the environment but `env`. */
function main(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const child = spawn(process.execPath, ['--no-warnings', mainPath, ...args], {
    cwd: packageFolder,
    env: { PATH: process.env.PATH, MILLRACE_FOLDER: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (text) => (output.stdout += String(text)))
  child.stderr.on('data', (text) => (output.stderr += String(text)))
  return new Promise((done) => child.on('close', (code) => done({ code, ...output })))
}

const roles = [
  'status',
  'dev',
  'setup',
  'worker',
  'api',
  'verify',
  'explain',
  'plan',
  'apply',
  'doctor',
  'parked',
  'traffic',
  'bench',
]

test('without a command, the commands are listed, and the exit code is 2', async () => {
  const { code, stdout, stderr } = await main([])
  expect([code, stdout]).toEqual([2, ''])
  for (const role of roles) expect(stderr).toMatch(new RegExp(`^  ${role} `, 'm'))
  expect(await main(['--help'])).toEqual({ code: 0, stdout: stderr, stderr: '' })
})

test('--version prints the release', async () => {
  expect(await main(['--version'])).toMatchObject({ code: 0, stdout: `${versionOfRelease()}\n` })
})

test.each([
  [['verfy'], "there is no command 'verfy'; did you mean verify?"],
  [['rebuild-everything'], "there is no command 'rebuild-everything'\n"],
  [['verfy', '--version'], "there is no command 'verfy'"],
  [['--hepl'], "there is no option '--hepl'"],
])('%j is refused with the nearest name', async (args, said) => {
  const { code, stdout, stderr } = await main(args)
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(said)])
})

test.each(roles)('%s --help prints its usage and does nothing', async (role) => {
  const { code, stdout, stderr } = await main([role, '--help'], { MILLRACE_REDSI: 'x' })
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain(`usage: millrace ${role}`)
  expect(await main([role, '--version'])).toEqual({
    code: 0,
    stdout: `${versionOfRelease()}\n`,
    stderr: '',
  })
})

test.each(roles)('%s refuses an option that it does not know, with its usage', async (role) => {
  const { code, stdout, stderr } = await main([role, '--no-such-option'])
  // Where 2 says what was found, wrong input is 1.
  expect([code, stdout]).toEqual([['plan', 'doctor'].includes(role) ? 1 : 2, ''])
  expect(stderr).toContain('there is no option --no-such-option')
  expect(stderr).toContain('usage: ')
})

test.each(['dev', 'worker', 'traffic'])('%s refuses a variable that is not known', async (role) => {
  const { code, stderr } = await main([role], { MILLRACE_REDSI: 'redis://127.0.0.1' })
  expect(code).toBe(2)
  expect(stderr).toContain('did you mean MILLRACE_REDIS?')
})

test.each([
  ['dev', '--workers', '0'],
  ['worker', '--topics', 'nothing'],
  ['worker', '--store', 'nothing'],
  ['verify', '--store', 'nothing'],
  ['explain'],
  ['explain', '1', '2'],
  ['apply', '--store', 'nothing'],
  ['apply', '--view', 'nothing'],
  ['parked', '--store', 'nothing'],
  ['status', '--store', 'nothing'],
  ['traffic', '--rate', 'fast'],
  ['bench', 'nothing'],
])('%s %s %s is refused as bad input', async (...args) => {
  const given = args.filter((arg) => arg !== undefined)
  const { code, stderr } = await main(given, { MILLRACE_SOURCE_APP: 'postgres://127.0.0.1:1/x' })
  expect([code, stderr]).toEqual([2, expect.stringMatching(/\S/)])
  expect(stderr).not.toMatch(/^ {4}at /m)
})

test('a setting that is wrong ends a start before anything is done', async () => {
  const { code, stderr } = await main(['dev', '--reset'], { MILLRACE_STORES: 'sqlite' })
  expect([code, stderr]).toEqual([2, expect.stringContaining('MILLRACE_STORES')])
})
