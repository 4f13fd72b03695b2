import {
  keptDeclaration,
  mergedView,
  ownView,
  refuseReplaced,
  servedView,
} from '../../src/coordinate/view-plan.ts'
import { declarationId, decodeView, encodeView } from '../../src/view/declarations.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { ViewState } from '../../src/store/state.ts'
import { library } from '../support/library.ts'

/** The same view by a later release, in which `name` means another column. */
const later = defineView({
  name: 'library',
  key: { authorId: 'bigint' },
  row: from('authors', { key: 'id', fields: { name: 'pen_name' } }),
  aggregates: { bookCount: countOf('books', { by: 'author' }) },
})

const [own, other] = [ownView(library), ownView(later)]
const first = keptDeclaration(own, { declarations: [] })
const second = keptDeclaration(other, { declarations: [first] })
const stateOf = (...declarations: ViewState['declarations']) => ({ declarations }) as ViewState

test('the own view is known by the id of its declaration', () => {
  expect(own).toEqual({ view: library, id: declarationId(library) })
})

test('a declaration is kept as data, named beside those that are there, not complete yet', () => {
  expect(first).toEqual({ id: own.id, declaration: encodeView(library), complete: false })
  expect(second).toMatchObject({ id: other.id, complete: false })
  const [field] = decodeView(second.declaration).row!.fields
  expect(field).toMatchObject({ name: 'name', stored: expect.stringMatching(/^name@/) })
})

test('all that is stored is one view', () => {
  const merged = mergedView(stateOf(first, second))
  expect(merged.layout.fields.map(({ name }) => name)).toEqual([
    'name',
    expect.stringMatching(/^name@/),
  ])
  expect(merged.layout.counts).toEqual(['bookCount', 'prizeCount'])
})

test('the own view is served by the names that it has in the store', () => {
  const state = stateOf(first, second)
  expect(servedView(own, state)).toEqual(library)
  expect(servedView(other, state)).toEqual(decodeView(second.declaration))
})

test('a view that nobody has applied is not served', () => {
  const unknown = expect.objectContaining({ code: 'declaration-unknown', retriable: true })
  expect(() => servedView(other, stateOf(first))).toThrow(unknown)
  expect(() => refuseReplaced(other, stateOf(first))).toThrow(unknown)
})

test('a view after which another was applied is served on, and not kept', () => {
  expect(() => refuseReplaced(other, stateOf(first, second))).not.toThrow()
  expect(() => refuseReplaced(own, stateOf(first, second))).toThrow(
    expect.objectContaining({ code: 'declaration-replaced', waitsForPeople: true }),
  )
})

test('the newest of several declarations is the one that was applied last', () => {
  const third = { ...first, id: 'third' }
  expect(() => refuseReplaced(other, stateOf(first, third, second))).not.toThrow()
  expect(() => refuseReplaced(other, stateOf(first, second, third))).toThrow(
    expect.objectContaining({ code: 'declaration-replaced' }),
  )
})
