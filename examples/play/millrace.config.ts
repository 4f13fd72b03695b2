import { countOf, defineConfig, defineView, integer, sumOf, windowOf } from 'millrace'

/** What one session did in each window of so long. */
function playView(name: string, serve: string, length: string) {
  const clicks = ['session_id', 'clicked_at']
  const views = ['session_id', 'viewed_at']
  return defineView({
    name,
    serve,
    // A session does much within seconds, of which each window takes one write.
    lingerMs: 2_000,
    key: { sessionId: 'bigint', start: windowOf('timestamptz', length) },
    aggregates: {
      clicks: countOf('clicks', { by: clicks }),
      pageViews: countOf('page_views', { by: views }),
      spentMs: sumOf('page_views', { of: integer('spent_ms'), by: views }),
    },
  })
}

export default defineConfig({
  // What one session does is spread over the partitions of a topic, by the events' ids, and only what
  // comes in one of them is written together.
  topicPartitions: 1,
  views: [
    playView('play-minute', '/minutes/:sessionId/:start', '1 minute'),
    playView('play-five-minutes', '/five-minutes/:sessionId/:start', '5 minutes'),
  ],
})
