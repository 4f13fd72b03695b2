import { inserted, type Application, type Row, type Scene, type Statement } from '../generator.ts'

const dayMs = 86_400_000
const tastes = 40
const albumsPerArtist = 3
const tracksPerAlbum = 4

/**
 * Listeners with tastes: few listen very much, few artists are heard by nearly all, and most of what
 * somebody hears is of one kind of music. As many listens a listener, and as skew, as LFM-1b has.
 */
export const music: Application = {
  tables: {
    artists: { artist_id: 'bigint', name: 'text' },
    albums: { album_id: 'bigint', name: 'text' },
    tracks: { track_id: 'bigint', name: 'text' },
    listens: {
      listen_id: 'bigint',
      user_id: 'bigint',
      track_id: 'bigint',
      album_id: 'bigint',
      artist_id: 'bigint',
      listened_at: 'timestamptz',
    },
  },

  *rows(scene: Scene): Iterable<Row> {
    const { chance, size } = scene
    for (const [table, count] of Object.entries(countsOf(size))) {
      for (let id = 1; id <= count; id += 1) {
        // One name in twenty comes later.
        if (!chance.happens(0.05)) yield { table, values: [id, nameOf(table, id)] }
      }
    }
    for (let id = 1; id <= size; id += 1) yield listen(scene, id, chance.integer(0, 700 * dayMs))
  },

  change(scene: Scene): readonly Statement[] {
    const { chance, size } = scene
    const known = chance.integer(1, size)
    switch (chance.integer(0, 19)) {
      case 0:
        return [{ sql: 'delete from listens where listen_id = $1', values: [known] }]
      case 1: {
        const [table, count] = chance.pick(Object.entries(countsOf(size)))
        const id = chance.skewed(count)
        const key = Object.keys(this.tables[table]!)[0]!
        const name = `${nameOf(table, id)} (${chance.integer(1, 99)})`
        const sql =
          `insert into ${table} (${key}, name) values ($1, $2) ` +
          `on conflict (${key}) do update set name = excluded.name`
        return [{ sql, values: [id, name] }]
      }
      case 2:
        // The service has mistaken one listener for another.
        return [
          {
            sql: 'update listens set user_id = $2 where listen_id = $1',
            values: [known, listener(scene)],
          },
        ]
      default:
        return [inserted(this, listen(scene, chance.id(), 0))]
    }
  },
}

type Counts = Readonly<Record<'artists' | 'albums' | 'tracks', number>>

function countsOf(size: number): Counts {
  const artists = Math.max(tastes, Math.round(size / 100))
  const albums = artists * albumsPerArtist
  return { artists, albums, tracks: albums * tracksPerAlbum }
}

function listener({ chance, size }: Scene): number {
  return chance.skewed(Math.max(20, Math.round(size / 100)), 0.6)
}

function listen(scene: Scene, id: number, agoMs: number): Row {
  const { chance, size, nowMs } = scene
  const user = listener(scene)
  const { artists } = countsOf(size)
  const rank = chance.skewed(artists, 0.9)
  // Artists whose numbers have one remainder are of one kind of music.
  const own = Math.min(artists, rank - (rank % tastes) + (user % tastes)) || 1
  const artist = chance.happens(0.7) ? own : rank
  const album = (artist - 1) * albumsPerArtist + chance.skewed(albumsPerArtist)
  const track = (album - 1) * tracksPerAlbum + chance.skewed(tracksPerAlbum)
  const at = new Date(nowMs - agoMs).toISOString()
  return { table: 'listens', values: [id, user, track, album, artist, at] }
}

function nameOf(table: string, id: number): string {
  const word = (at: number) => words[at % words.length]!
  return `${word(id)} ${word(Math.floor(id / words.length) + id)} ${table.slice(0, 2)}${id}`
}

const words = ['Amber', 'Brook', 'Cinder', 'Delta', 'Ember', 'Fjord', 'Gale', 'Harbour', 'Ivy']
