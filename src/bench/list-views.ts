/** Views of `bench lists`, each of one thing that takes memory, over one table of plays. */
import { bigint, timestamptz } from '../types/declare.ts'
import { latestOf } from '../view/aggregates/latest-of.ts'
import { topOf } from '../view/aggregates/top-of.ts'
import { countOf, defineView, from } from '../view/define-view.ts'

export const table = 'plays'

const by = 'owner'
const heardAt = timestamptz('heard_at')
const fields = { song: 'song', heardAt }

export const entryView = defineView({
  name: 'bench-entry',
  key: { id: 'bigint' },
  row: from(table, { key: 'play_id', fields: { ...fields, owner: bigint('owner') } }),
  aggregates: {
    likeCount: countOf('likes', { by: 'play_id' }),
    shareCount: countOf('shares', { by: 'play_id' }),
    replyCount: countOf('replies', { by: 'play_id' }),
    reportCount: countOf('reports', { by: 'play_id' }),
  },
})

export const topView = defineView({
  name: 'bench-top',
  key: { id: 'bigint' },
  aggregates: { top: topOf(table, { item: { song: 'song' }, most: 10, by }) },
})

export const listView = defineView({
  name: 'bench-list',
  key: { id: 'bigint' },
  aggregates: {
    latest: latestOf(table, { order: heardAt, key: bigint('play_id'), most: 10, fields, by }),
  },
})

export const shortItem = (at: number) => `s${String(at).padStart(7, '0')}`
export const longItem = (at: number) => `${'song '.repeat(10)}${shortItem(at)}x`
