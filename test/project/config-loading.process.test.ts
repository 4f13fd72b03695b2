/** What Node makes of a configuration file, which no other process could say. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mainPath, packageFolder } from '../../src/dev/folders.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-config-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const config = `
import { countOf, defineConfig, defineView, from } from '${join(packageFolder, 'src', 'index.ts')}'
const name: string = 'shops'
export default defineConfig({
  slot: 'SHOP',
  views: [
    defineView({
      name,
      key: { id: 'bigint' },
      row: from('shops', { key: 'id', fields: { city: 'city' } }),
      aggregates: { orderCount: countOf('orders', { by: 'shop_id' }) },
    }),
  ],
})
`

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Runs `millrace verify`, which reads the file and, with what stands there, goes no further. */
function verify(options: readonly string[] = [], node: readonly string[] = []) {
  return new Promise<{ code: unknown; stderr: string }>((done) => {
    const args = [...node, mainPath, 'verify', ...options]
    const env = { PATH: process.env.PATH, MILLRACE_FOLDER: folder }
    execFile(process.execPath, args, { cwd: folder, env }, (error, _stdout, stderr) =>
      done({ code: error?.code, stderr }),
    )
  })
}

test('TypeScript is read by Node as it stands, without a warning', async () => {
  write({ 'package.json': '{ "type": "module" }', 'millrace.config.ts': config })
  const { code, stderr } = await verify()
  expect([code, stderr.split('\n')]).toEqual([
    2,
    [
      'the configuration is not usable:',
      '  millrace.config.ts: slot must be made of small letters, digits and _',
      expect.stringContaining('SETTINGS.md'),
      '',
    ],
  ])
})

test('`millrace` in it is the package of the command, also where none is installed', async () => {
  const byName = config.replace(/from '[^']*'/, "from 'millrace'")
  expect(byName).not.toBe(config)
  write({ 'package.json': '{ "type": "module" }', 'millrace.config.ts': byName })
  const { code, stderr } = await verify()
  expect([code, stderr]).toEqual([2, expect.stringContaining('millrace.config.ts: slot must be')])
})

test('a Node that reads no TypeScript is named, and JavaScript is offered', async () => {
  write({ 'package.json': '{ "type": "module" }', 'millrace.config.ts': config })
  // Millrace's own source is stripped by these hooks, for Node is told to do so no more.
  const strip = `
    import { stripTypeScriptTypes, registerHooks } from 'node:module'
    import { readFileSync } from 'node:fs'
    import { fileURLToPath } from 'node:url'
    registerHooks({
      load(url, context, next) {
        if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
        const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'))
        return { format: 'module', source, shortCircuit: true }
      },
    })`
  const hooks = `data:text/javascript,${encodeURIComponent(strip)}`
  const flags = ['--no-warnings', '--no-experimental-strip-types', '--import', hooks]
  const { code, stderr } = await verify([], flags)
  expect([code, stderr]).toEqual([2, expect.stringContaining('does not read TypeScript')])
  expect(stderr).toContain('millrace.config.mjs')
})

test.each([
  ['{ "type": "commonjs" }', 'millrace.config.ts'],
  ['{ "type": "commonjs" }', 'millrace.config.js'],
])('in a package that says %s, %s is refused with the cure', async (manifest, name) => {
  write({ 'package.json': manifest, [name]: config.replace(': string', '') })
  const { code, stderr } = await verify()
  expect([code, stderr]).toEqual([2, expect.stringContaining(`${name} can't be loaded`)])
  expect(stderr).toContain('npm pkg set type=module')
})

test('a name that ends with .mts needs nothing of the package', async () => {
  write({ 'package.json': '{ "type": "commonjs" }', 'millrace.config.mts': config })
  expect((await verify()).stderr).toContain('millrace.config.mts: slot must be made of')
})

test('what is more than types is refused with its place', async () => {
  write({ 'package.json': '{ "type": "module" }' })
  write({ 'millrace.config.ts': `${config}\nenum Colour { red }\n` })
  const { code, stderr } = await verify()
  expect([code, stderr]).toEqual([2, expect.stringMatching(/millrace\.config\.ts:\d+\)/)])
  expect(stderr).toContain('no enum, namespace or parameter property')
})

test('TypeScript of a package below node_modules is refused with the cure', async () => {
  write({
    'package.json': '{ "type": "module" }',
    'node_modules/shops/package.json': '{ "type": "module", "exports": "./index.ts" }',
    'node_modules/shops/index.ts': 'export const slot: string = "shop"',
    'millrace.config.ts': `import { slot } from 'shops'\nexport default { slot }`,
  })
  const { code, stderr } = await verify()
  expect([code, stderr]).toEqual([2, expect.stringContaining('build that package to JavaScript')])
})

test('a file that is named is the one that is read', async () => {
  write({ 'package.json': '{ "type": "module" }', 'conf/shops.ts': config })
  expect((await verify(['--config', 'conf/shops.ts'])).stderr).toContain('conf/shops.ts: slot must')
})
