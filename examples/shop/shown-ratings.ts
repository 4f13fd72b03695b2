/** Which ratings of a customer are shown, and how. */

type Entry = Readonly<Record<string, unknown>>

type Rating = {
  readonly movieId: string
  readonly stars: number
  readonly seenAt: string
  readonly ratedAt: string
}

const monthMicros = 30n * 86_400_000_000n

/**
 * A rating is shown once its film is known, and only if it was made within a month of being seen.
 * Films that come late bring the ratings along that wait for them.
 */
export async function shownRatings(
  entry: Entry,
  moviesOf: (keys: readonly string[]) => Promise<readonly (Entry | null)[]>,
): Promise<Entry> {
  const timely = (entry['ratings'] as readonly Rating[]).filter(
    ({ seenAt, ratedAt }) => microsOf(ratedAt) - microsOf(seenAt) <= monthMicros,
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

/**
 * A moment as views tell it, in microseconds. `Date.parse` has milliseconds, and does not know years
 * like +10000; as the calendar repeats every 400 years, it is asked for one that it knows.
 */
function microsOf(moment: string): bigint {
  const [, year, rest, micros] = /^([+-]?\d+)(-.*)\.(\d{6})Z$/.exec(moment)!
  const cycles = Math.floor(Number(year) / 400) - 5
  const known = Date.parse(`${Number(year) - cycles * 400}${rest}Z`)
  return (BigInt(cycles) * cycleSeconds + BigInt(known / 1_000)) * 1_000_000n + BigInt(micros!)
}

const cycleSeconds = 146_097n * 86_400n
