/** The package as somebody gets it: packed, installed into a project of its own, and run there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../src/dev/folders.ts'
import { versionOfRelease } from '../support/release.ts'
import { nodeTest, plainTest, shopOrders } from './own-tests.ts'
import { installPackage, installTimeoutMs, type Installed } from './installed.ts'

const runTimeoutMs = 60_000

let shop: Installed

beforeAll(async () => {
  shop = await installPackage()
}, installTimeoutMs)

afterAll(() => shop?.remove())

const config = `
import { bigint, countOf, defineConfig, defineView, from, timestamptz, type View } from 'millrace'
${shopOrders}
export default defineConfig({
  source: process.env['SHOP_DATABASE'],
  kafka: ['one.example:9092', 'two.example:9092'],
  stores: { redis: 'redis://127.0.0.1:1' },
  onDoubt: 'refuse',
  apiPort: 8081,
  views: [shopOrders],
})
`

const strict = JSON.stringify({
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(packageFolder, 'node_modules', '@types')],
  },
  include: ['*.ts'],
})

describe('the tarball', () => {
  const unpacked = (...path: readonly string[]) =>
    join(shop.folder, 'node_modules', 'millrace', ...path)
  const manifest = () =>
    JSON.parse(readFileSync(unpacked('package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>
      readonly optionalDependencies?: unknown
    }

  test('runs no script where it is installed, and brings no Node', () => {
    const known = ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare']
    expect(known.filter((name) => name in manifest().scripts)).toEqual([])
    expect(manifest().optionalDependencies).toBeUndefined()
  })

  test('has the files that are read beside the code', () => {
    const lua = (path: string) => readdirSync(path).filter((name) => name.endsWith('.lua'))
    for (const folderOfScripts of [
      ['store', 'redis'],
      ['store', 'redis', 'include'],
    ]) {
      const wanted = lua(join(packageFolder, 'src', ...folderOfScripts))
      expect(lua(unpacked('dist', ...folderOfScripts))).toEqual(wanted)
    }
    const sql = (path: string) =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).toSorted((a, b) =>
        a.localeCompare(b),
      )
    expect(sql(unpacked('sql'))).toEqual(sql(join(packageFolder, 'sql')))
    expect(sql(unpacked('connectors'))).toEqual(sql(join(packageFolder, 'connectors')))
  })

  test('has no source and no test in it', () => {
    expect(readdirSync(unpacked()).filter((name) => ['src', 'test'].includes(name))).toEqual([])
  })

  test('has the patched kafkajs, which is the one that it reads with', async () => {
    const check = "import('millrace-check').then(({ assertPatched }) => assertPatched())"
    const file = unpacked('dist', 'consume', 'kafka', 'patch-check.js')
    const script = check.replace('millrace-check', file)
    expect(await shop.run('node', ['--input-type=module', '-e', script])).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(readdirSync(unpacked('node_modules'))).toEqual(['kafkajs'])
  })

  test('is in the form that publint and attw ask for', async () => {
    expect(await shop.run('publint', ['run', shop.tarball, '--strict'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All good') as string,
    })
    // There is no CommonJS in it, so it is judged as what it is.
    const args = [shop.tarball, '--profile', 'esm-only', '--quiet']
    expect(await shop.run('attw', args)).toMatchObject({ code: 0, stdout: '' })
  }, 60_000)
})

describe('a project with strict types', () => {
  test(
    'declares views and settings without a complaint',
    async () => {
      shop.write('millrace.config.ts', config)
      shop.write('tsconfig.json', strict)
      expect(await shop.run('tsc', [])).toEqual({ code: 0, stdout: '', stderr: '' })
    },
    runTimeoutMs,
  )

  test.each([
    ['apiPort: 8081', "apiPort: '8081'", 'TS2322'],
    ["onDoubt: 'refuse'", "onDoubt: 'wait'", 'TS2322'],
    ['apiPort: 8081', 'apiProt: 8081', 'apiProt'],
    ['{ redis:', '{ reddis:', 'reddis'],
    ['[shopOrders]', "['shop-orders']", 'TS2322'],
  ])(
    'with %s as %s is told that it is wrong',
    async (right, wrong, said) => {
      expect(config).toContain(right)
      shop.write('millrace.config.ts', config.replace(right, wrong))
      shop.write('tsconfig.json', strict)
      const { code, stdout } = await shop.run('tsc', [])
      expect([code === 0, stdout]).toEqual([false, expect.stringContaining(said)])
    },
    runTimeoutMs,
  )
})

describe('its own views, by millrace/test, a project tests', () => {
  test(
    'with strict types and the runner of Node',
    async () => {
      shop.write('tsconfig.json', strict.replace('*.ts', 'shop.test.ts'))
      shop.write('shop.test.ts', nodeTest)
      expect(await shop.run('tsc', [])).toEqual({ code: 0, stdout: '', stderr: '' })
      const { code, stdout } = await shop.run('node', ['--test', 'shop.test.ts'])
      expect([code, stdout]).toEqual([0, expect.stringContaining('pass 2')])
    },
    runTimeoutMs,
  )

  test(
    'with jest',
    async () => {
      shop.write('jest.config.json', JSON.stringify({ transform: {} }))
      shop.write('plain.test.js', plainTest)
      const jest = join(packageFolder, 'node_modules', 'jest', 'bin', 'jest.js')
      const args = [
        '--experimental-vm-modules',
        jest,
        '--config',
        'jest.config.json',
        'plain.test.js',
      ]
      const { code, stderr } = await shop.run('node', args)
      expect([code, stderr]).toEqual([0, expect.stringContaining('2 passed')])
    },
    runTimeoutMs,
  )
})

test(
  'runs on the oldest Node that it promises, with TypeScript as it stands',
  async () => {
    const { engines } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
      readonly engines: { readonly node: string }
    }
    const [, oldest = ''] = /^\^(\d+\.\d+\.\d+) /.exec(engines.node) ?? []
    const node = `node-linux-${process.arch}`
    const install = ['install', '--no-save', '--prefix', 'oldest', '--prefer-offline']
    expect(await shop.run('npm', [...install, `${node}@${oldest}`])).toMatchObject({ code: 0 })
    const bin = join(shop.folder, 'oldest', 'node_modules', node, 'bin')
    const run = (args: readonly string[]) =>
      shop.run(join(bin, 'node'), [join('node_modules', 'millrace', 'dist', 'main.js'), ...args])
    expect(await shop.run(join(bin, 'node'), ['--version'])).toMatchObject({
      stdout: `v${oldest}\n`,
    })
    shop.write('millrace.config.ts', config)
    expect(await run(['worker', '--store', 'postgres'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'postgres' is not among") as string,
    })
    const { code, stdout, stderr } = await run(['status', '--json'])
    expect([code, stderr]).toEqual([1, ''])
    expect(JSON.parse(stdout)).toMatchObject({ views: [{ name: 'shop-orders' }] })
    shop.write('shop.test.ts', nodeTest)
    expect(await shop.run(join(bin, 'node'), ['--test', 'shop.test.ts'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('pass 2') as string,
    })
  },
  installTimeoutMs,
)

describe('the command', () => {
  test(
    'says its release and what it can do',
    async () => {
      expect(await shop.millrace(['--version'])).toEqual({
        code: 0,
        stdout: `${versionOfRelease()}\n`,
        stderr: '',
      })
      const help = await shop.millrace(['--help'])
      expect([help.code, help.stdout]).toEqual([
        0,
        expect.stringContaining('usage: millrace COMMAND'),
      ])
      const worker = await shop.millrace(['worker', '--help'])
      expect([worker.code, worker.stdout]).toEqual([0, expect.stringContaining('--config PATH')])
    },
    runTimeoutMs,
  )

  test(
    'is found by npx',
    async () => {
      const { code, stdout } = await shop.run('npx', ['millrace', '--version'])
      expect([code, stdout]).toEqual([0, `${versionOfRelease()}\n`])
    },
    runTimeoutMs,
  )

  test(
    'refuses a wrong configuration with all its faults and none of its values',
    async () => {
      const wrong = config.replace(
        "onDoubt: 'refuse'",
        "onDoubt: 'wait', sorce: 'postgres://u:secret@x'",
      )
      shop.write('millrace.config.ts', wrong)
      const { code, stdout, stderr } = await shop.millrace(['worker'], {
        MILLRACE_SLOT: 'Shop',
        MILLRACE_KAFAK: 'x',
        MILLRACE_REDIS: 'http://:secret@127.0.0.1',
      })
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr.split('\n').slice(1, -2)).toEqual([
        '  MILLRACE_KAFAK is unknown; did you mean MILLRACE_KAFKA?',
        '  millrace.config.ts: sorce is unknown; did you mean source?',
        '  MILLRACE_SLOT must be made of small letters, digits and _',
        '  MILLRACE_REDIS must begin with redis:// or rediss://',
      ])
      expect(stderr).not.toContain('secret')
      const api = await shop.millrace(['api'])
      expect([api.code, api.stderr]).toEqual([2, expect.stringContaining('onDoubt must be one of')])
    },
    runTimeoutMs,
  )

  test(
    'reads the views of the file, and tells what it found in a store',
    async () => {
      shop.write('millrace.config.ts', config)
      const { code, stdout, stderr } = await shop.millrace(['status', '--json'])
      expect([code, stderr]).toEqual([1, ''])
      expect(JSON.parse(stdout)).toMatchObject({
        views: [{ name: 'shop-orders', store: 'redis', phase: 'unknown' }],
      })
    },
    runTimeoutMs,
  )
})
