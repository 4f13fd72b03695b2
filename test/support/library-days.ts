import { countOf, defineView, type ViewDeclaration } from '../../src/view/define-view.ts'
import type { View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'

/** Days of authors, with how many of their books came out: kept for 60 days. */
export const libraryDays = daysKept('60 days')

export function daysKept(keep: string | undefined, given: Partial<ViewDeclaration> = {}): View {
  return defineView({
    name: 'library-days',
    key: { authorId: 'bigint', day: windowOf('timestamptz', '1 day') },
    aggregates: { bookCount: countOf('books', { by: ['author', 'published'] }) },
    ...(keep !== undefined && { keep }),
    ...given,
  })
}

export const dayMs = 86_400_000

/** Of an entry of that view. */
export function dayKey(author: number, day: string): string {
  return `${author}:${day}T00\\:00\\:00.000000Z`
}

/** Seconds since 1970 at which a day begins. */
export function dayStart(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1_000
}
