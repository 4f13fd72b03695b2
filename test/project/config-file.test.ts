import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configFileNames } from '../../src/project/config-file.ts'
import { loadProject, refuseNoViews } from '../../src/project/project.ts'
import { defineView, from } from '../../src/index.ts'
import { packageFolder } from '../../src/dev/folders.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-project-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

afterEach(() => rmSync(folder, { recursive: true }))

const index = join(packageFolder, 'src', 'index.ts')
const declared = `
import { defineView, from } from '${index}'
export const view = (name) => defineView({
  name, key: { id: 'bigint' }, row: from('shops', { key: 'id', fields: { city: 'city' } }),
})
`

function write(text: string, name = 'millrace.config.mjs'): void {
  writeFileSync(join(folder, 'views.mjs'), declared)
  writeFileSync(join(folder, name), `import { view } from './views.mjs'\n${text}`)
}

const load = (env: Readonly<Record<string, string>> = {}, path?: string) =>
  loadProject({ folder, env, path })

describe('a configuration file', () => {
  test('names the views and settings; the environment goes before it, it before defaults', async () => {
    write(`export default {
      source: 'postgres://reader@db.example/shop',
      kafka: ['one:9092', 'two:9092'],
      connector: 'shop',
      apiPort: 81,
      views: [view('shops')],
    }`)
    const project = await load({ MILLRACE_CONNECTOR: 'other' })
    expect(project.config).toMatchObject({
      source: 'postgres://reader@db.example/shop',
      kafka: ['one:9092', 'two:9092'],
      connector: 'other',
      apiPort: 81,
      slot: 'millrace',
    })
    expect([project.path, project.views.map(({ name }) => name)]).toEqual([
      join(folder, 'millrace.config.mjs'),
      ['shops'],
    ])
  })

  test.each(configFileNames)('is found as %s', async (name) => {
    write(`export default { views: [view('shops')] }`, name)
    expect((await load()).path).toBe(join(folder, name))
  })

  test('is found by the path that is given, else by MILLRACE_CONFIG', async () => {
    write(`export default { slot: 'here', views: [view('shops')] }`)
    write(`export default { slot: 'named', views: [view('shops')] }`, 'named.mjs')
    write(`export default { slot: 'variable', views: [view('shops')] }`, 'variable.mjs')
    const env = { MILLRACE_CONFIG: join(folder, 'variable.mjs') }
    expect((await load(env, 'named.mjs')).config.slot).toBe('named')
    expect((await load(env)).config.slot).toBe('variable')
    expect((await load()).config.slot).toBe('here')
    await expect(load({}, 'absent.mjs')).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('there is no file') as string,
    })
  })

  test('may be missing: then there are settings, and no view', async () => {
    const project = await load()
    expect([project.views, project.path, project.config.slot]).toEqual([[], undefined, 'millrace'])
    expect(() => refuseNoViews(project)).toThrow('there is no millrace.config.ts here')
  })

  test('and the environment are told everything that is wrong with both, at once', async () => {
    write(`export default {
      sorce: 'postgres://u:secret@db.example/shop',
      source: 'mysql://u:secret@db.example/shop',
      apiPort: '80',
      stores: { reddis: 'redis://:secret@cache.example', postgres: 'redis://:secret@x' },
      views: [view('shops'), view('shops'), { name: 'plain' }],
    }`)
    const failed = await load({ MILLRACE_SLOT: 'Shop', MILLRACE_KAFAK: 'x' }).catch(
      (error: unknown) => error as Error,
    )
    expect(failed).toMatchObject({ code: 'config' })
    const { message } = failed as Error
    expect(message.split('\n').slice(1).toSorted()).toEqual(
      [
        '  MILLRACE_KAFAK is unknown; did you mean MILLRACE_KAFKA?',
        '  MILLRACE_SLOT must be made of small letters, digits and _',
        '  millrace.config.mjs: apiPort must be a whole number from 0 to 65535',
        '  millrace.config.mjs: sorce is unknown; did you mean source?',
        '  millrace.config.mjs: source must begin with postgres:// or postgresql://',
        '  millrace.config.mjs: stores.postgres must begin with postgres:// or postgresql://',
        '  millrace.config.mjs: stores.reddis is unknown; did you mean stores.redis?',
        '  millrace.config.mjs: two views have the name shops',
        '  millrace.config.mjs: views[2] is not what defineView answers',
      ].toSorted(),
    )
    expect(message).not.toContain('secret')
  })

  test('is told what is wrong with every view, and with one beside another', async () => {
    write(`
      import { countOf, defineView, from } from '${index}'
      const served = (name, serve, table) => defineView({
        name, serve, key: { id: 'bigint' }, row: from(table, { key: 'id', fields: {} }),
      })
      const bad = view('Shops')
      export default { views: [
        bad,
        defineView({ name: 'stock', key: { id: 'json' }, row: from('a.b.c', { key: 'id', fields: {} }) }),
        served('orders', '/o/:id', 'odd orders'),
        served('others', '/o/:id', 'odd_orders'),
        served('orders', '/x/:id', 'x'),
      ] }`)
    const failed = await load().catch((error: unknown) => error as Error)
    expect(failed).toMatchObject({ code: 'config' })
    expect((failed as Error).message.split('\n').slice(1)).toEqual([
      expect.stringContaining("view 'Shops' can't be defined: its name is not in kebab-case"),
      expect.stringMatching(
        /view 'stock' can't be defined: key id can't be json.*'a\.b\.c' can't name/,
      ),
      '  millrace.config.mjs: two views have the name orders',
      expect.stringContaining('orders is served at /o/:id and others at /o/:id'),
      expect.stringContaining('the tables odd orders and odd_orders go to the same topic'),
    ])
  })

  test('that fails for want of a view that can not be defined is told why it can not', async () => {
    write(`export default { views: [view('Shops')], slot: view('Shops').row.fields[0].name }`)
    await expect(load()).rejects.toMatchObject({
      code: 'view-invalid',
      message: expect.stringContaining("view 'Shops' can't be defined") as string,
    })
    // Nobody gathers any more.
    expect(() =>
      defineView({
        name: 'Shops',
        key: { id: 'bigint' },
        row: from('shops', { key: 'id', fields: {} }),
      }),
    ).toThrow("view 'Shops' can't be defined")
  })

  test.each([
    ['export default []', 'exports no configuration by default'],
    ['export const views = [view("shops")]', 'exports no configuration by default'],
    ['export default {}', 'views must be a list of what defineView answers'],
    ['export default { views: [] }', 'views must be a list of what defineView answers'],
    ['export default { views: [view("shops")], stores: "redis" }', "stores must be { redis: '…'"],
    ['import "./absent.mjs"', "can't be loaded"],
    ['export default { views: [view("Shops")] }', "view 'Shops' can't be defined"],
    [
      'export default { views: [{ ...view("shops"), lookups: [{ name: "owner", view: "owners", by: { kind: "field", field: "id" }, fields: [] }] }] }',
      'lookup owner of shops: there is no view owners',
    ],
  ])('%s is refused', async (text, said) => {
    write(text)
    await expect(load()).rejects.toThrow(said)
  })
})

describe('the stores that are kept', () => {
  test('are those that the file has an address for, and reads come from the first', async () => {
    write(`export default { stores: { postgres: 'postgres://v@db/v' }, views: [view('shops')] }`)
    const { config } = await load({ MILLRACE_REDIS: 'redis://cache' })
    expect(config).toMatchObject({
      stores: ['postgres'],
      readFrom: 'postgres',
      redis: 'redis://cache',
    })
    const widened = await load({
      MILLRACE_STORES: 'redis,postgres',
      MILLRACE_READ_FROM: 'postgres',
    })
    expect(widened.config).toMatchObject({ stores: ['redis', 'postgres'], readFrom: 'postgres' })
  })

  test('an address that is undefined is left out', async () => {
    write(`export default { stores: { redis: undefined }, views: [view('shops')] }`)
    expect((await load()).config).toMatchObject({
      stores: ['redis'],
      redis: 'redis://127.0.0.1:6379',
    })
  })
})

test('a role minds its own settings alone, and every name', async () => {
  write(`export default { source: 'nonsense', sorce: 1, views: [view('shops')] }`)
  const failed = loadProject({ folder, env: {}, role: 'api' })
  await expect(failed).rejects.toThrow('sorce is unknown')
  await expect(failed).rejects.not.toThrow('must begin with')
})

test('a file of another folder is loaded with what it imports', async () => {
  mkdirSync(join(folder, 'deep'))
  write(`export default { slot: 'deep', views: [view('shops')] }`)
  const project = await loadProject({
    folder: join(folder, 'deep'),
    env: {},
    path: '../millrace.config.mjs',
  })
  expect(project.config.slot).toBe('deep')
})
