import { readConfig } from '../../src/config.ts'
import type { Project } from '../../src/project/project.ts'
import { chosenStore, chosenStores, chosenView, chosenViews } from '../../src/roles/chosen.ts'
import { defineView, from } from '../../src/view/define-view.ts'

const views = ['orders', 'stock', 'visits'].map((name) =>
  defineView({ name, key: { id: 'bigint' }, row: from(name, { key: 'id', fields: {} }) }),
)
const config = readConfig({ MILLRACE_STORES: 'redis,postgres' })
const project: Project = { config, views, path: 'millrace.config.ts' }

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

test('the stores are the one that --store names, else all that are kept', () => {
  expect(chosenStores(config, undefined)).toEqual(['redis', 'postgres'])
  expect(chosenStores(config, 'postgres')).toEqual(['postgres'])
  expect(() => chosenStores(config, 'memory')).toThrow('not among the stores that are kept')
})
