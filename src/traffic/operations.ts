import { userIdAt, type Population } from './population.ts'
import { profile, profileEdit } from './profiles.ts'
import type { Random } from '../random.ts'
import type { Parameter, StatementName } from './statements.ts'

/** One statement of an operation, and what of its answer counts as changed rows. */
export type Step = {
  readonly name: StatementName
  readonly values: readonly Parameter[]
}

export type Operation = {
  readonly kind: OperationKind
  readonly steps: readonly Step[]
  /** Rows that it changes when nothing is in its way, for the pace. */
  readonly rowsExpected: number
}

/** How often each kind comes among all operations, by occasion. */
export type Weights = Readonly<Record<OperationKind, number>>

export type OperationKind = keyof typeof makers

/** As people use a network. */
export const networkWeights: Weights = {
  like: 330,
  unlike: 45,
  relike: 15,
  follow: 260,
  unfollow: 45,
  refollow: 15,
  tweet: 130,
  editTweet: 25,
  moveTweet: 12,
  deleteTweet: 25,
  editProfile: 70,
  deleteUser: 2,
  makeUser: 3,
  remakeUser: 1,
  moveKey: 4,
  moveUserKey: 1,
  many: 2,
  transaction: 12,
  rollback: 6,
  savepoint: 6,
}

/** Everything that is hard, all the time: for tests of correctness. */
export const hostileWeights: Weights = {
  like: 10,
  unlike: 8,
  relike: 8,
  follow: 10,
  unfollow: 8,
  refollow: 8,
  tweet: 10,
  editTweet: 4,
  moveTweet: 8,
  deleteTweet: 6,
  editProfile: 12,
  deleteUser: 5,
  makeUser: 6,
  remakeUser: 4,
  moveKey: 8,
  moveUserKey: 4,
  many: 2,
  transaction: 8,
  rollback: 6,
  savepoint: 6,
}

/** The next thing that somebody does. Depends on `random` and on what was chosen before alone. */
export function operation(
  random: Random,
  population: Population,
  weights: Weights = networkWeights,
): Operation {
  const kind = chosenKind(random, weights)
  const steps = makers[kind]({ random, population })
  return { kind, steps, rowsExpected: rowsOf(steps) }
}

type Scene = { readonly random: Random; readonly population: Population }
type Maker = (scene: Scene) => readonly Step[]

const makers = {
  like,
  unlike: ({ random, population }) => [
    step('unlikeSome', userIdAt(population.active(random)), random.bigId()),
  ],
  relike: (scene) => {
    const [{ values }] = like(scene)
    return transaction(step('like', ...values), step('unlike', ...values), step('like', ...values))
  },
  follow,
  unfollow: ({ random, population }) => [
    step('unfollowSome', userIdAt(population.active(random)), userIdAt(population.popular(random))),
  ],
  refollow: (scene) => {
    const [{ values }] = follow(scene)
    return transaction(step('unfollow', ...values), step('follow', ...values))
  },
  tweet,
  editTweet: ({ random, population }) => [
    step('editTweet', tweetOr(population.anyTweet(random)), random.text(random.integer(1, 280))),
  ],
  moveTweet: ({ random, population }) => [
    step('moveTweet', tweetOr(population.anyTweet(random)), userIdAt(population.active(random))),
  ],
  deleteTweet: ({ random, population }) => {
    const id = tweetOr(population.anyTweet(random))
    return transaction(step('cascadeOfTweet', id), step('deleteTweet', id))
  },
  editProfile: ({ random, population }) => {
    const { name, value } = profileEdit(random)
    return [step(name, userIdAt(population.active(random)), value)]
  },
  deleteUser: ({ random, population }) => {
    const rank = population.modest(random)
    population.gone.push(rank)
    return transaction(...deletionOf(userIdAt(rank)))
  },
  makeUser: ({ random, population }) => {
    const rank = population.gone.shift() ?? population.modest(random)
    return [step('makeUser', userIdAt(rank), ...profile(random, rank))]
  },
  remakeUser: ({ random, population }) => {
    const rank = population.modest(random)
    const id = userIdAt(rank)
    return transaction(...deletionOf(id), step('makeUser', id, ...profile(random, rank)))
  },
  moveKey,
  moveUserKey: ({ random, population }) => {
    const rank = population.gone.shift() ?? population.modest(random)
    const passing = -BigInt(rank) - 1n
    return transaction(
      step('makeUser', passing, ...profile(random, rank)),
      step('moveUserKey', passing, userIdAt(rank)),
    )
  },
  many,
  transaction: (scene) => transaction(...several(scene)),
  rollback: (scene) => [step('begin'), ...several(scene), step('rollback')],
  savepoint: (scene) =>
    transaction(
      ...several(scene),
      step('savepoint'),
      ...several(scene),
      step('rollbackToSavepoint'),
      ...several(scene),
    ),
} satisfies Record<string, Maker>

function like({ random, population }: Scene): [Step] {
  const tweetId = tweetOr(population.likedTweet(random))
  return [step('like', userIdAt(population.active(random)), tweetId)]
}

function follow({ random, population }: Scene): [Step] {
  const [follower, followee] = [population.active(random), population.popular(random)]
  return [step('follow', userIdAt(follower), userIdAt(followee))]
}

function tweet({ random, population }: Scene): [Step] {
  const author = random.chance(0.5) ? population.popular(random) : population.active(random)
  const id = random.bigId()
  population.remember({ id, author }, random)
  return [step('tweet', userIdAt(author), id, random.text(random.integer(1, 280)))]
}

/** A changed primary key arrives as a delete and an insert. */
function moveKey(scene: Scene): readonly Step[] {
  const { random, population } = scene
  const user = userIdAt(population.active(random))
  switch (random.integer(0, 2)) {
    case 0: {
      const [made] = tweet(scene)
      return transaction(made, step('moveTweetKey', made.values[1]!, random.bigId()))
    }
    case 1: {
      const [from, to] = [population.popular(random), population.popular(random)]
      return [step('moveFollowKey', user, userIdAt(from), userIdAt(to))]
    }
    default:
      return [step('moveLikeKey', user, random.bigId(), tweetOr(population.likedTweet(random)))]
  }
}

/** Many rows of one statement, as COPY and batch jobs write them. */
function many({ random, population }: Scene): readonly Step[] {
  const count = random.integer(50, 300)
  const people = Array.from({ length: count }, () => userIdAt(population.active(random)))
  switch (random.integer(0, 2)) {
    case 0:
      return [step('manyFollows', people, userIdAt(population.popular(random)))]
    case 1:
      return [step('manyLikes', people, tweetOr(population.likedTweet(random)))]
    default: {
      const ids = people.map(() => random.bigId())
      return [step('manyTweets', ids, userIdAt(population.active(random)))]
    }
  }
}

function several(scene: Scene): readonly Step[] {
  const { random } = scene
  const plain = [like, follow, tweet, makers.unlike, makers.unfollow, makers.editProfile]
  return Array.from({ length: random.integer(1, 4) }, () => random.pick(plain)(scene)).flat()
}

function deletionOf(id: bigint): readonly Step[] {
  return [step('cascadeOfUser', id), step('deleteUser', id)]
}

function transaction(...steps: readonly Step[]): readonly Step[] {
  return [step('begin'), ...steps, step('commit')]
}

function step(name: StatementName, ...values: readonly Parameter[]): Step {
  return { name, values }
}

/** No tweet has id 0: before the first tweet, what needs one changes nothing. */
function tweetOr(id: bigint | undefined): bigint {
  return id ?? 0n
}

function chosenKind(random: Random, weights: Weights): OperationKind {
  const kinds = Object.keys(weights) as OperationKind[]
  let left = random.fraction() * kinds.reduce((sum, kind) => sum + weights[kind], 0)
  for (const kind of kinds) {
    left -= weights[kind]
    if (left < 0) return kind
  }
  return kinds.at(-1)!
}

const noRows = new Set<StatementName>(['begin', 'commit', 'rollback', 'savepoint'])

function rowsOf(steps: readonly Step[]): number {
  if (steps.at(-1)?.name === 'rollback') return 0
  return steps.reduce((rows, { name, values }) => {
    if (noRows.has(name) || name.startsWith('cascade') || name === 'rollbackToSavepoint')
      return rows
    return rows + (Array.isArray(values[0]) ? values[0].length : 1)
  }, 0)
}
