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
  slices: [],
}

/** The same view as a later declaration has it, with one more field and one more counter. */
export const widerLayout: ViewLayout = {
  ...userLayout,
  fields: [...userLayout.fields, text('motto')],
  counts: [...userLayout.counts, 'mailCount'],
}

/** The same view with tallies, of which readers get each kind of slice, two of them, or nothing. */
export const tallyLayout: ViewLayout = {
  ...userLayout,
  tallies: named('topArtists', 'firstListens', 'lastListens', 'byCountry', 'hidden'),
  slices: [
    { name: 'topArtists', tally: 'topArtists', order: 'largest', most: 3 },
    { name: 'firstListens', tally: 'firstListens', order: 'first', most: 2 },
    { name: 'lastListens', tally: 'lastListens', order: 'last', most: 2 },
    { name: 'lastOfFirst', tally: 'firstListens', order: 'last', most: 1 },
    { name: 'byCountry', tally: 'byCountry', order: 'largest', most: undefined },
  ],
}

/** The same view as a later declaration has it, with one more counter and one more tally. */
export const widerTallyLayout: ViewLayout = {
  ...tallyLayout,
  fields: widerLayout.fields,
  counts: widerLayout.counts,
  tallies: [...tallyLayout.tallies, ...named('topAlbums')],
  slices: [
    ...tallyLayout.slices,
    { name: 'topAlbums', tally: 'topAlbums', order: 'last', most: undefined },
  ],
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
  slices: [],
}

/** The same with a tally. */
export const placeTallyLayout: ViewLayout = {
  ...placeLayout,
  tallies: named('topGuests'),
  slices: [{ name: 'topGuests', tally: 'topGuests', order: 'largest', most: 2 }],
}

function named(...names: readonly string[]): ViewLayout['tallies'] {
  return names.map((name) => ({ name }))
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

/** Amounts by item and tally, as plain objects; items in their order. */
export function tally(
  entry: string,
  cells: Readonly<Record<string, Readonly<Record<string, bigint>>>>,
): Mutation {
  return { entry, put: undefined, add: {}, cells: cellsOf(cells) }
}

export function cellsOf(cells: Readonly<Record<string, Readonly<Record<string, bigint>>>>) {
  return new Map(
    Object.entries(cells).map(([name, items]) => [name, new Map(Object.entries(items))]),
  )
}
