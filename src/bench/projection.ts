import { bytesPerEntry, type ViewSize } from './redis-memory.ts'

const usersPerDay = 2_000_000
const days = 60
const gibibytesOfServer = 128

/** What a view of users and days takes, and what it would take of many users over many days. */
export function projection(size: ViewSize): readonly string[] {
  const { entries, tallies } = size
  const bytes = bytesPerEntry(size)
  const keys = 1 + tallies.count / entries.count
  const userDays = usersPerDay * days
  // Redis has at most two places for each key in the table of all keys, of eight bytes each.
  const gibibytes = (userDays * (bytes + keys * 16)) / 2 ** 30
  return [
    `user-day  ${bytes.toFixed(0)} bytes in ${keys.toFixed(1)} keys, ` +
      `with ${(size.items / tallies.measured).toFixed(2)} values of each dimension`,
    `projected ${usersPerDay} users a day, kept for ${days} days: ${millions(userDays)} million ` +
      `user-days, ${millions(userDays * keys)} million keys, ${gibibytes.toFixed(0)} GiB of Redis`,
    `          that is ${Math.ceil(gibibytes / gibibytesOfServer)} servers with ` +
      `${gibibytesOfServer} GiB for their data, each with the users of a part`,
  ]
}

function millions(count: number): string {
  return (count / 1_000_000).toFixed(0)
}
