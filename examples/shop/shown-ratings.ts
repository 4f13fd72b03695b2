/** Which ratings of a customer are shown, and how. */

type Entry = Readonly<Record<string, unknown>>

type Rating = {
  readonly movieId: string
  readonly stars: number
  readonly seenAt: string
  readonly ratedAt: string
}

const monthMs = 30 * 86_400_000

/**
 * A rating is shown once its film is known, and only if it was made within a month of being seen.
 * Films that come late bring the ratings along that wait for them.
 */
export async function shownRatings(
  entry: Entry,
  moviesOf: (keys: readonly string[]) => Promise<readonly (Entry | null)[]>,
): Promise<Entry> {
  const timely = (entry['ratings'] as readonly Rating[]).filter(
    ({ seenAt, ratedAt }) => Date.parse(ratedAt) - Date.parse(seenAt) <= monthMs,
  )
  const movies = timely.length === 0 ? [] : await moviesOf(timely.map(({ movieId }) => movieId))
  const ratings = timely.flatMap(({ movieId, stars, ratedAt }, at) => {
    const movie = movies[at]
    if (!movie) return []
    const { title, category } = movie
    return [{ movieId, title, category, stars, ratedAt }]
  })
  return { ...entry, ratings }
}
