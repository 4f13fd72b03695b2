import { defineView, from } from '../../src/view/define-view.ts'
import { batchPathOf, sharedPathFaults } from '../../src/view/paths.ts'

/** A view that is served there, with a key of the path's parts. */
function served(name: string, serve?: string) {
  const parts = serve?.match(/:[^/]+/g)?.map((part) => part.slice(1)) ?? ['id']
  const key = Object.fromEntries(parts.map((part) => [part, 'text' as const]))
  const row = from(name, { key: parts, fields: {} })
  return defineView({ name, key, row, ...(serve !== undefined && { serve }) })
}

test.each([
  ['/v1/books/:isbn', '/v1/books'],
  ['/s/:hall/:row', '/s'],
])('many entries of %s are at %s', (serve, path) => {
  expect(batchPathOf(serve)).toBe(path)
})

test.each([
  ['/users/:userId', '/users/:isbn'],
  ['/s/:hall', '/s/:hall/:row'],
  ['/orders/:shop/:number', '/orders/eu/:id'],
  ['/orders/:shop', '/orders/eu/:id'],
])('one path could be meant for %s and %s, which is said once', (one, other) => {
  for (const views of [
    [served('one', one), served('other', other)],
    [served('other', other), served('one', one)],
  ]) {
    expect(sharedPathFaults(views)).toEqual([
      expect.stringMatching(/^(one|other) is served at .* and (one|other) at .* the same path/),
    ])
  }
})

test.each([
  ['/users/:userId', '/books/:isbn'],
  ['/orders/:shop/:number', '/orders/eu/:id/:part'],
  ['/orders/eu/:id', '/orders/us/:id'],
  ['/users/:userId', undefined],
  [undefined, undefined],
])('no path could be meant for %s and %s', (one, other) => {
  expect(sharedPathFaults([served('one', one), served('other', other)])).toEqual([])
})
