import { countOf, countsOf, defineConfig, defineView } from 'millrace'
import { dimensions } from './dimensions.ts'
import { dayPattern, lastDays, preferencesOf } from './preferences.ts'

/** How often one user met each value of each dimension on one day, for 60 days. */
const interestDay = defineView({
  name: 'interest-day',
  key: { userId: 'bigint', day: 'date' },
  keep: '60 days',
  aggregates: Object.fromEntries(
    Object.entries(dimensions).map(([name, value]) => [
      name,
      countsOf('interests', { item: { value }, by: ['user_id', 'day'] }),
    ]),
  ),
})

const preferences = defineView({
  name: 'preferences',
  serve: '/preferences/:userId',
  key: { userId: 'bigint' },
  aggregates: { interests: countOf('interests', { by: 'user_id' }) },
  query: {
    days: { type: 'integer', minimum: 1, maximum: 60, default: 30 },
    halfLife: { type: 'string', pattern: '^[1-9][0-9]{0,3}d$', default: '7d' },
    until: { type: 'string', pattern: dayPattern },
  },
  respond: async ({ entry, parts, query, read }) => {
    if (!entry) return null
    const days = lastDays(query.until ?? new Date().toISOString().slice(0, 10), query.days)
    const keys = days.map((day) => [parts.userId, day])
    const [entries] = await read([{ view: interestDay, keys }])
    const known = entries.flatMap((counts, daysAgo) => (counts ? [{ daysAgo, counts }] : []))
    const halfLifeDays = Number.parseInt(query.halfLife, 10)
    return { ...entry, ...preferencesOf(known, Object.keys(dimensions), halfLifeDays) }
  },
})

export default defineConfig({ views: [interestDay, preferences] })
