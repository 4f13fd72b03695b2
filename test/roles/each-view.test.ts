import { MillraceError } from '../../src/errors.ts'
import { eachView } from '../../src/roles/each-view.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { sleep } from '../support/wait.ts'

const names = ['orders', 'stock', 'visits', 'shops']
const views = names.map((name) =>
  defineView({ name, key: { id: 'bigint' }, row: from(name, { key: 'id', fields: {} }) }),
)
const each = { views, store: 'redis', signal: new AbortController().signal }

let said: string[]
const write = process.stderr.write.bind(process.stderr)
beforeEach(() => {
  said = []
  process.stderr.write = (text: string) => said.push(text) > 0
})
afterEach(() => {
  process.stderr.write = write
})

const failing = (failed: string, error: Error) => ({
  work: async ({ name }: { readonly name: string }) => {
    if (name === failed) throw error
    return `done for ${name}`
  },
})

test('goes on after a fault of one view, which is said', async () => {
  const fault = new MillraceError('not-serving', 'it was not begun', { hint: 'Start a worker.' })
  const of = (view: string) => ({ view, store: 'redis', result: `done for ${view}`, failure: null })
  expect(await eachView(each, failing('stock', fault))).toEqual([
    of('orders'),
    { view: 'stock', store: 'redis', result: undefined, failure: 'it was not begun' },
    of('visits'),
    of('shops'),
  ])
  expect(said.join('')).toBe('stock in redis: it was not begun\nStart a worker.\n')
})

test('ends with a bug, and where it was told to end', async () => {
  const bug = eachView({ ...each, atOnce: 3 }, failing('stock', new TypeError('bug')))
  await expect(bug).rejects.toThrow('bug')
  const fault = new MillraceError('store-away', 'cut off')
  const ended = { ...each, signal: AbortSignal.abort() }
  await expect(eachView(ended, failing('orders', fault))).rejects.toThrow('cut off')
  expect(said).toEqual([])
})

test.each([1, 2, 9])(
  'with %d at once, that many are worked on, and told in their order',
  async (atOnce) => {
    let [now, most] = [0, 0]
    const told: string[] = []
    await eachView(
      { ...each, atOnce },
      {
        work: async ({ name }) => {
          most = Math.max(most, (now += 1))
          // Those that come later are done earlier.
          await sleep(20 - 5 * names.indexOf(name))
          now -= 1
          return name
        },
        done: (result, view) => void told.push(result === view.name ? result : 'another'),
      },
    )
    expect([most, told]).toEqual([Math.min(atOnce, names.length), names])
  },
)
