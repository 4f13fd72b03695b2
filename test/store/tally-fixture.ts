import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import { decodeEntry } from '../../src/store/entry-text.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { tallyLayout } from '../support/view-layouts.ts'
import { aCommit, checkpoint, declared, offset, stateOf, texts } from './store-fixture.ts'

/** The greatest amount of a cell. */
export const most = 2n ** 53n - 1n

/** Items whose order and spelling stores could get wrong. */
export const oddItems = [
  '',
  ' ',
  '"quoted" \'items\'',
  '["2026-11-21T10:18:00.000000Z","7",null,"a\\"b"]',
  '*',
  '-',
  '1',
  '10',
  '2',
  '3:abc1;',
  ';',
  '|',
  '||1:x1;',
  'A',
  'a',
  'a\nb\tc',
  '\\',
  'é',
  'e\u0301',
  '\u0001',
  '\u007F',
  '\uE000',
  '\uFFFD',
  '\uFFFF',
  '😀',
  '\u{10FFFF}',
  'x'.repeat(300),
]

/** Commits to `users/0` from `at` to the next offset. */
export async function tallied(
  store: ViewStore,
  at: number,
  mutations: readonly Mutation[],
  layout: ViewLayout = tallyLayout,
) {
  const { epoch } = await stateOf(store)
  const [from, to] = [offset(at), checkpoint(at + 1)]
  return store.writer(layout).commit(aCommit(epoch, { from, to, mutations }))
}

/** The tallies of an entry as a look tells them. */
export async function told(store: ViewStore, key: string, layout: ViewLayout = tallyLayout) {
  const [text] = await texts(store, [key], layout)
  const found = decodeEntry(layout, text!)
  if (!found) throw new Error(`can not be read: ${text}`)
  return new Map([...(found.tallies ?? [])].filter(([, each]) => each === 'large' || each.size > 0))
}

export async function slices(store: ViewStore, key: string, layout: ViewLayout = tallyLayout) {
  const result = await store.reader(layout, declared.id).read([key])
  if (result.kind !== 'serving') throw new Error(`not serving: ${result.phase}`)
  return result.entries[0]?.slices
}
