import { inserted, type Application, type Row, type Scene, type Statement } from '../generator.ts'

const targets = ['start', 'jump', 'duck', 'fire', 'menu']
const pages = ['/lobby', '/arena', '/shop', '/scores']
const hourMs = 3_600_000

/** Players who click and look at pages, some of whose events arrive hours late. */
export const play: Application = {
  tables: {
    clicks: { click_id: 'bigint', session_id: 'bigint', target: 'text', clicked_at: 'timestamptz' },
    page_views: {
      view_id: 'bigint',
      session_id: 'bigint',
      page: 'text',
      spent_ms: 'integer',
      viewed_at: 'timestamptz',
    },
  },

  *rows(scene: Scene): Iterable<Row> {
    for (let id = 1_001; id <= 1_000 + scene.size; id += 1) {
      const at = moment(scene, scene.chance.integer(0, 4 * hourMs))
      yield scene.chance.happens(0.7) ? clickRow(scene, id, at) : viewRow(scene, id, at)
    }
  },

  change(scene: Scene): readonly Statement[] {
    const { chance } = scene
    const known = chance.integer(1_001, 1_000 + scene.size)
    // One in twenty comes late, as from a phone that was offline.
    const at = moment(scene, chance.happens(0.05) ? chance.integer(0, 48 * hourMs) : 0)
    switch (chance.integer(0, 19)) {
      case 0:
        return [{ sql: 'delete from clicks where click_id = $1', values: [known] }]
      case 1:
        // How long a page was looked at is known when it is left.
        return [
          {
            sql: 'update page_views set spent_ms = spent_ms + $2 where view_id = $1',
            values: [known, chance.integer(100, 60_000)],
          },
        ]
      case 2:
        // The clock of a device was wrong: what it has sent moves to another window.
        return [
          { sql: 'update clicks set clicked_at = $2 where click_id = $1', values: [known, at] },
        ]
      default:
        return [
          inserted(
            this,
            chance.happens(0.7)
              ? clickRow(scene, chance.id(), at)
              : viewRow(scene, chance.id(), at),
          ),
        ]
    }
  },
}

function clickRow({ chance, size }: Scene, id: number, at: string): Row {
  return { table: 'clicks', values: [id, session(chance, size), chance.pick(targets), at] }
}

function viewRow({ chance, size }: Scene, id: number, at: string): Row {
  // Half of them are told of when the page is opened.
  const spentMs = chance.happens(0.5) ? 0 : chance.integer(100, 90_000)
  return {
    table: 'page_views',
    values: [id, session(chance, size), chance.pick(pages), spentMs, at],
  }
}

function session(chance: Scene['chance'], size: number): number {
  return chance.skewed(Math.max(10, Math.round(size / 100)), 0.7)
}

/** So long ago, to the microsecond. */
function moment({ chance, nowMs }: Scene, agoMs: number): string {
  const micros = String(chance.integer(0, 999)).padStart(3, '0')
  return new Date(nowMs - agoMs).toISOString().replace('Z', `${micros}Z`)
}
