import { bigint, countOf, defineConfig, defineView, from } from 'millrace'
import { maxOf, minOf, timestamptz, topOf, type View } from 'millrace'
import { listenerAnswer, type Kind } from './listener.ts'

/**
 * What can be listened to, with its name and who hears it most; and its name alone, of which a
 * listener's answer reads thirty.
 */
function listenedTo(name: string, table: string, column: string) {
  const key = { id: 'bigint' } as const
  const row = from(table, { key: column, fields: { name: 'name' } })
  const aggregates = {
    plays: countOf('listens', { by: column }),
    listeners: topOf('listens', { item: { id: bigint('user_id') }, most: 20, by: column }),
  }
  const view = defineView({ name, serve: `/${table}/:id`, key, row, aggregates })
  return { view, names: defineView({ name: `${name}-name`, key, row }) }
}

const artist = listenedTo('artist', 'artists', 'artist_id')
const album = listenedTo('album', 'albums', 'album_id')
const track = listenedTo('track', 'tracks', 'track_id')
const kinds: readonly Kind[] = [
  { ...artist, top: 'topArtists', recommended: 'recommendedArtists' },
  { ...album, top: 'topAlbums', recommended: 'recommendedAlbums' },
  { ...track, top: 'topTracks', recommended: 'recommendedTracks' },
]

const [by, most] = ['user_id', 20]
const listened = { of: timestamptz('listened_at'), key: bigint('listen_id'), by }
const listener: View = defineView({
  name: 'listener',
  serve: '/listeners/:userId',
  key: { userId: 'bigint' },
  aggregates: {
    plays: countOf('listens', { by }),
    firstListen: minOf('listens', listened),
    lastListen: maxOf('listens', listened),
    topArtists: topOf('listens', { item: { id: bigint('artist_id') }, most, by }),
    topAlbums: topOf('listens', { item: { id: bigint('album_id') }, most, by }),
    topTracks: topOf('listens', { item: { id: bigint('track_id') }, most, by }),
  },
  query: {
    recommend: { type: 'integer', minimum: 0, maximum: 20, default: 10 },
    seed: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 1 },
    budgetMs: { type: 'integer', minimum: 1, maximum: 1_000, default: 40 },
  },
  respond: ({ entry, ...asked }) =>
    entry && listenerAnswer({ ...asked, entry, kinds, listeners: listener }),
})

export default defineConfig({
  views: [listener, ...kinds.flatMap(({ view, names }) => [view, names])],
})
