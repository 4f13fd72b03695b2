import { bigint, countOf, countsOf, defineConfig, defineView, from } from 'millrace'
import { maxOf, minOf, timestamptz, topOf } from 'millrace'
import { listenerAnswer } from './listener.ts'

const by = 'user_id'

/** A kind of what can be listened to, its name alone, which answers read, and what listeners hear. */
function listenedTo(kind: string, name: string) {
  const [table, column] = [`${name}s`, `${name}_id`]
  const key = { id: 'bigint' } as const
  const row = from(table, { key: column, fields: { name: 'name' } })
  const aggregates = {
    plays: countOf('listens', { by: column }),
    listeners: topOf('listens', { item: { id: bigint('user_id') }, most: 20, by: column }),
  }
  const view = defineView({ name, serve: `/${table}/:id`, key, row, aggregates })
  const names = defineView({ name: `${name}-name`, key, row })
  const item = { id: bigint(column) }
  const lookup = { view: names.name, fields: { name: 'text' } } as const
  // Of one tally, which stores keep once: what readers see, what walks follow, and all of it.
  const heard = {
    [`top${kind}`]: topOf('listens', { item, most: 10, by, lookup }),
    [`heard${kind}`]: topOf('listens', { item, most: 20, by }),
    [`known${kind}`]: countsOf('listens', { item, by }),
  }
  return { kind, view, names, heard }
}

const artists = listenedTo('Artists', 'artist')
const albums = listenedTo('Albums', 'album')
const tracks = listenedTo('Tracks', 'track')
const kinds = [artists, albums, tracks]

/** What somebody hears. It has no path, so all that they know is in no answer. */
const taste = defineView({
  name: 'taste',
  key: { userId: 'bigint' },
  aggregates: { ...artists.heard, ...albums.heard, ...tracks.heard },
})

const listened = { of: timestamptz('listened_at'), key: bigint('listen_id'), by }
const listener = defineView({
  name: 'listener',
  serve: '/listeners/:userId',
  key: { userId: 'bigint' },
  aggregates: {
    plays: countOf('listens', { by }),
    firstListen: minOf('listens', listened),
    lastListen: maxOf('listens', listened),
  },
  query: {
    recommend: { type: 'integer', minimum: 0, maximum: 20, default: 10 },
    seed: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 1 },
    budgetMs: { type: 'integer', minimum: 1, maximum: 1_000, default: 40 },
  },
  respond: ({ entry, ...asked }) => entry && listenerAnswer({ ...asked, entry, kinds, taste }),
})

const views = [listener, taste, ...kinds.flatMap(({ view, names }) => [view, names])]
export default defineConfig({ views })
