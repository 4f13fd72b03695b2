import { describe } from '../../errors.ts'
import type { Log } from '../../log.ts'

/**
 * Lets Redis write its append-only file anew, once after each of its starts.
 *
 * A Redis that loses power while it writes a script's effects finds a torn transaction at its next
 * start. It leaves that out and cuts the file behind the last whole command, but keeps the `MULTI`
 * in front (Redis 7.0; Valkey mends it in its pull request 4342). What is written from then on
 * stands inside of that transaction, and the start after the next one applies the torn half of a
 * commit together with what came later: counters drift, and the checkpoint doesn't show it.
 */
export async function rewriteTornLog(
  connection: { ask(name: string, args: readonly string[]): Promise<unknown> },
  log: Log | undefined,
): Promise<void> {
  try {
    const info = String(await connection.ask('info', ['persistence']))
    const is = (line: string) => info.includes(`\n${line}\r`)
    if (!is('aof_enabled:1') || !is('aof_last_rewrite_time_sec:-1')) return
    if (is('aof_rewrite_in_progress:1') || is('aof_rewrite_scheduled:1')) return
    await connection.ask('bgrewriteaof', [])
    log?.info('redis has started anew and is asked to rewrite its append-only file')
  } catch (error) {
    // Another worker, or the one of another view, was quicker.
    if (describe(error).includes('already in progress')) return
    log?.warn(
      {
        reason: describe(error),
        hint: 'Allow +bgrewriteaof, or run it after each crash of Redis.',
      },
      'redis was not asked to rewrite its append-only file: a second crash may do harm',
    )
  }
}
