import type { Mutation, ViewLayout } from '../../src/mutation.ts'

const text = (name: string) => ({ name, type: 'text' as const })

/** The layout of `user-information`, as its declaration gives it. */
export const userLayout: ViewLayout = {
  name: 'user-information',
  key: [{ name: 'userId', type: 'bigint' }],
  fields: [
    text('username'),
    text('name'),
    text('description'),
    text('location'),
    text('webPageUrl'),
    { name: 'joinedDate', type: 'timestamptz' },
    text('profileImageUrl'),
    text('backgroundImageUrl'),
  ],
  counts: ['tweetCount', 'followingCount', 'followerCount', 'likeCount'],
  presence: [],
  tallies: [],
}

/** The same view as a later declaration has it, with one more field and one more counter. */
export const widerLayout: ViewLayout = {
  ...userLayout,
  fields: [...userLayout.fields, text('motto')],
  counts: [...userLayout.counts, 'mailCount'],
}

/** A view whose key is text and whose fields are of every type. */
export const placeLayout: ViewLayout = {
  name: 'place-information',
  key: [{ name: 'placeName', type: 'text' }],
  fields: [
    { name: 'ownerId', type: 'bigint' },
    { name: 'openedAt', type: 'timestamptz' },
    text('motto'),
  ],
  counts: ['visitCount'],
  presence: [],
  tallies: [],
}

/** A whole row of `users`: what is not given is SQL null. */
export function userFields(given: Readonly<Record<string, string | null>> = {}) {
  const nothing = Object.fromEntries(userLayout.fields.map(({ name }) => [name, null]))
  return {
    ...nothing,
    username: 'ada',
    joinedDate: '2026-11-21T10:18:00.123456Z',
    ...given,
  }
}

export function put(entry: string, given?: Readonly<Record<string, string | null>>): Mutation {
  return { entry, put: userFields(given), add: {} }
}

export function unput(entry: string): Mutation {
  return { entry, put: null, add: {} }
}

export function add(entry: string, counts: Readonly<Record<string, bigint>>): Mutation {
  return { entry, put: undefined, add: counts }
}
