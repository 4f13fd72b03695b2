/** Which view a schedule keeps: each family has one, with the declarations that later releases have. */
import type { Row } from '../../src/change.ts'
import type { View } from '../../src/view/view.ts'
import { Random } from './random.ts'
import { firstOfUser, firstOfWindow, laterOfUser, laterOfWindow } from './views-activity.ts'
import { firstView, laterViews } from './views-users.ts'

/** `users`: entries of owning rows; `activity`: without; `windows`: without, and kept for a while. */
export const familyNames = ['users', 'activity', 'windows'] as const
export type FamilyName = (typeof familyNames)[number]

export type Family = {
  readonly first: View
  readonly later: readonly View[]
  readonly tables: readonly string[]
  /** The columns by which rows belong to entries. */
  readonly countedBy: Readonly<Record<string, readonly (readonly string[])[]>>
  /** Tables whose replica identity has to tell whole rows. */
  readonly whole: readonly string[]
  /** Tables and columns that are renamed for a while. */
  readonly renamed: readonly (readonly [string, string])[]
  /** A table of which a column is computed anew, and how. */
  readonly computed: { readonly table: string; readonly rowOf: (row: Row) => Row }
}

export const families: Readonly<Record<FamilyName, Family>> = {
  users: {
    first: firstView,
    later: laterViews,
    tables: ['users', 'tweets', 'follows', 'likes'],
    countedBy: {
      tweets: [['user_id'], ['mentioned_id']],
      follows: [['follower_id'], ['followee_id']],
      likes: [['user_id']],
    },
    whole: ['users', 'tweets'],
    renamed: [
      ['users', 'name'],
      ['users', 'place'],
      ['tweets', 'user_id'],
      ['tweets', 'mentioned_id'],
    ],
    computed: { table: 'users', rowOf: (row) => ({ ...row, name: 'renamed', place: null }) },
  },
  activity: {
    first: firstOfUser,
    later: laterOfUser,
    tables: ['sales', 'visits', 'follows'],
    countedBy: {
      sales: [['user_id']],
      visits: [['user_id'], ['place_id']],
      follows: [['followee_id']],
    },
    whole: ['sales', 'visits'],
    renamed: [
      ['sales', 'pieces'],
      ['sales', 'user_id'],
      ['visits', 'place_id'],
    ],
    computed: { table: 'sales', rowOf: (row) => ({ ...row, pieces: null }) },
  },
  windows: {
    first: firstOfWindow,
    later: laterOfWindow,
    tables: ['sales', 'visits'],
    countedBy: {
      sales: [['user_id', 'at']],
      visits: [
        ['user_id', 'at'],
        ['place_id', 'at'],
      ],
    },
    whole: ['sales', 'visits'],
    renamed: [
      ['sales', 'pieces'],
      ['sales', 'at'],
      ['visits', 'at'],
    ],
    computed: { table: 'visits', rowOf: (row) => ({ ...row, user_id: 1n }) },
  },
}

/** Drawn apart from all else, so that what a seed draws is the same for each family. */
export function familyOf(seed: number): FamilyName {
  const drawn = new Random(seed + 2 ** 40).below(10)
  if (drawn < 6) return 'users'
  return drawn < 8 ? 'activity' : 'windows'
}
