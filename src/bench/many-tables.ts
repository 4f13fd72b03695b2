import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import { tableAt, tableCount } from './many-views.ts'

const rowsPerTable = 1_000

/** Makes and fills them, in an empty database. */
export function tablesSql(): string {
  return Array.from({ length: tableCount }, (_, at) => {
    const table = tableAt(at)
    return `
create table ${table} (id bigint primary key, owner bigint, label text, note text);
create index on ${table} (owner);
insert into ${table} select id, 1 + id * 7919 % ${rowsPerTable}, 'label ' || id, 'note'
  from generate_series(1, ${rowsPerTable}) id;`
  }).join('\n')
}

export type PacedWrites = {
  readonly source: string
  /** Rows changed per second, over all tables alike. */
  readonly rate: number
  readonly signal: AbortSignal
}

const connections = 4
const tickMs = 10
/** What is more than this behind its time is left out, and so seen in what was done. */
const behindMaxMs = 1_000

/** Changes single rows at an even pace until `signal` aborts; answers how many it has changed. */
export async function pacedWrites({ source, rate, signal }: PacedWrites): Promise<number> {
  const done = await Promise.all(
    Array.from({ length: connections }, (_, lane) =>
      writeIn({ source, rate: rate / connections, signal }, lane),
    ),
  )
  return done.reduce((sum, each) => sum + each, 0)
}

async function writeIn({ source, rate, signal }: PacedWrites, lane: number): Promise<number> {
  const client = new Client({ connectionString: source })
  await client.connect()
  const startedMs = systemClock.monotonicMs()
  let [written, skipped] = [0, 0]
  try {
    await client.query('set synchronous_commit = off')
    while (!signal.aborted) {
      const passedMs = systemClock.monotonicMs() - startedMs
      const due = Math.floor((passedMs / 1_000) * rate) - written - skipped
      const late = due - (behindMaxMs / 1_000) * rate
      if (late > 0) skipped += Math.ceil(late)
      for (let left = Math.min(due, Math.ceil(rate)); left > 0 && !signal.aborted; left -= 1) {
        await client.query(statementAt(lane + connections * written))
        written += 1
      }
      await systemClock.sleep(tickMs, signal)
    }
    return written
  } finally {
    await client.end()
  }
}

/** Of five changes three are updates, of which one moves the row to another entry's count. */
function statementAt(step: number): string {
  const [table, turn] = [tableAt(step), Math.floor(step / tableCount)]
  const id = 2 + ((turn * 7_919) % (rowsPerTable - 1))
  // Rows beyond the first ones come and go, so each is deleted one round after its insert.
  const guest = rowsPerTable + 1 + Math.floor(turn / 5)
  switch (turn % 5) {
    case 0:
      return `insert into ${table} values (${guest}, ${id}, 'guest', null) on conflict do nothing`
    case 1:
      return `update ${table} set owner = ${1 + ((turn * 31) % rowsPerTable)} where id = ${id}`
    case 2:
      return `delete from ${table} where id = ${guest - 5}`
    default:
      return `update ${table} set note = 'note ${turn}' where id = ${id}`
  }
}
