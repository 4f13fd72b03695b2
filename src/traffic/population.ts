import type { Random } from '../random.ts'

export type Tweet = { readonly id: bigint; readonly author: number }

const tweetsMax = 20_000
const tweetsByAuthorMax = 20

/**
 * Who there is, by rank of popularity from 0, and the newest tweets. It knows what was intended,
 * not what came of it: the same seed makes the same choices, whatever the database answers.
 */
export class Population {
  readonly users: number
  /** Ranks of users that were deleted and not made again. */
  readonly gone: number[] = []
  readonly #popularity: Float64Array
  readonly #activity: Float64Array
  readonly #stride: number
  readonly #tweets: Tweet[] = []
  readonly #byAuthor = new Map<number, bigint[]>()

  constructor(users: number) {
    this.users = users
    // Followers in real networks fall nearly as one over the rank, activity less steeply.
    this.#popularity = zipf(users, 1)
    this.#activity = zipf(users, 0.7)
    this.#stride = coprime(users)
  }

  /** Few are followed by very many. */
  popular(random: Random): number {
    return drawn(this.#popularity, random)
  }

  /** Few do very much; they are others than the popular ones. */
  active(random: Random): number {
    return (drawn(this.#activity, random) * this.#stride + 1) % this.users
  }

  /** One of the less popular half, for a deletion that cascades must not stop the world. */
  modest(random: Random): number {
    return random.integer(this.users >> 1, this.users - 1)
  }

  remember(tweet: Tweet, random: Random): void {
    if (this.#tweets.length < tweetsMax) this.#tweets.push(tweet)
    else this.#tweets[random.integer(0, tweetsMax - 1)] = tweet
    const own = this.#byAuthor.get(tweet.author) ?? []
    if (own.length >= tweetsByAuthorMax) own.shift()
    own.push(tweet.id)
    this.#byAuthor.set(tweet.author, own)
  }

  /** A tweet of a popular author where there is one, else of anybody. */
  likedTweet(random: Random): bigint | undefined {
    const own = this.#byAuthor.get(this.popular(random))
    return own ? random.pick(own) : this.anyTweet(random)
  }

  anyTweet(random: Random): bigint | undefined {
    return this.#tweets.length === 0 ? undefined : random.pick(this.#tweets).id
  }
}

/**
 * The id of a rank. Some lie where a JavaScript number can't tell neighbours apart, some at the end
 * of 64 bits; they are spread over all ranks, so popular and active users have them too.
 */
export function userIdAt(rank: number): bigint {
  if (rank % 20 === 3 || rank % 20 === 4) return 2n ** 53n + BigInt(rank + 1)
  if (rank % 20 === 17) return 2n ** 63n - 1n - BigInt(rank - 17)
  return BigInt(rank + 1)
}

/** Cumulated weights of ranks, `1 / (rank + 1) ** exponent`. */
function zipf(count: number, exponent: number): Float64Array {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -exponent
    sums[rank] = sum
  }
  return sums
}

function drawn(sums: Float64Array, random: Random): number {
  const target = random.fraction() * sums[sums.length - 1]!
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle]! > target) high = middle
    else low = middle + 1
  }
  return low
}

/** A stride that visits every rank once, far apart. */
function coprime(count: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let stride = Math.max(1, Math.floor(count * 0.618))
  while (divisor(stride, count) !== 1) stride += 1
  return stride
}
