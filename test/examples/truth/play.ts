import type { Client } from 'pg'
import { answersOf, moment, type Truth } from './truth.ts'

export async function playTruth(client: Client): Promise<Truth> {
  const [minutes, fiveMinutes] = await Promise.all([
    answersOf(client, windows('/minutes', '1 minute')),
    answersOf(client, windows('/five-minutes', '5 minutes')),
  ])
  return new Map([...minutes, ...fiveMinutes])
}

function windows(path: string, length: string): string {
  const start = (column: string) => `date_bin('${length}', ${column}, '1900-01-01Z')`
  return `
    select '${path}/' || session_id || '/' || ${moment('start')} as path, json_build_object(
      'sessionId', session_id::text, 'start', ${moment('start')}, 'clicks', sum(clicks),
      'pageViews', sum(page_views), 'spentMs', sum(spent_ms)::text) as body
    from (
      select session_id, ${start('clicked_at')} as start, 1 as clicks, 0 as page_views, 0 as spent_ms
      from clicks
      union all
      select session_id, ${start('viewed_at')}, 0, 1, spent_ms from page_views
    ) happened
    group by session_id, start`
}
