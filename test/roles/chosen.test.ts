import { readConfig } from '../../src/config.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Project } from '../../src/project/project.ts'
import { chosenStore, chosenView, chosenViews } from '../../src/roles/chosen.ts'
import { eachView } from '../../src/roles/each-view.ts'
import { defineView, from } from '../../src/view/define-view.ts'

const views = ['orders', 'stock', 'visits'].map((name) =>
  defineView({ name, key: { id: 'bigint' }, row: from(name, { key: 'id', fields: {} }) }),
)
const config = readConfig({ MILLRACE_STORES: 'redis,postgres' })
const project: Project = { config, views, path: 'millrace.config.ts' }
const signal = new AbortController().signal

describe('the views that a command is about', () => {
  test.each([
    [undefined, ['orders', 'stock', 'visits']],
    ['stock', ['stock']],
    ['visits,orders', ['orders', 'visits']],
  ])('with --view %s are %j, in the order of their declarations', (list, names) => {
    expect(chosenViews(project, list).map(({ name }) => name)).toEqual(names)
  })

  test('have to be declared', () => {
    expect(() => chosenViews(project, 'stock,stok')).toThrow(
      expect.objectContaining({
        code: 'arguments',
        message: '--view: no view is declared by the name stok',
        hint: 'There are orders, stock, visits.',
      }),
    )
    const none = { ...project, views: [] }
    expect(() => chosenViews(none, undefined)).toThrow('so no view is known')
  })

  test('where it is one, are the only one or that which --view names', () => {
    expect(chosenView(project, 'stock').name).toBe('stock')
    expect(chosenView({ ...project, views: views.slice(0, 1) }, undefined).name).toBe('orders')
    for (const several of [undefined, 'stock,visits']) {
      expect(() => chosenView(project, several)).toThrow(
        expect.objectContaining({
          code: 'arguments',
          message: 'this is about one view: name it with --view',
        }),
      )
    }
  })
})

test('the store is the one that --store names, else the one that the API reads from', () => {
  expect([chosenStore(config, undefined), chosenStore(config, 'postgres')]).toEqual([
    'redis',
    'postgres',
  ])
  expect(() => chosenStore(config, 'memory')).toThrow('not among the stores that are kept')
})

describe('work that is done for each view', () => {
  let said: string[]
  const write = process.stderr.write.bind(process.stderr)
  beforeEach(() => {
    said = []
    process.stderr.write = (text: string) => said.push(text) > 0
  })
  afterEach(() => {
    process.stderr.write = write
  })

  const failing = (name: string, error: Error) => async (view: { readonly name: string }) => {
    if (view.name === name) throw error
    return `done for ${view.name}`
  }

  test('goes on after a fault of one, which is said', async () => {
    const fault = new MillraceError('not-serving', 'it was not begun', { hint: 'Start a worker.' })
    const each = eachView({ views, store: 'redis', signal }, failing('stock', fault))
    expect(await each).toEqual([
      { view: 'orders', store: 'redis', result: 'done for orders', failure: null },
      { view: 'stock', store: 'redis', result: undefined, failure: 'it was not begun' },
      { view: 'visits', store: 'redis', result: 'done for visits', failure: null },
    ])
    expect(said.join('')).toBe('stock in redis: it was not begun\nStart a worker.\n')
  })

  test('ends with a bug, and where it was told to end', async () => {
    const bug = eachView({ views, store: 'redis', signal }, failing('stock', new TypeError('bug')))
    await expect(bug).rejects.toThrow('bug')
    const fault = new MillraceError('store-away', 'cut off')
    const ended = { views, store: 'redis', signal: AbortSignal.abort() }
    await expect(eachView(ended, failing('orders', fault))).rejects.toThrow('cut off')
    expect(said).toEqual([])
  })
})
